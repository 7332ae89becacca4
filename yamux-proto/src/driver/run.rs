//! The future that moves a session's bytes.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;

use bytes::Buf;

use super::pass::{Pass, Standing};
use super::read_buffer::ReadBuffer;
use super::send::poll_send;
use super::shared::{self, Shared};
use super::sync::Arc;
use super::tidy::Tidy;
use super::wakers::Wakes;
use super::{Timer, Transport};
use crate::connection::Transmit;
use crate::limits::FAREWELL;
use crate::time::Instant;

/// Moves bytes between a session and its transport, and resolves when the session is over.
///
/// Dropping it ends the session: every waiter gets [`SessionError::DriverDropped`](super::SessionError::DriverDropped).
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
    /// The batch is not yet written and flushed.
    sending: bool,
    /// The number of the last batch that is.
    flushed: u64,
    wakes: Wakes,
    yields: u8,
    /// When the connection next wants to know the time.
    deadline: Option<Instant>,
    /// The alarm that is set, and whom it wakes.
    alarm: Option<(Instant, Waker)>,
    tidy: Tidy,
    deaf: Option<Deaf>,
    finished: bool,
    /// Within what was current when the session began, so that events tell whose session it is.
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

/// A transport that takes no more output. What it has of the peer's is read first: the peer may have
/// said why it left, and may have left nothing undone.
#[derive(Debug)]
struct Deaf {
    error: io::Error,
    until: Instant,
}

impl<T: Transport, C: Timer> Driver<T, C> {
    /// Batches to write before other tasks get their turn.
    const BUDGET: usize = 8;
    /// Bytes to read before other tasks get their turn: the readers among them make the buffer free
    /// for the next read while it is still in the cache, and grant the peer more while it has some
    /// window left.
    const READ_BUDGET: usize = 64 * 1024;
    /// Yields in favour of readers that are about to write, before a batch goes out without them.
    const YIELDS_MAX: u8 = 2;
    /// Closer than this, an alarm may ring a little early.
    const NEAR: Duration = Duration::from_millis(5);

    pub(super) fn new(shared: Arc<Shared>, transport: T, timer: C) -> Self {
        #[cfg(feature = "tracing")]
        let side = shared.look(|state| state.connection.side());
        Self {
            #[cfg(feature = "tracing")]
            span: tracing::debug_span!("yamux", ?side),
            shared,
            transport,
            timer,
            input: ReadBuffer::default(),
            input_ended: false,
            input_paused: false,
            output: Transmit::default(),
            batch: 0,
            sending: false,
            flushed: 0,
            wakes: Wakes::default(),
            yields: 0,
            deadline: None,
            alarm: None,
            tidy: Tidy::default(),
            deaf: None,
            finished: false,
        }
    }

    /// Reads, then writes until there is nothing to do, or others should have their turn.
    ///
    /// Once is enough for reading: if more comes meanwhile, the transport wakes the driver.
    fn run(&mut self, cx: &mut Context<'_>) -> Pass {
        let now = self.timer.now();
        let input_left = self.poll_input(cx, now);
        self.poll_output(cx, now);
        // Last: a deadline may be for something that has come or gone already.
        self.check_deadlines(now);
        for _ in 0..Self::BUDGET {
            let pass = self.next(cx, now, input_left);
            if matches!(pass, Pass::Write) {
                self.poll_output(cx, now);
            }
            self.wakes.wake();
            match pass {
                Pass::Write => {}
                Pass::CloseWrite if self.poll_close_write(cx, now) => {}
                Pass::CloseWrite if input_left => return Pass::Yield,
                Pass::CloseWrite | Pass::Parked => {
                    return match self.poll_alarm(cx, now) {
                        Poll::Pending => Pass::Parked,
                        Poll::Ready(()) => Pass::Yield,
                    };
                }
                pass @ (Pass::Yield | Pass::Done) => return pass,
            }
        }
        // With something to write at every turn, time passes all the same.
        self.deadline = self.shared.look(|state| state.connection.poll_timeout());
        Pass::Yield
    }

    /// Reads until the transport has nothing more; true if it may have and the budget is used up.
    fn poll_input(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut budget = Self::READ_BUDGET;
        while budget > 0 && !self.input_ended {
            if self.input_paused && !self.resume_input(now) {
                return false;
            }
            let room = self.input.make_room();
            match self.transport.poll_read(cx, &mut self.input.bytes) {
                Poll::Pending => return false,
                Poll::Ready(Ok(0)) => {
                    self.input_ended = true;
                    self.drive(|state| state.connection.handle_eof(now));
                    self.give_up();
                }
                Poll::Ready(Ok(read)) => {
                    self.tidy.count();
                    self.input.learn(room, read);
                    self.take_input(now);
                    budget = budget.saturating_sub(read);
                }
                Poll::Ready(Err(error)) => {
                    self.input_ended = true;
                    self.give_up();
                    self.fail(Some(error));
                }
            }
        }
        !self.input_ended
    }

    fn take_input(&mut self, now: Instant) {
        let input = &mut self.input.bytes;
        self.input_paused = self.shared.drive(&mut self.wakes, self.flushed, |state| {
            state.connection.handle_input(now, input);
            state.is_input_unwanted()
        });
    }

    /// Goes on with input that was left unread, once the connection wants it.
    fn resume_input(&mut self, now: Instant) -> bool {
        if self.shared.look(|state| state.is_input_unwanted()) {
            return false;
        }
        self.take_input(now);
        !self.input_paused
    }

    /// Sends the batch as far as the transport takes it.
    #[inline]
    fn poll_output(&mut self, cx: &mut Context<'_>, now: Instant) {
        if self.sending && self.deaf.is_none() {
            self.send_batch(cx, now);
        }
    }

    fn send_batch(&mut self, cx: &mut Context<'_>, now: Instant) {
        let before = self.output.remaining();
        match poll_send(&mut self.transport, cx, &mut self.output) {
            Poll::Pending => {
                let progress = self.output.remaining() < before;
                self.drive(|state| state.connection.handle_transport_full(now, progress));
            }
            Poll::Ready(Ok(())) => {
                self.sending = false;
                self.flushed = self.batch;
            }
            Poll::Ready(Err(error)) if self.input_ended || self.has_cause() => {
                self.fail(Some(error));
            }
            Poll::Ready(Err(error)) => self.deaf = Some(Deaf { error, until: now + FAREWELL }),
        }
    }

    /// Asks what is next, and keeps the books.
    fn next(&mut self, cx: &Context<'_>, now: Instant, input_left: bool) -> Pass {
        let standing = Standing {
            transport_full: self.sending,
            input_paused: self.input_paused,
            input_left,
            may_yield: self.yields < Self::YIELDS_MAX,
        };
        let (output, deadline) = (&mut self.output, &mut self.deadline);
        let (wakes, trim) = (&mut self.wakes, !self.tidy.keeps_buffers());
        let (pass, batch, trim) =
            self.shared.drive_silently(wakes, self.flushed, |state, wakes| {
                let batch = state.connection.batch();
                let pass = state.next(standing, cx, now, output, wakes);
                if !matches!(pass, Pass::Write) {
                    *deadline = state.connection.poll_timeout();
                }
                let trim = trim && matches!(pass, Pass::Parked) && state.connection.trim();
                (pass, batch, trim)
            });
        if let Some(deaf) = &self.deaf {
            self.deadline = Some(self.deadline.map_or(deaf.until, |at| at.min(deaf.until)));
        }
        match pass {
            Pass::Write => {
                self.yields = 0;
                self.batch = batch;
                self.sending = true;
                self.tidy.count();
            }
            Pass::Yield => self.yields = self.yields.saturating_add(1),
            Pass::Parked if trim => {
                self.input.trim();
                self.output.trim();
            }
            Pass::CloseWrite | Pass::Parked | Pass::Done => {}
        }
        pass
    }

    /// Closes the write side; true when that is done.
    fn poll_close_write(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        match self.transport.poll_close(cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => {
                self.drive(|state| state.connection.handle_write_closed(now));
                true
            }
            Poll::Ready(Err(error)) => {
                self.fail(Some(error));
                true
            }
        }
    }

    fn check_deadlines(&mut self, now: Instant) {
        if self.deaf.as_ref().is_some_and(|deaf| deaf.until <= now || self.has_cause()) {
            self.give_up();
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            let sent = !self.sending;
            self.drive(|state| state.handle_timeout(now, sent));
        }
        if self.tidy.is_due(now) {
            self.drive(shared::State::shrink);
            self.input.shrink();
            self.output.shrink();
            self.wakes.shrink();
        }
    }

    /// Sets the alarm for the next deadline; ready if that has passed.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        let Some(at) = self.deadline.into_iter().chain(self.tidy.deadline(now)).min() else {
            return Poll::Pending;
        };
        // Asking again is not free, and a far alarm that is set need not be asked.
        let is_set = |(set, waker): &(Instant, Waker)| *set == at && waker.will_wake(cx.waker());
        if at - now > Self::NEAR && self.alarm.as_ref().is_some_and(is_set) {
            return Poll::Pending;
        }
        self.alarm = Some((at, cx.waker().clone()));
        let rung = self.timer.poll_until(cx, at);
        if rung.is_ready() {
            self.alarm = None;
        }
        rung
    }
}

impl<T, C> Driver<T, C> {
    fn has_cause(&self) -> bool {
        self.shared.look(|state| state.connection.cause().is_some())
    }

    /// There is nothing more to hear from a transport that takes nothing.
    fn give_up(&mut self) {
        if let Some(deaf) = self.deaf.take() {
            self.fail(Some(deaf.error));
        }
    }

    fn fail(&mut self, error: Option<io::Error>) {
        #[cfg(feature = "tracing")]
        if let Some(error) = &error {
            tracing::debug!(%error, "the transport failed");
        }
        self.drive(|state| state.fail(error));
    }

    fn finish(&mut self) {
        self.finished = true;
        self.shared.drive_silently(&mut self.wakes, self.flushed, shared::State::finish);
        self.wakes.wake();
    }

    fn drive(&mut self, act: impl FnOnce(&mut shared::State)) {
        self.shared.drive(&mut self.wakes, self.flushed, act);
    }
}

impl<T: Transport + Unpin, C: Timer + Unpin> Future for Driver<T, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        #[cfg(feature = "tracing")]
        let _entered = self.span.clone().entered();
        if self.finished {
            return Poll::Ready(());
        }
        match self.run(cx) {
            Pass::Parked => Poll::Pending,
            Pass::Done => {
                self.finish();
                Poll::Ready(())
            }
            Pass::Write | Pass::Yield | Pass::CloseWrite => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<T, C> Drop for Driver<T, C> {
    fn drop(&mut self) {
        #[cfg(feature = "tracing")]
        let _entered = self.span.clone().entered();
        if !self.finished {
            self.fail(None);
            self.finish();
        }
    }
}

impl<T, C> fmt::Debug for Driver<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("finished", &self.finished).finish_non_exhaustive()
    }
}
