//! The application's handle of a stream.

use core::fmt;
use core::task::{Context, Poll, ready};
use std::io::IoSlice;

use bytes::Bytes;

use super::error::StreamError;
use super::halves::{RecvHandle, SendHandle};
use super::shared::{Shared, State};
use super::sync::Arc;
use crate::connection::Key;
use crate::copying::PIECE;
use crate::error::{ReadError, WriteError};
use crate::stream::SLICE_MIN;
use crate::stream_id::StreamId;

/// A stream as `poll_` functions, without any runtime's traits: what both adapters wrap.
///
/// The reading and the writing half can be used by two tasks, each with a handle of its own after
/// [`split`](Self::split). Dropping one lets go of what it holds: FIN follows what was written, and what
/// still arrives is discarded for a while. [`Config::reset_unfinished`](crate::Config::reset_unfinished)
/// makes it a reset.
pub struct Handle {
    shared: Arc<Shared>,
    /// The parts of the stream's [`Key`], which take less room apart: there may be a million handles.
    place: u64,
    id: StreamId,
    /// It reads, as a whole or as a half of one.
    recv: bool,
    /// It writes.
    send: bool,
    /// Writes since others had their turn.
    writes: u16,
    on_drop: OnDrop,
}

/// What it is to drop a handle.
#[derive(Clone, Copy)]
enum OnDrop {
    /// See [`Config::reset_unfinished`](crate::Config::reset_unfinished).
    AsConfigured,
    /// FIN.
    Finish,
    /// In the middle of the stream, a reset with this code.
    Reset(u32),
}

impl Handle {
    /// Writes before others get their turn: a few milliseconds at most, and seldom enough that small
    /// writes still fill batches.
    const WRITES_MAX: u16 = 16 * 1024;

    pub(super) fn new(state: &mut State, shared: &Arc<Shared>, key: Key) -> Self {
        state.handles = state.handles.saturating_add(1);
        Self {
            shared: Arc::clone(shared),
            place: key.place,
            id: key.id,
            recv: true,
            send: true,
            writes: 0,
            on_drop: OnDrop::AsConfigured,
        }
    }

    /// The number of the stream.
    pub const fn id(&self) -> StreamId {
        self.id
    }

    const fn key(&self) -> Key {
        Key { id: self.id, place: self.place }
    }

    /// Whether the peer has shown that it has taken the stream.
    pub fn is_acked(&self) -> bool {
        self.shared.look(|state| state.connection.stream_at(self.key()).is_acked())
    }

    /// The reading and the writing half.
    #[must_use]
    pub fn split(mut self) -> (RecvHandle, SendHandle) {
        self.shared.look(|state| state.handles = state.handles.saturating_add(1));
        let send = Self {
            shared: Arc::clone(&self.shared),
            place: self.place,
            id: self.id,
            recv: false,
            send: true,
            writes: 0,
            on_drop: self.on_drop,
        };
        self.send = false;
        (RecvHandle(self), SendHandle(send))
    }

    /// Hands up to `max` received bytes to `sink`, piece by piece, and says how many: 0 only after
    /// the peer's FIN, or if `max` is 0. `sink` runs while the session is locked: it should copy, and
    /// must not use the session or a stream of it.
    ///
    /// # Errors
    /// [`StreamError::Reset`] or why the session ended, after all that was received before.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        mut sink: impl FnMut(&[u8]),
    ) -> Poll<Result<usize, StreamError>> {
        let mut pieces = None;
        let read = self.shared.with(|state, wakes| {
            let mut stream = state.connection.stream_at(self.key());
            let result = if stream.front_len() >= SLICE_MIN {
                pieces.insert(Pieces::default()).gather(&mut stream, max)
            } else {
                stream.read_with(max, &mut sink)
            };
            state.poll_read_result(cx, self.key(), result, wakes)
        });
        // Large pieces are copied without the lock.
        if let Some(Pieces(pieces)) = pieces {
            pieces.iter().flatten().flat_map(|piece| piece.chunks(PIECE)).for_each(sink);
        }
        read
    }

    /// Up to `max` received bytes in one piece, without a copy; `None` only after the peer's FIN. With
    /// a `max` of 0, nothing is waited for and the piece is empty.
    ///
    /// # Errors
    /// As for [`poll_read`](Self::poll_read).
    pub fn poll_read_chunk(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
    ) -> Poll<Result<Option<Bytes>, StreamError>> {
        self.shared.with(|state, wakes| {
            let result = state.connection.stream_at(self.key()).read_chunk(max);
            state.poll_read_result(cx, self.key(), result, wakes)
        })
    }

    /// Takes as much of `data` as has room and says how much; at least one byte unless it is empty.
    ///
    /// # Errors
    /// [`StreamError::Finished`], [`StreamError::Reset`] or why the session ended: then nothing of
    /// `data` was taken.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, StreamError>> {
        if self.is_turn_over(cx) {
            return Poll::Pending;
        }
        self.shared.with(|state, wakes| {
            let result = state.connection.stream_at(self.key()).write(data);
            state.poll_write_result(cx, self.key(), result, wakes)
        })
    }

    /// Like [`poll_write`](Self::poll_write) for several slices in order.
    ///
    /// # Errors
    /// As for [`poll_write`](Self::poll_write).
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize, StreamError>> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return self.poll_write(cx, &[]);
        }
        if self.is_turn_over(cx) {
            return Poll::Pending;
        }
        self.shared.with(|state, wakes| {
            let mut stream = state.connection.stream_at(self.key());
            let mut written: usize = 0;
            for slice in slices.iter().filter(|slice| !slice.is_empty()) {
                match stream.write(slice) {
                    Ok(taken) => {
                        written = written.saturating_add(taken);
                        if taken < slice.len() {
                            break;
                        }
                    }
                    Err(_) if written > 0 => break,
                    Err(error) => {
                        return state.poll_write_result(cx, self.key(), Err(error), wakes);
                    }
                }
            }
            Poll::Ready(Ok(written))
        })
    }

    /// Takes from the front of `data` without a copy until nothing is left of it. Not all of it may
    /// have been taken while this is pending.
    ///
    /// # Errors
    /// As for [`poll_write`](Self::poll_write); `data` holds what was not taken.
    pub fn poll_write_chunk(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
    ) -> Poll<Result<(), StreamError>> {
        if self.is_turn_over(cx) {
            return Poll::Pending;
        }
        self.shared.with(|state, wakes| {
            loop {
                let result = state.connection.stream_at(self.key()).write_chunk(data);
                match ready!(state.poll_write_result(cx, self.key(), result, wakes)) {
                    Ok(_) if data.is_empty() => return Poll::Ready(Ok(())),
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        })
    }

    /// Whether others should run now, which happens every so many writes; the caller is woken again.
    ///
    /// Small writes join what is staged, so that with a second thread to drain it they always find
    /// room: a task that only writes would never wait, and what it waits for besides, be it a timeout
    /// round the writes, would never be looked at.
    #[inline]
    fn is_turn_over(&mut self, cx: &Context<'_>) -> bool {
        self.writes = self.writes.wrapping_add(1) % Self::WRITES_MAX;
        if self.writes == 0 {
            cx.waker().wake_by_ref();
        }
        self.writes == 0
    }

    /// Why nothing more can come or go, once that is so: what [`poll_closed`](Self::poll_closed) waits
    /// for.
    pub fn close_reason(&self) -> Option<StreamError> {
        self.shared.look(|state| state.close_reason(self.key()))
    }

    /// Waits until nothing more can come or go, and says why: the stream was reset, both sides have
    /// finished it ([`StreamError::Finished`]), or the session has ended. Shares its waker with
    /// writing, flushing and closing.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.shared.with(|state, wakes| state.poll_closed(cx, self.key(), wakes))
    }

    /// Waits until everything written to this stream is in the transport's hands and flushed.
    ///
    /// # Errors
    /// [`StreamError::Reset`], unless all of it was flushed and the peer had finished the stream before
    /// it reset it; or why the session ended.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.shared.with(|state, wakes| state.poll_flush(cx, self.key(), wakes))
    }

    /// Sends FIN behind what was written and flushes. Never waits for the peer.
    ///
    /// # Errors
    /// As for [`poll_flush`](Self::poll_flush).
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.shared.with(|state, wakes| match state.connection.stream_at(self.key()).finish() {
            Err(WriteError::Closed(cause)) => Poll::Ready(Err(state.error(cause).into())),
            Ok(()) | Err(WriteError::Finished | WriteError::Blocked | WriteError::Reset(_)) => {
                state.poll_flush(cx, self.key(), wakes)
            }
        })
    }

    /// From now on, dropping the handle resets the stream with `code`, unless the directions of its
    /// halves have ended; with `None`, it finishes it, whatever is configured. Halves that it is
    /// [`split`](Self::split) into later do the same.
    pub fn reset_on_drop(&mut self, code: Option<u32>) {
        self.on_drop = code.map_or(OnDrop::Finish, OnDrop::Reset);
    }

    /// Ends both directions at once: RST with `code` follows what was written.
    pub fn reset(&mut self, code: u32) {
        self.shared.with(|state, _| state.connection.stream_at(self.key()).reset(code));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.with(|state, wakes| {
            state.forget_wakers(self.key(), self.recv, self.send, wakes);
            let mut stream = state.connection.stream_at(self.key());
            let is_open = (self.send && stream.can_write()) || (self.recv && stream.can_receive());
            if let (OnDrop::Reset(code), true) = (self.on_drop, is_open) {
                stream.reset(code);
            }
            if self.send {
                if matches!(self.on_drop, OnDrop::Finish) {
                    // What was finished or reset before is, all the more so.
                    let _ = stream.finish();
                }
                stream.stop_writing();
            }
            if self.recv {
                stream.stop_reading();
            }
            state.drop_handle();
        });
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.id.get()).finish_non_exhaustive()
    }
}

/// Pieces taken out of a stream's queue, to be copied once the lock is free.
#[derive(Default)]
struct Pieces([Option<Bytes>; 4]);

impl Pieces {
    fn gather(&mut self, stream: &mut crate::Stream<'_>, max: usize) -> Result<usize, ReadError> {
        let mut gathered: usize = 0;
        for place in &mut self.0 {
            let left = max.saturating_sub(gathered);
            if left == 0 || (gathered > 0 && stream.front_len() == 0) {
                break;
            }
            let piece = stream.read_chunk(left)?.unwrap_or_default();
            gathered = gathered.saturating_add(piece.len());
            *place = Some(piece);
        }
        Ok(gathered)
    }
}
