//! Two values and a loop: sessions in virtual time, without sockets, clocks or sleeps.
//!
//! [`Pair`] joins a client and a server by two links; [`Raw`] puts one session opposite hand-written
//! frames and decodes what it sends.

#![allow(dead_code, unreachable_pub, reason = "each test crate uses its own part of this")]
#![allow(clippy::missing_panics_doc, reason = "panics are how tests fail")]

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use yamux_proto::{
    Config, Connection, Decoder, Event, Flags, Frame, GoAwayCode, Instant, Item, ReadError, Side,
    StreamId, Transmit, TransportState, WriteError,
};

/// Steps after which a loop in virtual time counts as endless.
const STEPS_MAX: usize = 1_000_000;

/// Bytes that a link with a rate delivers at once.
const PIECE: usize = 16 * 1024;

/// One session, what is about to reach it, and the events it has reported.
#[derive(Debug)]
pub struct End {
    connection: Connection,
    pub events: Vec<Event>,
    batch: Transmit,
    in_flight: bool,
    input: BytesMut,
    /// Some of the input has not been offered to the session.
    input_fresh: bool,
    input_ended: bool,
    eof_told: bool,
    write_closed: bool,
}

/// One direction of a transport: bytes arrive `latency` after they were sent, at `rate`.
#[derive(Debug, Default)]
pub struct Link {
    pub latency: Duration,
    /// Bytes a second, or no limit.
    pub rate: Option<u64>,
    /// How much may wait in line, as the time that it takes, for the transport to take more.
    pub line: Duration,
    /// Takes no bytes while set.
    pub stalled: bool,
    /// Bytes that were carried, by when they arrive; `None` is the end.
    arrivals: VecDeque<(Instant, Option<Bytes>)>,
    free_at: Instant,
}

/// A client and a server in one virtual time.
#[derive(Debug)]
pub struct Pair {
    pub client: End,
    pub server: End,
    pub time: Instant,
    pub upstream: Link,
    pub downstream: Link,
}

/// One session against frames written by hand.
#[derive(Debug)]
pub struct Raw {
    end: End,
    pub time: Instant,
    decoder: Decoder,
    wire: BytesMut,
}

/// A frame that a session sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub frame: Frame,
    pub body: Vec<u8>,
}

impl Deref for End {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for End {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl End {
    pub fn new(side: Side, config: Config, now: Instant) -> Self {
        Self {
            connection: Connection::new(side, config, now),
            events: Vec::new(),
            batch: Transmit::default(),
            in_flight: false,
            input: BytesMut::new(),
            input_fresh: false,
            input_ended: false,
            eof_told: false,
            write_closed: false,
        }
    }

    /// Writes as much of `data` as has room and says how much that was.
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> usize {
        let mut written = 0;
        while written < data.len() {
            match self.stream(id).unwrap().write(&data[written..]) {
                Ok(taken) => written += taken,
                Err(WriteError::Blocked) => break,
                Err(error) => panic!("writing stream {id}: {error}"),
            }
        }
        written
    }

    /// Reads all that has arrived; whatever ends the reading is left for the next read.
    pub fn read(&mut self, id: StreamId) -> Vec<u8> {
        let mut out = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = self.stream(id).unwrap().read(&mut buffer) {
            out.extend_from_slice(&buffer[..read]);
        }
        out
    }

    /// Whether the peer has finished the stream and everything was read.
    pub fn at_end(&mut self, id: StreamId) -> bool {
        self.stream(id).unwrap().read(&mut [0]) == Ok(0)
    }

    /// Lets go of both halves, as dropping a stream does.
    pub fn drop_stream(&mut self, id: StreamId) {
        self.stream(id).unwrap().stop_writing();
        if let Ok(mut stream) = self.stream(id) {
            stream.stop_reading();
        }
    }

    /// The events since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.collect_events();
        std::mem::take(&mut self.events)
    }

    fn collect_events(&mut self) -> bool {
        let before = self.events.len();
        while let Some(event) = self.connection.poll_event() {
            self.events.push(event);
        }
        self.events.len() > before
    }

    /// Does everything that can be done at `now`; false if that was nothing.
    fn turn(&mut self, now: Instant, incoming: &mut Link, outgoing: &mut Link) -> bool {
        let mut moved = self.receive(now, incoming);
        if self.connection.poll_timeout().is_some_and(|at| at <= now) {
            self.connection.handle_timeout(now);
            moved = true;
        }
        moved |= self.transmit(now, outgoing);
        if !moved {
            // One call forgets the last offer of room, the other makes the next.
            self.connection.poll_writers();
            self.connection.poll_writers();
        }
        moved | self.collect_events()
    }

    fn receive(&mut self, now: Instant, incoming: &mut Link) -> bool {
        let mut moved = false;
        while let Some(piece) = incoming.arrived(now) {
            match piece {
                Some(bytes) => {
                    self.input.extend_from_slice(&bytes);
                    self.input_fresh = true;
                }
                None => self.input_ended = true,
            }
            moved = true;
        }
        if !self.connection.wants_input() {
            return moved;
        }
        if self.input_fresh || self.connection.has_deferred_input() {
            self.connection.handle_input(now, &mut self.input);
            self.input_fresh = !self.connection.wants_input();
            moved = true;
        } else if self.input_ended && !self.eof_told {
            self.eof_told = true;
            self.connection.handle_eof(now);
            moved = true;
        }
        moved
    }

    fn transmit(&mut self, now: Instant, outgoing: &mut Link) -> bool {
        let mut moved = false;
        if self.in_flight && outgoing.has_room(now) {
            self.in_flight = false;
            self.connection.handle_transmitted(now);
            moved = true;
        }
        if !self.in_flight && self.connection.poll_transmit(now, &mut self.batch) {
            self.in_flight = true;
            let bytes = self.batch.copy_to_bytes(self.batch.remaining());
            outgoing.send(now, bytes);
            if outgoing.stalled {
                self.connection.handle_transport_full(now, false);
            }
            moved = true;
        }
        let close = match self.connection.transport_state() {
            TransportState::Open | TransportState::AwaitEnd => false,
            TransportState::CloseWrite => !self.in_flight,
            TransportState::Done => true,
        };
        if close && !self.write_closed {
            self.write_closed = true;
            outgoing.close(now);
            self.connection.handle_write_closed(now);
            moved = true;
        }
        moved
    }

    fn wake_at(&self, outgoing: &Link) -> Option<Instant> {
        let written = (self.in_flight && !outgoing.stalled).then(|| outgoing.room_at());
        written.into_iter().chain(self.connection.poll_timeout()).min()
    }
}

impl Link {
    fn send(&mut self, now: Instant, mut bytes: Bytes) {
        self.free_at = self.free_at.max(now);
        while !bytes.is_empty() {
            let piece = match self.rate {
                None => bytes.split_off(0),
                Some(_) => bytes.split_to(bytes.len().min(PIECE)),
            };
            let nanos = self.rate.map_or(0, |rate| piece.len() as u64 * 1_000_000_000 / rate);
            self.free_at = self.free_at + Duration::from_nanos(nanos);
            self.arrivals.push_back((self.free_at + self.latency, Some(piece)));
        }
    }

    fn close(&mut self, now: Instant) {
        self.arrivals.push_back((self.free_at.max(now) + self.latency, None));
    }

    fn has_room(&self, now: Instant) -> bool {
        !self.stalled && self.free_at <= now + self.line
    }

    /// When there is room for more.
    fn room_at(&self) -> Instant {
        Instant::ORIGIN + (self.free_at - Instant::ORIGIN).saturating_sub(self.line)
    }

    #[allow(clippy::option_option, reason = "nothing yet, or the end")]
    fn arrived(&mut self, now: Instant) -> Option<Option<Bytes>> {
        let due = !self.stalled && self.arrivals.front().is_some_and(|(at, _)| *at <= now);
        due.then(|| self.arrivals.pop_front().and_then(|(_, piece)| piece))
    }

    fn arrives_at(&self) -> Option<Instant> {
        self.arrivals.front().filter(|_| !self.stalled).map(|(at, _)| *at)
    }
}

impl Pair {
    /// Both ends with default settings.
    pub fn new() -> Self {
        Self::with(Config::default(), Config::default())
    }

    pub fn with(client: Config, server: Config) -> Self {
        let time = Instant::ORIGIN;
        Self {
            client: End::new(Side::Client, client, time),
            server: End::new(Side::Server, server, time),
            time,
            upstream: Link::default(),
            downstream: Link::default(),
        }
    }

    /// A transport of `latency` each way and `rate` bytes a second.
    pub fn over(mut self, latency: Duration, rate: u64) -> Self {
        for link in [&mut self.upstream, &mut self.downstream] {
            (link.latency, link.rate) = (latency, Some(rate));
        }
        self
    }

    /// Gives each end one turn; false if neither had anything to do.
    pub fn step(&mut self) -> bool {
        let client = self.client.turn(self.time, &mut self.downstream, &mut self.upstream);
        let server = self.server.turn(self.time, &mut self.upstream, &mut self.downstream);
        client | server
    }

    /// Steps until nothing is left to do now.
    pub fn drive(&mut self) {
        for _ in 0..STEPS_MAX {
            if !self.step() {
                return;
            }
        }
        panic!("the sessions do not come to rest");
    }

    /// When something will happen by itself.
    pub fn wake_at(&self) -> Option<Instant> {
        let ends = [self.client.wake_at(&self.upstream), self.server.wake_at(&self.downstream)];
        let links = [self.upstream.arrives_at(), self.downstream.arrives_at()];
        ends.into_iter().chain(links).flatten().min()
    }

    /// Drives to the next moment at which something happens, but no further than `until`; false when
    /// that is reached.
    pub fn skip(&mut self, until: Instant) -> bool {
        let next = self.wake_at().unwrap_or(until).max(self.time);
        self.time = next.min(until);
        self.drive();
        next < until
    }

    /// Lets time pass, with everything that happens in it.
    pub fn pass(&mut self, duration: Duration) {
        let until = self.time + duration;
        self.drive();
        while self.skip(until) {}
    }

    /// A stream from the client that the server has accepted.
    pub fn open(&mut self) -> StreamId {
        let id = self.client.open().unwrap();
        self.drive();
        assert_eq!(self.server.accept(), Some(id));
        self.drive();
        id
    }

    /// Sends `data` from the client to the server, both going on until everything has arrived.
    pub fn upload(&mut self, id: StreamId, data: &[u8]) -> Vec<u8> {
        let (mut sent, mut received) = (0, Vec::new());
        while received.len() < data.len() {
            sent += self.client.write(id, &data[sent..]);
            self.drive();
            let read = self.server.read(id);
            assert!(!read.is_empty(), "stuck with {sent} sent, {} received", received.len());
            received.extend(read);
            self.drive();
        }
        received
    }
}

impl Raw {
    pub fn new(side: Side, config: Config) -> Self {
        let time = Instant::ORIGIN;
        let end = End::new(side, config, time);
        let mut raw = Self { end, time, decoder: Decoder::default(), wire: BytesMut::new() };
        assert_eq!(raw.frames(), [Frame::Ping { request: true, value: 1 }], "the first frame");
        raw
    }

    /// The session is a server, the hand-written peer a client.
    pub fn server() -> Self {
        Self::new(Side::Server, Config::default())
    }

    /// The session is a client, the hand-written peer a server.
    pub fn client() -> Self {
        Self::new(Side::Client, Config::default())
    }

    /// A server that has accepted stream 1.
    pub fn accepted() -> (Self, StreamId) {
        Self::accepted_with(Config::default())
    }

    pub fn accepted_with(config: Config) -> (Self, StreamId) {
        let mut raw = Self::new(Side::Server, config);
        raw.send(&window_update(1, Flags::SYN, 0));
        let id = raw.accept().unwrap();
        raw.sent();
        (raw, id)
    }

    /// A client whose stream 1 has been acknowledged.
    pub fn opened() -> (Self, StreamId) {
        let mut raw = Self::client();
        let id = raw.open().unwrap();
        raw.sent();
        raw.send(&window_update(1, Flags::ACK, 0));
        (raw, id)
    }

    /// The peer's bytes arrive. What the session does not take now stays for later.
    pub fn send(&mut self, bytes: &[u8]) {
        self.end.input.extend_from_slice(bytes);
        self.end.connection.handle_input(self.time, &mut self.end.input);
    }

    /// The peer's transport ends.
    pub fn send_eof(&mut self) {
        self.end.connection.handle_eof(self.time);
    }

    pub fn write_closed(&mut self) {
        self.end.connection.handle_write_closed(self.time);
    }

    /// Bytes that the session has left unread.
    pub fn untaken(&self) -> usize {
        self.end.input.len()
    }

    /// What the session has sent since the last call.
    pub fn sent(&mut self) -> Vec<Sent> {
        let End { connection, batch, .. } = &mut self.end;
        while connection.poll_transmit(self.time, batch) {
            self.wire.extend_from_slice(&batch.copy_to_bytes(batch.remaining()));
            connection.handle_transmitted(self.time);
        }
        let mut sent: Vec<Sent> = Vec::new();
        while let Some(item) = self.decoder.next(&mut self.wire).expect("well-formed frames") {
            match item {
                Item::Frame(frame) => sent.push(Sent { frame, body: Vec::new() }),
                Item::Body(piece) => {
                    sent.last_mut().unwrap().body.extend_from_slice(piece.as_slice());
                }
            }
        }
        assert!(self.wire.is_empty() && !self.decoder.is_inside_body(), "whole frames");
        sent
    }

    /// The headers of [`sent`](Self::sent).
    pub fn frames(&mut self) -> Vec<Frame> {
        self.sent().into_iter().map(|sent| sent.frame).collect()
    }

    /// One batch goes to a transport that does not take it; false if there was none.
    pub fn send_into_stall(&mut self) -> bool {
        let End { connection, batch, .. } = &mut self.end;
        let sent = connection.poll_transmit(self.time, batch);
        if sent {
            connection.handle_transport_full(self.time, false);
        }
        sent
    }

    /// The transport takes the batch it was given.
    pub fn end_stall(&mut self) {
        let End { connection, batch, .. } = &mut self.end;
        self.wire.extend_from_slice(&batch.copy_to_bytes(batch.remaining()));
        connection.handle_transmitted(self.time);
    }

    /// Lets time pass, with the timers that expire in it.
    pub fn pass(&mut self, duration: Duration) {
        let until = self.time + duration;
        // Arms what calls without a time have begun.
        self.end.connection.handle_timeout(self.time);
        for _ in 0..STEPS_MAX {
            let Some(at) = self.end.connection.poll_timeout().filter(|at| *at <= until) else {
                self.time = until;
                return;
            };
            self.time = at.max(self.time);
            self.end.connection.handle_timeout(self.time);
        }
        panic!("the timers do not come to rest");
    }

    /// Answers the ping under way.
    pub fn pong(&mut self, value: u32) {
        self.send(&ping(false, value));
    }
}

impl Deref for Raw {
    type Target = End;

    fn deref(&self) -> &End {
        &self.end
    }
}

impl DerefMut for Raw {
    fn deref_mut(&mut self) -> &mut End {
        &mut self.end
    }
}

pub fn id(number: u32) -> StreamId {
    StreamId::new(number).expect("stream ids are not 0")
}

pub const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Bytes that differ from their neighbours and from other streams'.
pub fn pattern(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Bytes from hexadecimal digits; everything else is ignored.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Twelve bytes as they are, right or wrong.
pub fn header(version: u8, kind: u8, flags: u16, stream: u32, length: u32) -> Vec<u8> {
    let mut bytes = vec![version, kind];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(stream.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes
}

pub fn data(stream: u32, flags: Flags, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(0, 0, flags.bits(), stream, body.len() as u32);
    bytes.extend_from_slice(body);
    bytes
}

pub fn window_update(stream: u32, flags: Flags, delta: u32) -> Vec<u8> {
    header(0, 1, flags.bits(), stream, delta)
}

pub fn ping(request: bool, value: u32) -> Vec<u8> {
    header(0, 2, if request { 1 } else { 2 }, 0, value)
}

pub fn go_away(code: u32) -> Vec<u8> {
    header(0, 3, 0, 0, code)
}

/// The Window Update frames that a session may send.
pub fn update(stream: u32, flags: Flags, delta: u32) -> Frame {
    Frame::WindowUpdate { stream: id(stream), flags, delta }
}

pub fn said_go_away(code: u32) -> Frame {
    Frame::GoAway { code: GoAwayCode(code) }
}

/// What reading an empty but open stream says.
pub const NOTHING_YET: Result<usize, ReadError> = Err(ReadError::Blocked);
