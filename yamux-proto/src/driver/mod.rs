//! The async layer that every adapter shares: who waits for what, and when I/O happens.
//!
//! It knows tasks and wakers, and no runtime. An adapter gives it a [`Transport`] and a [`Timer`],
//! spawns the [`Driver`], and wraps [`Session`] and [`Handle`] in the traits of its runtime.

#![allow(
    clippy::disallowed_types,
    reason = "wakers, locks and std's errors are what this layer adds to the core"
)]

mod error;
mod read_buffer;
mod session;
mod shared;
mod stream;
mod sync;
mod wakers;

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};

use bytes::{Buf, BytesMut};

use crate::config::Config;
use crate::connection::{Connection, Transmit, TransportState};
use crate::stream_id::Side;
use crate::time::Instant;

pub use error::{SessionError, StreamError};
pub use session::{AcceptTurn, Session};
pub use stream::Handle;

use read_buffer::ReadBuffer;
use shared::{Parking, Shared};
use sync::Arc;
use wakers::Wakes;

/// A reliable, ordered byte pipe, in the terms of `core::task`.
pub trait Transport {
    /// Appends what has arrived to `buf`, at most its spare capacity; 0 means that the input has
    /// ended.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Writes from the front of `bufs` and says how much.
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Pushes out what was written.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Flushes and closes the write side.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A clock, and one alarm.
pub trait Timer {
    /// The time on a monotonic clock.
    fn now(&self) -> Instant;

    /// Ready once `deadline` has passed; the alarm of an earlier call is forgotten.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;
}

/// A session over `transport`, and the future that must run for it to live.
pub fn session<T: Transport, C: Timer>(
    transport: T,
    timer: C,
    side: Side,
    config: Config,
) -> (Session, Driver<T, C>) {
    let shared = Arc::new(Shared::new(Connection::new(side, config, timer.now())));
    (Session::new(Arc::clone(&shared)), Driver::new(shared, transport, timer))
}

/// Moves bytes between a session and its transport, and resolves when the session is over.
///
/// Dropping it ends the session: every waiter gets [`SessionError::DriverDropped`].
#[must_use = "a session only lives while its driver runs"]
pub struct Driver<T, C> {
    shared: Arc<Shared>,
    transport: T,
    timer: C,
    input: ReadBuffer,
    input_ended: bool,
    input_paused: bool,
    output: Transmit,
    /// The number of the batch in `output`, or of the last one that was.
    batch: u64,
    batch_flushed: u64,
    transport_full: bool,
    wakes: Wakes,
    yields: u8,
    /// A batch was taken whose transmission the connection has not been told of.
    in_flight: bool,
    /// When the connection next wants to know the time.
    deadline: Option<Instant>,
    /// When to look whether memory can be given back, and the work done until the last look.
    tidy_at: Option<Instant>,
    work: u64,
    work_seen: u64,
    finished: bool,
}

/// Segments of one vectored write.
const SEGMENTS: usize = 64;

/// What a pass of the driver came to.
enum Pass {
    /// There may be more to do.
    Again,
    /// Others should run before there is more to do.
    Yield,
    /// Nothing to do until somebody wakes the driver.
    Parked,
    /// The session is over.
    Done,
}

impl<T: Transport, C: Timer> Driver<T, C> {
    /// Passes before other tasks get their turn.
    const BUDGET: usize = 8;
    /// Yields in favour of readers that are about to write, before a batch goes out without them.
    const YIELDS_MAX: u8 = 2;
    /// Quiet time after which buffers are given back.
    const TIDY_AFTER: core::time::Duration = core::time::Duration::from_secs(1);

    fn new(shared: Arc<Shared>, transport: T, timer: C) -> Self {
        Self {
            shared,
            transport,
            timer,
            input: ReadBuffer::default(),
            input_ended: false,
            input_paused: false,
            output: Transmit::default(),
            batch: 0,
            batch_flushed: 0,
            transport_full: false,
            wakes: Wakes::default(),
            yields: 0,
            in_flight: false,
            deadline: None,
            tidy_at: None,
            work: 0,
            work_seen: 0,
            finished: false,
        }
    }

    fn pass(&mut self, cx: &mut Context<'_>) -> Pass {
        let now = self.timer.now();
        self.check_deadlines(now);
        let read = self.poll_input(cx, now);
        let written = match self.poll_output(cx, now) {
            Poll::Ready(written) => written,
            Poll::Pending => return Pass::Yield,
        };
        let state = self.shared.look(shared::State::transport);
        let closed = state == TransportState::CloseWrite && self.poll_close_write(cx);
        if state == TransportState::Done {
            return Pass::Done;
        }
        if read || written || closed {
            self.work = self.work.saturating_add(1);
            return Pass::Again;
        }
        self.park(cx, now)
    }

    /// Reads once; false if nothing came.
    fn poll_input(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.input_paused {
            return self.resume_input(now);
        }
        if self.input_ended {
            return false;
        }
        let room = self.input.make_room();
        match self.transport.poll_read(cx, &mut self.input.bytes) {
            Poll::Pending => false,
            Poll::Ready(Ok(0)) => {
                self.input_ended = true;
                self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| {
                    state.connection.handle_eof(now);
                });
                true
            }
            Poll::Ready(Ok(read)) => {
                self.input.learn(room, read);
                self.take_input(now);
                true
            }
            Poll::Ready(Err(error)) => {
                self.fail(error);
                true
            }
        }
    }

    fn take_input(&mut self, now: Instant) {
        let input = &mut self.input.bytes;
        (self.input_paused, self.deadline) =
            self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| {
                state.connection.handle_input(now, input);
                (state.is_input_unwanted(), state.connection.poll_timeout())
            });
    }

    /// Goes on with input that was left unread, once the connection wants it.
    fn resume_input(&mut self, now: Instant) -> bool {
        if self.shared.look(|state| state.is_input_unwanted()) {
            return false;
        }
        self.take_input(now);
        true
    }

    /// Writes until nothing is due or the transport is full; false if nothing was written, pending
    /// to let others add to what is due.
    fn poll_output(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<bool> {
        let mut written = false;
        loop {
            if !self.output.has_remaining() && !ready!(self.next_batch(now)) {
                break;
            }
            match self.write_batch(cx) {
                Ok(progress) if self.output.has_remaining() => {
                    self.transport_full = true;
                    self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| {
                        state.connection.handle_transport_full(now, progress);
                    });
                    return Poll::Ready(written);
                }
                Ok(_) => {
                    self.transport_full = false;
                    written = true;
                }
                Err(error) => {
                    self.fail(error);
                    return Poll::Ready(true);
                }
            }
        }
        if self.batch_flushed < self.batch {
            match self.transport.poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.batch_flushed = self.batch,
                Poll::Ready(Err(error)) => self.fail(error),
            }
        }
        Poll::Ready(written)
    }
}

impl<T: Transport, C: Timer> Driver<T, C> {
    /// Asks the connection for the next batch; pending if it is worth waiting for more.
    ///
    /// When several readers were woken a moment ago, some of them are about to write: going last
    /// turns their answers into one write, which doubles the round trips of many streams. With one
    /// reader, waiting would only cost it time.
    fn next_batch(&mut self, now: Instant) -> Poll<bool> {
        let (output, in_flight) = (&mut self.output, core::mem::take(&mut self.in_flight));
        let may_yield = self.yields < Self::YIELDS_MAX;
        let batch = self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| {
            if in_flight {
                state.connection.handle_transmitted(now);
            }
            if may_yield && state.readers_woken >= 2 && state.connection.has_output() {
                return Poll::Pending;
            }
            let batch = state.connection.batch();
            Poll::Ready(state.connection.poll_transmit(now, output).then(|| {
                state.readers_woken /= 2;
                batch
            }))
        });
        match batch {
            Poll::Pending => {
                self.yields = self.yields.saturating_add(1);
                Poll::Pending
            }
            Poll::Ready(None) => Poll::Ready(false),
            Poll::Ready(Some(batch)) => {
                self.yields = 0;
                self.in_flight = true;
                self.batch = batch;
                Poll::Ready(true)
            }
        }
    }

    /// Writes the batch as far as the transport takes it; whether it took anything.
    fn write_batch(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut progress = false;
        while self.output.has_remaining() {
            let mut slices = [IoSlice::new(&[]); SEGMENTS];
            let mut count: usize = 0;
            for (slice, segment) in slices.iter_mut().zip(self.output.segments()) {
                *slice = IoSlice::new(segment);
                count = count.saturating_add(1);
            }
            let slices = slices.get(..count).unwrap_or_default();
            match self.transport.poll_write_vectored(cx, slices) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.output.advance(written);
                    progress = true;
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        Ok(progress)
    }

    /// Closes the write side; true when that is done.
    fn poll_close_write(&mut self, cx: &mut Context<'_>) -> bool {
        match self.transport.poll_close(cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => {
                self.batch_flushed = self.batch;
                self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| {
                    state.connection.handle_write_closed();
                });
                true
            }
            Poll::Ready(Err(error)) => {
                self.fail(error);
                true
            }
        }
    }

    fn check_deadlines(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| {
                state.connection.handle_timeout(now);
                state.connection.poll_timeout()
            });
        }
        if self.tidy_at.is_some_and(|at| at <= now) {
            self.tidy_at = None;
            if self.work == self.work_seen {
                self.tidy();
            }
        }
    }

    /// Gives back the memory that only traffic needs.
    fn tidy(&mut self) {
        self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| state.shrink());
        self.input.shrink();
        self.output.shrink();
    }

    fn park(&mut self, cx: &mut Context<'_>, now: Instant) -> Pass {
        let parking =
            Parking { transport_full: self.transport_full, input_paused: self.input_paused };
        let (pass, deadline) =
            self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| {
                (state.park(parking, cx), state.connection.poll_timeout())
            });
        self.deadline = deadline;
        if !matches!(pass, Pass::Parked) {
            return pass;
        }
        if self.tidy_at.is_none() && self.work != self.work_seen {
            self.work_seen = self.work;
            self.tidy_at = Some(now + Self::TIDY_AFTER);
        }
        let Some(alarm) = self.deadline.into_iter().chain(self.tidy_at).min() else { return pass };
        match self.timer.poll_until(cx, alarm) {
            Poll::Ready(()) => Pass::Again,
            Poll::Pending => pass,
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.shared.drive(&mut self.wakes, self.batch_flushed, |state, _| state.fail(Some(error)));
    }

    fn finish(&mut self) {
        self.finished = true;
        self.shared.drive(&mut self.wakes, self.batch_flushed, |state, wakes| state.finish(wakes));
    }
}

impl<T: Transport + Unpin, C: Timer + Unpin> Future for Driver<T, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.finished {
            return Poll::Ready(());
        }
        this.shared.look(shared::State::unpark);
        for _ in 0..Self::BUDGET {
            match this.pass(cx) {
                Pass::Again => {}
                Pass::Yield => break,
                Pass::Parked => return Poll::Pending,
                Pass::Done => {
                    this.finish();
                    return Poll::Ready(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T, C> Drop for Driver<T, C> {
    fn drop(&mut self) {
        if !self.finished {
            self.shared.drive(&mut self.wakes, self.batch_flushed, |state, wakes| {
                state.fail(None);
                state.finish(wakes);
            });
        }
    }
}

impl<T, C> fmt::Debug for Driver<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("finished", &self.finished).finish_non_exhaustive()
    }
}
