//! The session as a value: bytes and time in, bytes and events out.

pub(crate) mod event;
mod go_away;
mod ping;
mod receive;
mod staging;
mod stats;
mod streams;
mod timers;
mod transmit;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Config;
use crate::error::{ConnectionError, OpenError, ResetError, UnknownStream};
use crate::frame::Decoder;
use crate::limits::{GLITCHES, LATE_FRAMES, LeakyBucket, RESETS, UNACKED_STREAMS};
use crate::stream::{Pool, State, Stream};
use crate::stream_id::{Side, StreamId};
use crate::time::Instant;

pub use event::Event;
pub use go_away::TransportState;
pub use stats::Stats;
pub(crate) use streams::Key;
pub use transmit::Transmit;

use go_away::Phase;
use ping::Ping;
use receive::{Body, Deferred};
use staging::Staging;
use streams::{Held, Opening, Streams};
use timers::{StreamTimer, Timer, Timers};

/// One end of a Yamux session, without I/O, clock or tasks.
///
/// # Calling order
/// Its owner has a transport and a clock, and repeats:
/// - what came from the transport goes to [`handle_input`](Self::handle_input), its end to
///   [`handle_eof`](Self::handle_eof), while [`wants_input`](Self::wants_input);
/// - when [`poll_timeout`](Self::poll_timeout) has passed, [`handle_timeout`](Self::handle_timeout);
/// - [`poll_transmit`](Self::poll_transmit) until it says no, writing each batch to the transport
///   and then calling [`handle_transmitted`](Self::handle_transmitted);
/// - [`poll_event`](Self::poll_event) until it is empty, waking whoever waits;
/// - [`transport_state`](Self::transport_state) says when to close the transport.
///
/// In between, at any time, the application's commands: [`open`](Self::open),
/// [`accept`](Self::accept), [`stream`](Self::stream), [`ping`](Self::ping),
/// [`go_away`](Self::go_away), [`close`](Self::close). Nothing returns what the peer did wrong: the
/// session ends, and [`cause`](Self::cause) tells.
///
/// ```
/// use bytes::{Buf, BytesMut};
/// use yamux_proto::{Config, Connection, Instant, Side, Transmit};
///
/// let now = Instant::ORIGIN;
/// let mut client = Connection::new(Side::Client, Config::default(), now);
/// let mut server = Connection::new(Side::Server, Config::default(), now);
///
/// let id = client.open()?;
/// client.stream(id)?.write(b"hello")?;
///
/// let mut batch = Transmit::default();
/// let mut wire = BytesMut::new();
/// while client.poll_transmit(now, &mut batch) {
///     wire.extend_from_slice(&batch.copy_to_bytes(batch.remaining()));
///     client.handle_transmitted(now);
/// }
/// server.handle_input(now, &mut wire);
///
/// let id = server.accept().expect("the client's stream");
/// let mut text = [0; 5];
/// assert_eq!(server.stream(id)?.read(&mut text)?, 5);
/// assert_eq!(&text, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    side: Side,
    config: Config,
    phase: Phase,
    cause: Option<ConnectionError>,
    /// The transport has no more input.
    eof: bool,
    /// Bytes of a header, or held back by a limit, that the last input left.
    leftover: usize,
    /// The peer said Go Away and takes no new streams.
    peer_gone: bool,
    /// This side takes no new streams.
    refusing: bool,

    decoder: Decoder,
    body: Body,
    deferred: Option<Deferred>,
    /// The application has accepted a stream since the backlog was last full.
    accepting: bool,

    streams: Streams,
    pool: Pool,
    accept_queue: VecDeque<Key>,
    /// Streams in the accept queue that are still there to be accepted.
    unaccepted: usize,
    unread: usize,
    window_growth: usize,

    staging: Staging,
    /// Streams with a Window Update to send: SYN, ACK or window.
    announcements: VecDeque<Key>,
    /// Streams of the peer to be refused.
    refusals: VecDeque<StreamId>,
    /// Streams that ended with frames in the batch being staged.
    retiring: Vec<Key>,
    /// Streams whose application waits for room in the staged output, in line.
    writers: VecDeque<Key>,
    /// Writers that waited when room was last offered.
    contenders: usize,
    /// Writers were told of room and have not had the chance to use it.
    room_offered: bool,
    /// A batch was handed out and is being written.
    in_flight: bool,

    ping: Ping,
    glitches: LeakyBucket,
    resets: LeakyBucket,
    /// Frames, and bytes of data, that may come late for streams that have ended.
    late_frames: u32,
    late_bytes: u64,

    timers: Timers,
    /// Timers of streams that were begun by calls that do not know the time.
    unarmed: Vec<(StreamTimer, Key)>,
    last_input: Instant,

    events: VecDeque<Event<Key>>,
    stats: Stats,
}

impl Connection {
    /// A session over a fresh transport. The first thing it sends is a ping, to learn the round trip.
    pub fn new(side: Side, config: Config, now: Instant) -> Self {
        let mut connection = Self {
            side,
            config,
            phase: Phase::Active,
            cause: None,
            eof: false,
            leftover: 0,
            peer_gone: false,
            refusing: false,
            decoder: Decoder::default(),
            body: Body::Nobody,
            deferred: None,
            accepting: true,
            streams: Streams::new(side),
            pool: Pool::default(),
            accept_queue: VecDeque::new(),
            unaccepted: 0,
            unread: 0,
            window_growth: 0,
            staging: Staging::default(),
            announcements: VecDeque::new(),
            refusals: VecDeque::new(),
            retiring: Vec::new(),
            writers: VecDeque::new(),
            contenders: 0,
            room_offered: false,
            in_flight: false,
            ping: Ping::default(),
            glitches: LeakyBucket::new(GLITCHES, now),
            resets: LeakyBucket::new(RESETS, now),
            late_frames: 0,
            late_bytes: 0,
            timers: Timers::default(),
            unarmed: Vec::new(),
            last_input: now,
            events: VecDeque::new(),
            stats: Stats::default(),
        };
        connection.ping.request();
        connection.arm_keepalive(now);
        connection
    }

    /// Opens a stream; data may follow at once (spec: Opening a stream).
    ///
    /// # Errors
    /// [`OpenError::Backlog`] while the peer has [`UNACKED_STREAMS`] to acknowledge.
    pub fn open(&mut self) -> Result<StreamId, OpenError> {
        self.open_key().map(|key| key.id)
    }

    pub(crate) fn open_key(&mut self) -> Result<Key, OpenError> {
        if let Some(cause) = self.cause {
            return Err(OpenError::Closed(cause));
        }
        if self.phase != Phase::Active {
            return Err(OpenError::Closed(ConnectionError::Closed));
        }
        if self.peer_gone {
            return Err(OpenError::Refused);
        }
        if self.streams.unacked() >= UNACKED_STREAMS {
            return Err(OpenError::Backlog);
        }
        let key = self.streams.open(&self.config).ok_or(OpenError::IdsExhausted)?;
        self.expect_late_frames(LATE_FRAMES);
        self.announce(key);
        self.stats.streams_opened = self.stats.streams_opened.saturating_add(1);
        Ok(key)
    }

    /// The next stream that the peer opened, if one waits. ACK is sent for it now.
    pub fn accept(&mut self) -> Option<StreamId> {
        self.accept_key().map(|key| key.id)
    }

    pub(crate) fn accept_key(&mut self) -> Option<Key> {
        self.accepting = true;
        while let Some(key) = self.accept_queue.pop_front() {
            let Some(entry) = self.streams.get_mut(key) else { continue };
            entry.opening = Opening::AckDue;
            entry.held = Held::BOTH;
            self.unaccepted = self.unaccepted.saturating_sub(1);
            self.announce(key);
            self.stats.streams_accepted = self.stats.streams_accepted.saturating_add(1);
            return Some(key);
        }
        None
    }

    /// A view of a stream to read, write, finish or reset it.
    ///
    /// # Errors
    /// [`UnknownStream`] once the application has let go of it and it has ended, or if it never was.
    pub fn stream(&mut self, id: StreamId) -> Result<Stream<'_>, UnknownStream> {
        match self.streams.find(id) {
            Some(key) => Ok(Stream::new(self, key)),
            None => Err(UnknownStream(id)),
        }
    }

    #[cfg(feature = "driver")]
    pub(crate) fn stream_at(&mut self, key: Key) -> Stream<'_> {
        Stream::new(self, key)
    }

    /// Asks the peer for a sign of life; [`Event::Pong`] brings it, with this value or a later one.
    pub fn ping(&mut self) -> u32 {
        self.ping.request()
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.poll_event_key().map(Event::public)
    }

    pub(crate) fn poll_event_key(&mut self) -> Option<Event<Key>> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Does what time has brought about.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Keepalive => self.keepalive_due(now),
                Timer::KeepaliveReply => self.keepalive_missed(now),
                Timer::WriteStall => self.give_up(ConnectionError::WriteStall),
                Timer::Close => self.close_timed_out(now),
                Timer::Accept => self.deferral_timed_out(),
            }
        }
        while let Some((timer, key)) = self.timers.due_stream(now) {
            match timer {
                StreamTimer::Open => self.open_timed_out(key),
                StreamTimer::Linger => self.linger_timed_out(key),
                StreamTimer::Dribble => self.dribble_timed_out(key),
            }
        }
        self.settle_phase();
    }

    /// The end of the connection that this is.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Streams that are open, or that the application still holds.
    pub fn num_streams(&self) -> usize {
        self.streams.len()
    }

    /// The last round trip measured.
    pub fn rtt(&self) -> Option<Duration> {
        self.ping.rtt()
    }

    /// The numbers of the session.
    pub fn stats(&mut self) -> &Stats {
        self.stats.streams = self.streams.len();
        self.stats.unread = self.unread;
        self.stats.window_growth = self.window_growth;
        self.stats.rtt = self.ping.rtt();
        self.stats.rtt_min = self.ping.rtt_min();
        &self.stats
    }

    /// Gives back memory that only speed asked for; for a connection that has been quiet for a
    /// while.
    pub fn shrink(&mut self) {
        self.copy_lingering(true);
        self.pool.shrink();
        self.staging.shrink();
        self.streams.shrink();
        let streams = &self.streams;
        self.timers.shrink(|key| streams.get(key).is_some());
        self.ping.shrink();
        self.events.shrink_to_fit();
        self.announcements.shrink_to_fit();
        self.accept_queue.shrink_to_fit();
        self.refusals.shrink_to_fit();
        self.writers.shrink_to_fit();
        self.retiring.shrink_to_fit();
        self.unarmed.shrink_to_fit();
    }

    /// Tells the application to look; nothing comes after [`Event::Closed`].
    fn emit(&mut self, event: Event<Key>) {
        if self.cause.is_none() {
            self.events.push_back(event);
        }
    }

    /// Puts a stream in line for a Window Update with SYN, ACK or window.
    pub(crate) fn announce(&mut self, key: Key) {
        if self.cause.is_some() {
            return;
        }
        if let Some(entry) = self.streams.get_mut(key) {
            if !core::mem::replace(&mut entry.announcing, true) {
                self.announcements.push_back(key);
            }
        }
    }

    /// Resets a stream from this side; RST follows what was staged for it.
    pub(crate) fn reset_stream(&mut self, key: Key, why: ResetError) {
        if self.cause.is_some() || !self.streams.reset(key, why) {
            return;
        }
        let code = match why {
            ResetError::Locally(code) => code,
            ResetError::ByPeer(_) | ResetError::OpenTimeout => 0,
        };
        self.stage_reset(key, code);
        self.stats.resets_sent = self.stats.resets_sent.saturating_add(1);
        if let Some(entry) = self.streams.get(key) {
            let (opening, granted) = (entry.opening, entry.recv.window.granted());
            self.expect_late_data(granted);
            if opening == Opening::SynSent {
                self.acknowledge(key);
            }
        }
        self.drop_unread(key);
        self.wake_both(key);
        self.release_if_over(key);
    }

    /// Frees the place among the unacknowledged that a stream of ours holds; true if it held one.
    fn acknowledge(&mut self, key: Key) -> bool {
        let freed = self.streams.acknowledge(key);
        if freed {
            self.emit(Event::Outbound);
        }
        freed
    }

    /// Throws away what the application will not read, without telling the peer.
    pub(crate) fn drop_unread(&mut self, key: Key) -> usize {
        let Some(entry) = self.streams.get_mut(key) else { return 0 };
        let discarded = entry.recv.discard(&mut self.pool);
        self.unread = self.unread.saturating_sub(discarded);
        let counted = u64::try_from(discarded).unwrap_or(u64::MAX);
        self.stats.data_discarded = self.stats.data_discarded.saturating_add(counted);
        discarded
    }

    /// Forgets a stream that has ended on both sides and that nobody holds, once its last frames are
    /// on their way: its place counts until then, so that a peer that does not read cannot make
    /// frames pile up.
    pub(crate) fn release_if_over(&mut self, key: Key) {
        let batch = self.staging.batch();
        let Some(entry) = self.streams.get(key) else { return };
        let ended = entry.state.is_ended() || self.cause.is_some();
        if !ended || entry.held != Held::NONE {
            return;
        }
        let staged = entry.send.staged_in == batch || entry.announcing;
        if staged && self.cause.is_none() {
            self.retiring.push(key);
        } else {
            self.forget(key);
        }
    }

    /// Removes a stream and returns what it held.
    fn forget(&mut self, key: Key) {
        self.acknowledge(key);
        self.drop_unread(key);
        let Some(entry) = self.streams.remove(key) else { return };
        let extra = entry.recv.window.extra(self.config.initial_receive_window());
        self.window_growth = self.window_growth.saturating_sub(extra);
    }

    /// Wakes whoever reads or writes the stream: it has changed for both.
    pub(crate) fn wake_both(&mut self, key: Key) {
        self.wake_reader(key);
        self.wake_writer(key);
    }

    pub(crate) fn wake_reader(&mut self, key: Key) {
        if let Some(entry) = self.streams.get_mut(key) {
            if core::mem::take(&mut entry.recv.blocked) {
                self.emit(Event::Readable(key));
            }
        }
    }

    /// What every call that knows the time does first.
    fn tick(&mut self, now: Instant) {
        self.arm_close(now);
        while let Some((timer, key)) = self.unarmed.pop() {
            let delay = match timer {
                StreamTimer::Open => self.config.open_timeout(),
                StreamTimer::Linger => self.config.linger_timeout(),
                StreamTimer::Dribble => self.ping.rtt_min().unwrap_or(Duration::from_millis(10)),
            };
            let streams = &self.streams;
            self.timers.arm_stream(timer, now + delay, key, |key| match timer {
                StreamTimer::Open => streams.get(key).is_some_and(streams::Entry::is_unacked),
                StreamTimer::Linger | StreamTimer::Dribble => streams.get(key).is_some(),
            });
        }
    }

    fn arm_keepalive(&mut self, now: Instant) {
        if let Some(interval) = self.config.keepalive_interval() {
            self.timers.arm(Timer::Keepalive, now + interval);
        }
    }

    /// The interval has passed since it was last looked at: was there input meanwhile?
    fn keepalive_due(&mut self, now: Instant) {
        let Some(interval) = self.config.keepalive_interval() else { return };
        // Input that is left unread on purpose says nothing about the peer.
        if now - self.last_input < interval || !self.wants_input() {
            let from = if self.wants_input() { self.last_input } else { now };
            self.arm_keepalive(from);
            return;
        }
        self.ping.insist();
        self.timers.arm(Timer::KeepaliveReply, now + self.config.keepalive_timeout());
    }

    /// The peer has been silent since it was pinged, unless input was left unread on purpose.
    fn keepalive_missed(&mut self, now: Instant) {
        if self.wants_input() {
            self.give_up(ConnectionError::KeepaliveTimeout);
        } else {
            self.arm_keepalive(now);
        }
    }

    /// Any byte of the peer is a sign of life.
    fn note_input(&mut self, now: Instant) {
        self.last_input = now;
        if self.timers.is_armed(Timer::KeepaliveReply) {
            self.timers.disarm(Timer::KeepaliveReply);
            self.arm_keepalive(now);
        }
    }

    fn open_timed_out(&mut self, key: Key) {
        if self.streams.get(key).is_some_and(streams::Entry::is_unacked) {
            self.reset_stream(key, ResetError::OpenTimeout);
        }
    }

    /// The peer has not ended a stream that the application left long ago.
    fn linger_timed_out(&mut self, key: Key) {
        let lingers = |entry: &streams::Entry| entry.state.awaits_peer() && !entry.held.recv;
        if self.streams.get(key).is_some_and(lingers) {
            self.reset_stream(key, ResetError::Locally(0));
        }
    }
}

/// What the view of a stream needs.
impl Connection {
    pub(crate) fn entry(&self, key: Key) -> Option<&streams::Entry> {
        self.streams.get(key)
    }

    pub(crate) fn entry_mut(&mut self, key: Key) -> Option<&mut streams::Entry> {
        self.streams.get_mut(key)
    }

    pub(crate) fn entry_and_pool(&mut self, key: Key) -> Option<(&mut streams::Entry, &mut Pool)> {
        self.streams.get_mut(key).map(|entry| (entry, &mut self.pool))
    }

    pub(crate) fn change(&mut self, key: Key, event: impl FnOnce(&mut State) -> bool) -> bool {
        self.streams.change(key, event)
    }

    /// Gives the peer back the window that discarded data took.
    pub(crate) fn credit(&mut self, key: Key, bytes: usize) {
        if let Some(entry) = self.streams.get_mut(key) {
            if entry.state.can_receive() && entry.recv.window.consume(bytes) {
                self.announce(key);
            }
        }
    }

    /// Starts the clock for the peer's end of a stream that the application has left.
    pub(crate) fn linger_if_left(&mut self, key: Key) {
        let left = |entry: &streams::Entry| entry.state.awaits_peer() && !entry.held.recv;
        if self.cause.is_none() && self.streams.get(key).is_some_and(left) {
            self.unarmed.push((StreamTimer::Linger, key));
        }
    }
}
