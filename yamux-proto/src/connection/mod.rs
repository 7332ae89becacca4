//! The session as a value: bytes and time in, bytes and events out.

mod backlog;
mod batch;
pub(crate) mod event;
mod go_away;
mod index;
mod lifecycle;
mod notes;
mod offences;
mod pace;
mod ping;
mod receive;
mod restraint;
mod staging;
mod stats;
mod streams;
mod timeouts;
mod timers;
mod transmit;
mod write;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use crate::config::Config;
use crate::error::{ConnectionError, OpenError, UnknownStream};
use crate::frame::{Decoder, GoAwayCode};
use crate::limits::{GLITCHES, LATE_FRAMES, LeakyBucket, Rate, UNACKED_STREAMS};
use crate::stream::{Pool, Stream};
use crate::stream_id::{Side, StreamId};
use crate::time::Instant;

pub use batch::Transmit;
pub use event::Event;
pub use go_away::TransportState;
pub use stats::Stats;
pub(crate) use streams::Key;

use backlog::Backlog;
use go_away::Phase;
use notes::Notes;
use pace::Pace;
use ping::Ping;
use receive::Body;
use restraint::Restraint;
use staging::{Debt, Staging};
use streams::Streams;
use timers::{StreamTimer, Timers};

/// One end of a Yamux session, without I/O, clock or tasks.
///
/// # Calling order
/// Its owner has a transport and a clock, and repeats:
/// - what came from the transport goes to [`handle_input`](Self::handle_input), its end to
///   [`handle_eof`](Self::handle_eof), while [`wants_input`](Self::wants_input); when that turns true
///   again after the application has accepted or read, `handle_input` goes on with what it left, be
///   it only a frame that it [holds back](Self::has_deferred_input);
/// - when [`poll_timeout`](Self::poll_timeout) has passed, [`handle_timeout`](Self::handle_timeout);
/// - [`poll_transmit`](Self::poll_transmit) until it says no, writing each batch to the transport
///   and then calling [`handle_transmitted`](Self::handle_transmitted), or
///   [`handle_transport_full`](Self::handle_transport_full) while the transport takes no more;
/// - then [`poll_writers`](Self::poll_writers), and if it says yes all of this once more before the
///   owner sleeps;
/// - [`poll_event`](Self::poll_event) until it is empty, waking whoever waits;
/// - [`transport_state`](Self::transport_state) says when to close the transport.
///
/// In between, at any time, the application's commands: [`open`](Self::open),
/// [`accept`](Self::accept), [`stream`](Self::stream), [`ping`](Self::ping),
/// [`go_away`](Self::go_away), [`close`](Self::close). Nothing returns what the peer did wrong: the
/// session ends, and [`cause`](Self::cause) tells.
///
/// Every stream that was opened or accepted is to be let go of in the end, by
/// [`stop_reading`](Stream::stop_reading) and [`stop_writing`](Stream::stop_writing), also after it
/// was read to its end and finished: until then it keeps its place, can be looked at, and counts
/// against [`max_inbound_streams`](Config::max_inbound_streams) if it is the peer's.
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
///
/// server.stream(id)?.stop_reading();
/// server.stream(id)?.stop_writing(); // sends FIN
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection {
    side: Side,
    config: Config,
    phase: Phase,
    cause: Option<ConnectionError>,
    /// It ended as one of the sides wanted, before the peer can have had everything.
    cut_short: bool,
    /// The transport has no more input.
    eof: bool,
    /// Bytes of a header, or held back by a limit, that the last input left.
    leftover: usize,
    /// The peer said Go Away and takes no new streams.
    peer_gone: bool,
    /// This side takes no new streams.
    refusing: bool,
    /// What this side has said in a Go Away.
    said: Option<GoAwayCode>,

    decoder: Decoder,
    body: Body,

    streams: Streams,
    pool: Pool,
    backlog: Backlog,
    unread: usize,
    window_growth: usize,
    restraint: Restraint,

    staging: Staging,
    /// Streams with a Window Update to send: SYN, ACK or window.
    announcements: VecDeque<Key>,
    /// Streams of the peer to be refused.
    refusals: VecDeque<StreamId>,
    /// Streams that are over but for frames in the batch being staged or an announcement in line; they
    /// are forgotten once those are handed out.
    retiring: Vec<Key>,
    /// Streams whose application waits for room in the staged output, in line.
    writers: VecDeque<Key>,
    pace: Pace,
    /// Bytes of stream data in the batches that were handed out.
    data_batched: u64,
    /// Writers were told of room and have not had the chance to use it.
    room_offered: bool,
    /// A batch was handed out and is being written.
    in_flight: Option<Debt>,
    /// What a writer gave by reference and the end of the session kept from being sent.
    discarded: Vec<Bytes>,
    /// The number of the batch that was thrown away when the session ended.
    lost: Option<u64>,

    ping: Ping,
    glitches: LeakyBucket,
    resets: LeakyBucket,
    /// Frames, and bytes of data and of window, that may come late for streams that have ended.
    late_frames: u32,
    late_data: u64,
    late_window: u64,

    timers: Timers,
    /// Something began in a call that does not know the time, and its timer is to be armed.
    untimed: bool,
    /// Timers of streams that began so.
    unarmed: Vec<(StreamTimer, Key)>,
    last_input: Instant,

    events: VecDeque<Event<Key>>,
    stats: Stats,
    notes: Notes,
}

impl Connection {
    /// A session over a fresh transport. The first thing it sends is a ping, to learn the round trip.
    pub fn new(side: Side, config: Config, now: Instant) -> Self {
        let mut connection = Self {
            side,
            phase: Phase::Active,
            cause: None,
            cut_short: false,
            eof: false,
            leftover: 0,
            peer_gone: false,
            refusing: false,
            said: None,
            decoder: Decoder::default(),
            body: Body::Nobody,
            streams: Streams::new(side),
            pool: Pool::default(),
            backlog: Backlog::default(),
            unread: 0,
            window_growth: 0,
            restraint: Restraint::new(),
            staging: Staging::default(),
            announcements: VecDeque::new(),
            refusals: VecDeque::new(),
            retiring: Vec::new(),
            writers: VecDeque::new(),
            pace: Pace::new(config.send_buffer()),
            data_batched: 0,
            room_offered: false,
            in_flight: None,
            discarded: Vec::new(),
            lost: None,
            ping: Ping::default(),
            glitches: LeakyBucket::new(GLITCHES, now),
            resets: LeakyBucket::new(Rate::of_resets(config.max_early_resets()), now),
            late_frames: 0,
            late_data: 0,
            late_window: 0,
            timers: Timers::default(),
            untimed: false,
            unarmed: Vec::new(),
            last_input: now,
            events: VecDeque::new(),
            stats: Stats::default(),
            notes: Notes::default(),
            config,
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
        if self.streams.unacked() >= UNACKED_STREAMS && self.streams.has_ids() {
            return Err(OpenError::Backlog);
        }
        let key = self.streams.open(&self.config).ok_or(OpenError::IdsExhausted)?;
        if !self.streams.has_ids() {
            // Others may wait for their turn, which will not come.
            self.emit(Event::Outbound);
        }
        self.expect_late_frames(LATE_FRAMES);
        self.announce(key);
        self.stats.streams_opened = self.stats.streams_opened.saturating_add(1);
        Ok(key)
    }

    /// The next stream that the peer opened, if one waits. ACK is sent for it now. It keeps its place
    /// until it is let go of: see [`stop_reading`](Stream::stop_reading).
    pub fn accept(&mut self) -> Option<StreamId> {
        self.accept_key().map(|key| key.id)
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
        self.request_ping()
    }

    /// The next event, if there is one. With the feature `tracing`, this is also when a log hears of
    /// what has happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.take_notes().read_out();
        self.poll_event_key().map(Event::public)
    }

    #[cfg(feature = "driver")]
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(crate) fn poll_event_key(&mut self) -> Option<Event<Key>> {
        self.events.pop_front()
    }

    /// What a log is to be told.
    pub(crate) fn take_notes(&mut self) -> Notes {
        core::mem::take(&mut self.notes)
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

    /// One more than the highest slot of a stream.
    #[cfg(feature = "driver")]
    pub(crate) fn slots(&self) -> usize {
        self.streams.slots()
    }

    /// The last round trip measured.
    pub fn rtt(&self) -> Option<Duration> {
        self.ping.rtt()
    }

    /// The numbers of the session.
    pub fn stats(&mut self) -> &Stats {
        self.stats.data_sent = self.data_sent();
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
        self.backlog.shrink();
        self.refusals.shrink_to_fit();
        self.writers.shrink_to_fit();
        self.retiring.shrink_to_fit();
        self.unarmed.shrink_to_fit();
    }

    /// Gives back large buffers if no stream is open, and says whether none is.
    #[cfg(feature = "driver")]
    pub(crate) fn trim(&mut self) -> bool {
        let unused = self.streams.len() == 0;
        if unused {
            self.staging.trim();
        }
        unused
    }

    /// Tells the application to look; nothing comes after [`Event::Closed`].
    fn emit(&mut self, event: Event<Key>) {
        if self.cause.is_none() {
            self.events.push_back(event);
        }
    }
}

// What the streams carry is nobody's business in a log.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("side", &self.side)
            .field("streams", &self.num_streams())
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}
