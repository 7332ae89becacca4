//! The application's view of one stream.

use core::fmt;

use bytes::{Buf, Bytes};

use super::recv::{Pool, RecvHalf};
#[cfg(feature = "driver")]
use super::send::Blocked;
use super::state::State;
use crate::connection::{Connection, Key};
use crate::error::{ReadError, ResetError, WriteError};
use crate::stream_id::StreamId;

/// Chunks shorter than this are copied into the output instead of becoming a segment of their own,
/// in bytes: a segment costs more than the copy.
const CHUNK_MIN: usize = 4096;

/// One stream of a [`Connection`], borrowed to use it.
pub struct Stream<'a> {
    connection: &'a mut Connection,
    key: Key,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(connection: &'a mut Connection, key: Key) -> Self {
        Self { connection, key }
    }

    /// Its number.
    pub const fn id(&self) -> StreamId {
        self.key.id
    }

    /// Whether the peer has shown that it has taken the stream; always true for the peer's own.
    ///
    /// If not, and the stream was reset by the peer, the peer refused it.
    pub fn is_acked(&self) -> bool {
        self.connection.entry(self.key).is_none_or(|entry| entry.is_acked())
    }

    /// Stages as much of `data` for sending as has room, and says how much that was: at most the
    /// peer's window, the stream's send buffer, and its share of the session's.
    ///
    /// # Errors
    /// [`WriteError::Blocked`] if there is no room at all; an [`Event::Writable`] follows.
    ///
    /// [`Event::Writable`]: crate::Event::Writable
    pub fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        let room = self.connection.take_room(self.key, data.len())?;
        self.connection.stage_data(self.key, data.get(..room).unwrap_or_default());
        Ok(room)
    }

    /// Like [`write`](Self::write), but takes what it stages from the front of `data` without a copy,
    /// unless that is short.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_chunk(&mut self, data: &mut Bytes) -> Result<usize, WriteError> {
        let room = self.connection.take_room(self.key, data.len())?;
        if room < CHUNK_MIN {
            // The last reference stays the caller's: to drop it may do anything.
            self.connection.stage_data(self.key, data.get(..room).unwrap_or_default());
            data.advance(room);
        } else {
            self.connection.stage_chunk(self.key, data.split_to(room));
        }
        Ok(room)
    }

    /// Stages FIN behind the data: nothing more will be written (spec: Closing a stream).
    ///
    /// # Errors
    /// [`WriteError::Finished`] the second time.
    pub fn finish(&mut self) -> Result<(), WriteError> {
        self.connection.finish_stream(self.key)
    }

    /// Ends both directions at once. What was staged is still sent, then RST with `code`; what was
    /// received is thrown away. No effect on a stream that has ended.
    pub fn reset(&mut self, code: u32) {
        self.connection.reset_stream(self.key, ResetError::Locally(code));
    }

    /// Copies received data into `out` and says how much: 0 only after the peer's FIN, or if `out`
    /// is empty. Data that came before a reset or the end of the session is read first.
    ///
    /// # Errors
    /// [`ReadError::Blocked`] if nothing has arrived; an [`Event::Readable`] follows.
    ///
    /// [`Event::Readable`]: crate::Event::Readable
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, ReadError> {
        let mut rest = out;
        self.read_with(rest.len(), |piece| {
            let (now, later) = core::mem::take(&mut rest).split_at_mut(piece.len());
            now.copy_from_slice(piece);
            rest = later;
        })
    }

    /// Hands up to `max` bytes of received data to `sink`, piece by piece, and says how many; 0 only
    /// after the peer's FIN, or if `max` is 0.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_with(
        &mut self,
        max: usize,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<usize, ReadError> {
        if max == 0 {
            return Ok(0);
        }
        let read = |recv: &mut RecvHalf, pool: &mut Pool| recv.read(max, pool, &mut sink);
        let read = self.connection.take_unread(self.key, read)?;
        Ok(read.unwrap_or(0))
    }

    /// Takes up to `max` bytes of received data in one piece, without a copy; `None` only after the
    /// peer's FIN.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_chunk(&mut self, max: usize) -> Result<Option<Bytes>, ReadError> {
        if max == 0 {
            return Ok(Some(Bytes::new()));
        }
        self.connection.take_unread(self.key, |recv, pool| recv.read_chunk(max, pool))
    }

    /// Bytes at the front of what was received that [`read_chunk`](Self::read_chunk) would yield.
    pub fn front_len(&self) -> usize {
        self.connection.entry(self.key).map_or(0, |entry| entry.recv.front_len())
    }

    /// The application will not read any more. What comes is discarded, for a while; see
    /// [`Config::linger_bytes`](crate::Config::linger_bytes). Once it has said so, has called
    /// [`stop_writing`](Self::stop_writing), and both sides have ended the stream, the connection
    /// forgets it.
    pub fn stop_reading(&mut self) {
        self.connection.release_half(self.key, Half::Recv);
    }

    /// The application will not write any more; FIN follows what it wrote, or RST for both directions if
    /// that is what [`Config::reset_unfinished`](crate::Config::reset_unfinished) says. Due after
    /// [`finish`](Self::finish) as well: see [`stop_reading`](Self::stop_reading).
    pub fn stop_writing(&mut self) {
        if let Some(code) = self.connection.config().reset_unfinished() {
            if self.can_write() {
                self.reset(code);
            }
        }
        self.connection.release_half(self.key, Half::Send);
    }

    /// Whether data may still be written, room or not.
    pub fn can_write(&self) -> bool {
        self.connection.entry(self.key).is_some_and(|entry| entry.state.can_send())
    }

    /// Whether the peer may still send data.
    pub fn can_receive(&self) -> bool {
        self.connection.entry(self.key).is_some_and(|entry| entry.state.can_receive())
    }

    /// Who reset the stream, if somebody did.
    pub fn reset_cause(&self) -> Option<ResetError> {
        self.connection.entry(self.key)?.state.reset_cause()
    }

    /// Whether the peer reset the stream after it had finished it.
    #[cfg(feature = "driver")]
    pub(crate) fn is_stopped(&self) -> bool {
        self.connection.entry(self.key).is_some_and(|entry| entry.state.is_stopped())
    }

    /// Whether nothing more will come or go.
    #[cfg(feature = "driver")]
    pub(crate) fn is_ended(&self) -> bool {
        self.connection.entry(self.key).is_none_or(|entry| entry.state.is_ended())
    }

    /// The application waits for something other than room to write: the end is to wake it.
    #[cfg(feature = "driver")]
    pub(crate) fn await_end(&mut self) {
        if let Some(entry) = self.connection.entry_mut(self.key) {
            if entry.send.blocked == Blocked::No {
                entry.send.blocked = Blocked::OnEnd;
            }
        }
    }

    /// The batch of output that holds this stream's latest frame.
    #[cfg(feature = "driver")]
    pub(crate) fn last_batch(&self) -> Option<u64> {
        self.connection.entry(self.key).map(|entry| entry.send.last_batch)
    }
}

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.id().get()).finish_non_exhaustive()
    }
}

/// Counts what a reader has taken, though its sink may panic.
struct Reading<'a> {
    connection: &'a mut Connection,
    key: Key,
    /// Bytes that waited before.
    before: usize,
}

impl Drop for Reading<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.before > 0 {
            self.connection.consumed(self.key, self.before);
        }
    }
}

/// A half of a stream that the application holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// The one it reads from.
    Recv,
    /// The one it writes to.
    Send,
}

impl Connection {
    fn finish_stream(&mut self, key: Key) -> Result<(), WriteError> {
        let Some(entry) = self.entry(key) else { return Err(WriteError::Finished) };
        match (entry.state, self.cause()) {
            (State::Reset(why) | State::Stopped(why), _) => return Err(WriteError::Reset(why)),
            (State::SentFin | State::Closed, _) => return Err(WriteError::Finished),
            (State::Open | State::GotFin, Some(cause)) => return Err(WriteError::Closed(cause)),
            (State::Open | State::GotFin, None) => self.change(key, State::send_fin),
        };
        self.stage_fin(key);
        self.linger_if_left(key);
        self.release_if_over(key);
        Ok(())
    }

    /// Reads by `take` if anything is there, and otherwise says what a reader should know.
    fn take_unread<T>(
        &mut self,
        key: Key,
        take: impl FnOnce(&mut RecvHalf, &mut Pool) -> T,
    ) -> Result<Option<T>, ReadError> {
        let cause = self.cause();
        let mut reading = Reading { connection: self, key, before: 0 };
        let Some((entry, pool)) = reading.connection.entry_and_pool(key) else { return Ok(None) };
        reading.before = entry.recv.unread();
        if reading.before > 0 {
            return Ok(Some(take(&mut entry.recv, pool)));
        }
        match (entry.state, cause) {
            (State::GotFin | State::Closed | State::Stopped(_), _) => Ok(None),
            (State::Reset(why), _) => Err(ReadError::Reset(why)),
            (State::Open | State::SentFin, Some(cause)) => Err(ReadError::Closed(cause)),
            (State::Open | State::SentFin, None) => {
                entry.recv.blocked = true;
                Err(ReadError::Blocked)
            }
        }
    }

    fn release_half(&mut self, key: Key, half: Half) {
        let Some(entry) = self.entry_mut(key) else { return };
        match half {
            Half::Recv => {
                entry.held.recv = false;
                entry.recv.blocked = false;
                let discarded = self.drop_unread(key);
                self.credit(key, discarded);
                self.linger_if_left(key);
            }
            Half::Send => {
                entry.held.send = false;
                // An error means that the stream or the session has ended: no FIN is owed.
                let _ = self.finish_stream(key);
            }
        }
        self.release_if_over(key);
    }
}
