//! What the handles and the driver of one session share, behind one lock.

use alloc::vec::Vec;
use core::mem;
use core::task::{Context, Waker};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashSet;

use super::error::SessionError;
use super::pass::Parked;
use super::sync::{Mutex, lock};
use super::wakers::{StreamWakers, WaitQueue, Wakes};
use crate::connection::{Connection, Event, Key};
use crate::error::ConnectionError;
use crate::time::Instant;

/// The session, and everybody who waits for it.
///
/// The lock is never held over a system call, a wake or a log, and when large pieces are read, not over
/// the copy either. What is written is copied under it, straight to its place in the output.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) connection: Connection,
    /// Indexed by the slots of the streams.
    streams: Vec<StreamWakers>,
    pub(super) accepts: WaitQueue,
    pub(super) opens: WaitQueue,
    pub(super) pings: WaitQueue,
    pub(super) ends: WaitQueue,
    /// Streams whose writer waits for a flush.
    flushes: HashSet<Key>,
    pub(super) driver: Option<Waker>,
    /// How things stood when the driver went to sleep, while it sleeps; before it does, it looks at
    /// everything.
    pub(super) parked: Option<Parked>,
    /// Batches with a lower number have been written and flushed.
    flushed: u64,
    pub(super) last_pong: Option<(u32, Duration)>,
    /// Sessions and streams that the application holds.
    pub(super) handles: usize,
    /// The sessions among them.
    pub(super) sessions: usize,
    failure: Option<Arc<io::Error>>,
    /// The driver is done.
    pub(super) finished: bool,
    /// A guess at how many of those who were woken a moment ago are about to write: readers woken and
    /// streams arrived since the last batch, and half of what the guess was then.
    pub(super) answers: u32,
    /// Streams have arrived since the last batch.
    pub(super) arrivals: bool,
}

impl Shared {
    pub(super) fn new(connection: Connection) -> Self {
        let state = State {
            connection,
            streams: Vec::new(),
            accepts: WaitQueue::default(),
            opens: WaitQueue::default(),
            pings: WaitQueue::default(),
            ends: WaitQueue::default(),
            flushes: HashSet::new(),
            driver: None,
            parked: None,
            flushed: 1,
            last_pong: None,
            handles: 1,
            sessions: 1,
            failure: None,
            finished: false,
            answers: 0,
            arrivals: false,
        };
        Self { state: Mutex::new(state) }
    }

    /// Does something for a handle; then wakes, without the lock, whom it concerns.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut State, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::default();
        let mut state = lock(&self.state);
        // No block round this: it would copy the result by a load that spans the stores just made,
        // which the processor cannot forward. Small writes spent an eighth of their time on it.
        let result = act(&mut state, &mut wakes);
        state.settle(&mut wakes);
        state.wake_driver(&mut wakes);
        let notes = state.connection.take_notes();
        drop(state);
        wakes.wake_and_go();
        notes.read_out();
        result
    }

    /// Does something for the driver, which is awake by nature. That the batch `flushed` is, is known
    /// before anything that the peer may have done about it.
    pub(super) fn drive<R>(
        &self,
        wakes: &mut Wakes,
        flushed: u64,
        act: impl FnOnce(&mut State) -> R,
    ) -> R {
        let result = self.drive_silently(wakes, flushed, |state, _| act(state));
        wakes.wake();
        result
    }

    /// [`drive`](Self::drive), but leaves it to the caller to wake.
    pub(super) fn drive_silently<R>(
        &self,
        wakes: &mut Wakes,
        flushed: u64,
        act: impl FnOnce(&mut State, &mut Wakes) -> R,
    ) -> R {
        let mut state = lock(&self.state);
        state.parked = None;
        state.note_flushed(flushed, wakes);
        let result = act(&mut state, wakes);
        state.settle(wakes);
        let notes = state.connection.take_notes();
        drop(state);
        notes.read_out();
        result
    }

    /// Looks without touching.
    pub(super) fn look<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut lock(&self.state))
    }
}

impl State {
    /// Why the session has ended, if it has.
    pub(super) fn cause(&self) -> Option<SessionError> {
        self.connection.cause().map(|cause| SessionError::new(cause, self.failure.as_ref()))
    }

    pub(super) fn error(&self, cause: ConnectionError) -> SessionError {
        SessionError::new(cause, self.failure.as_ref())
    }

    /// The transport failed, or, without an error, the driver was dropped.
    pub(super) fn fail(&mut self, error: Option<io::Error>) {
        if self.connection.cause().is_none() {
            self.failure = error.map(Arc::new);
        }
        match self.failure {
            Some(_) => self.connection.handle_transport_failure(),
            None => self.connection.give_up(ConnectionError::TransportFailed),
        }
    }

    /// The driver is done; it drops, without the lock, what was never sent.
    pub(super) fn finish(&mut self, wakes: &mut Wakes) -> Vec<Bytes> {
        self.finished = true;
        wakes.drop_later(self.driver.take());
        // Nobody does so any more, for as long as the application holds a session or a stream.
        self.shrink();
        self.connection.take_discarded()
    }

    pub(super) fn wait_to_read(&mut self, key: Key, cx: &Context<'_>, wakes: &mut Wakes) {
        wakes.register(&mut self.wakers(key).read, cx);
    }

    pub(super) fn wait_to_write(&mut self, key: Key, cx: &Context<'_>, wakes: &mut Wakes) {
        wakes.register(&mut self.wakers(key).write, cx);
    }

    /// Whether the batch with this number, and all before it, are in the transport's hands.
    pub(super) fn is_flushed(&self, batch: u64) -> bool {
        batch < self.flushed && !self.connection.is_lost(batch)
    }

    pub(super) fn wait_to_flush(&mut self, key: Key, cx: &Context<'_>, wakes: &mut Wakes) {
        self.wait_to_write(key, cx, wakes);
        self.connection.stream_at(key).await_end();
        self.flushes.insert(key);
    }

    /// The application let go of both halves, or of one.
    pub(super) fn forget_wakers(&mut self, key: Key, recv: bool, send: bool, wakes: &mut Wakes) {
        let wakers = self.wakers(key);
        if recv {
            wakes.drop_later(wakers.read.take());
        }
        if send {
            wakes.drop_later(wakers.write.take());
        }
    }

    /// The batches up to this one are in the transport's hands.
    #[inline]
    fn note_flushed(&mut self, batch: u64, wakes: &mut Wakes) {
        if self.flushed <= batch {
            self.flushed = batch.saturating_add(1);
            if !self.flushes.is_empty() {
                self.wake_flushers(wakes);
            }
        }
    }

    fn wake_flushers(&mut self, wakes: &mut Wakes) {
        let mut flushes = mem::take(&mut self.flushes);
        let woken = flushes.len();
        for key in flushes.drain() {
            wakes.push(self.wakers(key).write.take());
        }
        // To drain a set is to go through all the room it has.
        if flushes.capacity() / 8 > woken.max(8) {
            flushes.shrink_to(woken);
        }
        self.flushes = flushes;
    }

    /// Does what time has brought about; `sent` if the batch that was under way is.
    pub(super) fn handle_timeout(&mut self, now: Instant, sent: bool) {
        self.note_sent(now, sent);
        self.connection.handle_timeout(now);
    }

    pub(super) fn note_sent(&mut self, now: Instant, sent: bool) {
        if sent && self.connection.is_transmitting() {
            self.connection.handle_transmitted(now);
        }
    }

    /// Whether input should stay where it is for now.
    pub(super) fn is_input_unwanted(&self) -> bool {
        self.connection.cause().is_none() && !self.connection.wants_input()
    }

    /// Gives back the memory that only traffic needs.
    pub(super) fn shrink(&mut self) {
        self.connection.shrink();
        self.streams.truncate(self.connection.slots());
        self.streams.shrink_to_fit();
        self.flushes.shrink_to_fit();
        for queue in [&mut self.accepts, &mut self.opens, &mut self.pings, &mut self.ends] {
            queue.shrink();
        }
    }

    /// Turns the connection's events into wakers.
    #[inline]
    fn settle(&mut self, wakes: &mut Wakes) {
        if self.finished || self.connection.has_events() {
            self.wake_by_events(wakes);
        }
    }

    fn wake_by_events(&mut self, wakes: &mut Wakes) {
        if self.finished {
            self.ends.notify_all(wakes);
        }
        while let Some(event) = self.connection.poll_event_key() {
            match event {
                Event::Incoming if self.connection.takes_streams() => {
                    self.arrivals = true;
                    self.answers = self.answers.saturating_add(1);
                    self.accepts.notify_one(wakes);
                }
                Event::Incoming => self.accepts.notify_all(wakes),
                Event::Outbound if self.connection.can_open() => self.opens.notify_one(wakes),
                Event::Outbound => self.opens.notify_all(wakes),
                Event::Readable(key) => {
                    self.answers = self.answers.saturating_add(1);
                    wakes.push(self.wakers(key).read.take());
                }
                Event::Writable(key) => wakes.push(self.wakers(key).write.take()),
                Event::Pong { value, rtt } => {
                    self.last_pong = Some((value, rtt));
                    self.pings.notify_all(wakes);
                }
                Event::Closed => self.wake_everybody(wakes),
            }
        }
    }

    fn wake_everybody(&mut self, wakes: &mut Wakes) {
        for stream in &mut self.streams {
            wakes.push(stream.read.take());
            wakes.push(stream.write.take());
        }
        self.flushes.clear();
        for queue in [&mut self.accepts, &mut self.opens, &mut self.pings, &mut self.ends] {
            queue.notify_all(wakes);
        }
    }

    fn wakers(&mut self, key: Key) -> &mut StreamWakers {
        let index = usize::try_from(key.slot()).unwrap_or(usize::MAX);
        if index >= self.streams.len() {
            self.streams.resize_with(index.saturating_add(1), StreamWakers::default);
        }
        #[expect(clippy::indexing_slicing, reason = "the line above makes room for the index")]
        &mut self.streams[index]
    }
}
