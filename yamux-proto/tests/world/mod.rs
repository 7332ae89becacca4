//! Two sessions and a naive reference beside them: for each stream, two queues of bytes.
//!
//! Every answer of the sessions is held against the reference, and every frame on the wire against
//! what a session may send. The property test and the fuzzer drive it.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use yamux_proto::{
    Config, Connection, ConnectionError, Decoder, Event, Flags, Frame, GoAwayCode, INITIAL_WINDOW,
    Instant, Item, OpenError, ReadError, ResetError, Side, StreamId, Transmit, TransportState,
    WriteError,
};

pub const SIDES: [Side; 2] = [Side::Client, Side::Server];

#[derive(Clone, Debug)]
pub enum Op {
    Open,
    Accept,
    Write { pick: usize, len: usize, chunk: bool },
    Read { pick: usize, max: usize, chunk: bool },
    Finish { pick: usize },
    Reset { pick: usize, code: u32 },
    StopReading { pick: usize },
    StopWriting { pick: usize },
    Ping,
    Transmit,
    Deliver { bytes: usize },
    Pass { time: u64 },
}

/// One direction of a stream in the reference: what was written, and how much of it was read.
#[derive(Debug, Default)]
struct Queue {
    written: usize,
    read: usize,
    finished: bool,
}

/// A stream in the reference; arrays are indexed by side.
#[derive(Debug)]
struct Model {
    /// By the side that writes.
    queues: [Queue; 2],
    accepted: bool,
    reads: [bool; 2],
    writes: [bool; 2],
    reset: [Option<u32>; 2],
}

/// What one direction of the wire has carried, to hold it against the protocol.
#[derive(Debug, Default)]
struct Wire {
    in_transit: BytesMut,
    input: BytesMut,
    sent: Decoder,
    sent_tail: BytesMut,
    delivered: Decoder,
    delivered_tail: BytesMut,
    streams: BTreeMap<StreamId, Carried>,
    last_syn: u32,
}

#[derive(Debug)]
struct Carried {
    flags: Flags,
    data: u64,
    /// What the receiver's updates that have arrived allow.
    allowed: u64,
}

impl Default for Carried {
    fn default() -> Self {
        Self { flags: Flags::NONE, data: 0, allowed: u64::from(INITIAL_WINDOW) }
    }
}

#[derive(Debug)]
pub struct World {
    ends: [Connection; 2],
    batch: Transmit,
    now: Instant,
    /// By the side that sends.
    wires: [Wire; 2],
    streams: BTreeMap<StreamId, Model>,
    last_accepted: [u32; 2],
    /// Who was told `Blocked` and not yet to look again, by side.
    readers: [BTreeSet<StreamId>; 2],
    /// Likewise, with how much they wanted to write.
    writers: [BTreeMap<StreamId, usize>; 2],
}

/// The byte at a place of a direction of a stream.
fn byte(id: StreamId, writer: usize, at: usize) -> u8 {
    let mixed =
        (at as u32).wrapping_mul(2_654_435_761) ^ id.get().wrapping_mul(194 + writer as u32);
    (mixed >> 13) as u8
}

fn stretch(id: StreamId, writer: usize, from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|at| byte(id, writer, at)).collect()
}

impl World {
    pub fn new(config: &Config) -> Self {
        let now = Instant::ORIGIN;
        Self {
            ends: SIDES.map(|side| Connection::new(side, config.clone(), now)),
            batch: Transmit::default(),
            now,
            wires: Default::default(),
            streams: BTreeMap::new(),
            last_accepted: [0; 2],
            readers: Default::default(),
            writers: Default::default(),
        }
    }

    pub fn apply(&mut self, side: usize, op: &Op) {
        let writing = |model: &Model| model.writes[side];
        let reading = |model: &Model| model.reads[side];
        match *op {
            Op::Open => self.open(side),
            Op::Accept => {
                self.accept(side);
            }
            Op::Write { pick, len, chunk } => {
                self.on(side, pick, writing, |world, id| world.write(side, id, len, chunk));
            }
            Op::Read { pick, max, chunk } => {
                self.on(side, pick, reading, |world, id| {
                    world.read(side, id, max, chunk);
                });
            }
            Op::Finish { pick } => {
                self.on(side, pick, writing, |world, id| world.finish(side, id));
            }
            Op::Reset { pick, code } => {
                let held = |model: &Model| reading(model) || writing(model);
                self.on(side, pick, held, |world, id| world.reset(side, id, code));
            }
            Op::StopReading { pick } => {
                self.on(side, pick, reading, |world, id| world.stop_reading(side, id));
            }
            Op::StopWriting { pick } => {
                self.on(side, pick, writing, |world, id| world.stop_writing(side, id));
            }
            Op::Ping => {
                self.ends[side].ping();
            }
            Op::Transmit => {
                self.transmit(side);
            }
            Op::Deliver { bytes } => {
                self.deliver(side, bytes);
            }
            Op::Pass { time } => self.pass(time),
        }
        (0..2).for_each(|side| self.assert_readers_are_blocked(side));
    }

    /// Does something with one of the streams for which `fit` holds, if there is one.
    fn on(
        &mut self,
        side: usize,
        pick: usize,
        fit: impl Fn(&Model) -> bool,
        act: impl FnOnce(&mut Self, StreamId),
    ) {
        if let Some(id) = self.pick(side, pick, fit) {
            act(self, id);
        }
    }

    /// One of the streams that `side` knows and for which `fit` holds.
    fn pick(&self, side: usize, pick: usize, fit: impl Fn(&Model) -> bool) -> Option<StreamId> {
        let known = |(id, model): &(&StreamId, &Model)| {
            (model.accepted || id.opener() == SIDES[side]) && fit(model)
        };
        let ids: Vec<_> = self.streams.iter().filter(known).map(|(id, _)| *id).collect();
        ids.get(pick.checked_rem(ids.len())?).copied()
    }

    fn open(&mut self, side: usize) {
        match self.ends[side].open() {
            Ok(id) => {
                let model = Model {
                    queues: Default::default(),
                    accepted: false,
                    reads: [true; 2],
                    writes: [true; 2],
                    reset: [None; 2],
                };
                assert!(self.streams.insert(id, model).is_none(), "a fresh id");
            }
            Err(error) => assert_eq!(error, OpenError::Backlog),
        }
    }

    fn accept(&mut self, side: usize) -> bool {
        let Some(id) = self.ends[side].accept() else { return false };
        assert_eq!(id.opener(), SIDES[1 - side]);
        assert!(id.get() > self.last_accepted[side], "in order, and once");
        self.last_accepted[side] = id.get();
        self.streams.get_mut(&id).unwrap().accepted = true;
        true
    }

    fn write(&mut self, side: usize, id: StreamId, len: usize, chunk: bool) {
        let model = self.streams.get_mut(&id).unwrap();
        let queue = &mut model.queues[side];
        let data = stretch(id, side, queue.written, len);
        let mut stream = self.ends[side].stream(id).unwrap();
        let written = if chunk {
            let mut data = Bytes::from(data);
            let written = stream.write_chunk(&mut data);
            assert_eq!(data.len(), len - *written.as_ref().unwrap_or(&0), "taken is reported");
            written
        } else {
            stream.write(&data)
        };
        self.writers[side].remove(&id);
        match written {
            Ok(written) => {
                assert!(written <= len && !queue.finished);
                assert!(written > 0 || len == 0, "something, or blocked");
                queue.written += written;
            }
            Err(WriteError::Blocked) => {
                self.writers[side].insert(id, len);
            }
            Err(WriteError::Finished) => assert!(queue.finished),
            Err(WriteError::Reset(why)) => model.assert_reset(side, why),
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads once; false if there was nothing.
    fn read(&mut self, side: usize, id: StreamId, max: usize, chunk: bool) -> bool {
        let model = self.streams.get_mut(&id).unwrap();
        let mut stream = self.ends[side].stream(id).unwrap();
        let read = if chunk {
            stream.read_chunk(max).map(|chunk| chunk.map_or(Vec::new(), |chunk| chunk.to_vec()))
        } else {
            let mut buffer = vec![0; max];
            stream.read(&mut buffer).map(|len| buffer[..len].to_vec())
        };
        let queue = &mut model.queues[1 - side];
        self.readers[side].remove(&id);
        match read {
            Ok(data) if data.is_empty() => {
                assert!(max == 0 || queue.finished && queue.read == queue.written, "end too early");
                false
            }
            Ok(data) => {
                assert!(data.len() <= max);
                assert!(data == stretch(id, 1 - side, queue.read, data.len()), "wrong bytes");
                queue.read += data.len();
                assert!(queue.read <= queue.written);
                true
            }
            Err(ReadError::Blocked) => {
                self.readers[side].insert(id);
                false
            }
            Err(ReadError::Reset(why)) => {
                model.assert_reset(side, why);
                if matches!(why, ResetError::ByPeer(_)) && model.accepted {
                    let queue = &model.queues[1 - side];
                    assert_eq!(queue.read, queue.written, "RST overtook data");
                }
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn finish(&mut self, side: usize, id: StreamId) {
        self.writers[side].remove(&id);
        let model = self.streams.get_mut(&id).unwrap();
        match self.ends[side].stream(id).unwrap().finish() {
            Ok(()) => {
                assert!(!std::mem::replace(&mut model.queues[side].finished, true), "FIN once");
            }
            Err(WriteError::Finished) => assert!(model.queues[side].finished),
            Err(WriteError::Reset(why)) => model.assert_reset(side, why),
            Err(error) => panic!("{error}"),
        }
    }

    fn reset(&mut self, side: usize, id: StreamId, code: u32) {
        let mut stream = self.ends[side].stream(id).unwrap();
        let before = stream.reset_cause();
        stream.reset(code);
        if before.is_none() && stream.reset_cause().is_some() {
            self.streams.get_mut(&id).unwrap().reset[side] = Some(code);
        }
    }

    fn stop_reading(&mut self, side: usize, id: StreamId) {
        self.ends[side].stream(id).unwrap().stop_reading();
        self.streams.get_mut(&id).unwrap().reads[side] = false;
    }

    fn stop_writing(&mut self, side: usize, id: StreamId) {
        self.ends[side].stream(id).unwrap().stop_writing();
        let model = self.streams.get_mut(&id).unwrap();
        model.writes[side] = false;
        model.queues[side].finished = true;
    }

    /// One batch of `side` goes onto the wire; false if there was none.
    fn transmit(&mut self, side: usize) -> bool {
        let end = &mut self.ends[side];
        if !end.poll_transmit(self.now, &mut self.batch) {
            end.poll_writers();
            return false;
        }
        let bytes = self.batch.copy_to_bytes(self.batch.remaining());
        end.handle_transmitted(self.now);
        let wire = &mut self.wires[side];
        wire.in_transit.extend_from_slice(&bytes);
        wire.sent_tail.extend_from_slice(&bytes);
        while let Some(item) = wire.sent.next(&mut wire.sent_tail).unwrap() {
            if let Item::Frame(frame) = item {
                judge(SIDES[side], &mut wire.streams, &mut wire.last_syn, frame);
            }
        }
        true
    }

    /// Up to `bytes` of what `side` has sent arrive; false if nothing could.
    fn deliver(&mut self, side: usize, bytes: usize) -> bool {
        let receiver = &mut self.ends[1 - side];
        let len = bytes.min(self.wires[side].in_transit.len());
        if !receiver.wants_input() || (len == 0 && !receiver.has_deferred_input()) {
            return false;
        }
        let arrived = self.wires[side].in_transit.split_to(len);
        self.wires[side].delivered_tail.extend_from_slice(&arrived);
        self.count_updates(side);
        let input = &mut self.wires[side].input;
        input.extend_from_slice(&arrived);
        self.ends[1 - side].handle_input(self.now, input);
        assert_eq!(self.ends[1 - side].cause(), None);
        true
    }

    /// Window Updates that arrive allow more in the other direction.
    fn count_updates(&mut self, side: usize) {
        let [client, server] = &mut self.wires;
        let (wire, opposite) = if side == 0 { (client, server) } else { (server, client) };
        while let Some(item) = wire.delivered.next(&mut wire.delivered_tail).unwrap() {
            if let Item::Frame(Frame::WindowUpdate { stream, flags, delta }) = item {
                if !flags.contains(Flags::RST) {
                    opposite.streams.entry(stream).or_default().allowed += u64::from(delta);
                }
            }
        }
    }

    fn pass(&mut self, time: u64) {
        self.now = self.now + Duration::from_millis(time);
        for end in &mut self.ends {
            if end.poll_timeout().is_some_and(|at| at <= self.now) {
                end.handle_timeout(self.now);
            }
        }
    }

    /// Takes the events of `side`: those whom they name look again.
    fn wake(&mut self, side: usize) {
        while let Some(event) = self.ends[side].poll_event() {
            if let Event::Readable(id) = event {
                self.readers[side].remove(&id);
            }
            if let Event::Writable(id) = event {
                self.writers[side].remove(&id);
            }
        }
    }

    /// Whoever was told `Blocked` and has not been woken is blocked indeed.
    fn assert_sleepers_are_blocked(&mut self, side: usize) {
        while self.ends[side].poll_writers() {}
        self.wake(side);
        self.assert_readers_are_blocked(side);
        for (id, len) in std::mem::take(&mut self.writers[side]) {
            if self.streams[&id].writes[side] {
                let written = self.ends[side].stream(id).unwrap().write(&vec![0; len]);
                assert_eq!(written, Err(WriteError::Blocked), "a lost wake-up of {id}");
            }
        }
    }

    fn assert_readers_are_blocked(&mut self, side: usize) {
        self.wake(side);
        for id in std::mem::take(&mut self.readers[side]) {
            if self.streams[&id].reads[side] {
                let read = self.ends[side].stream(id).unwrap().read(&mut [0]);
                assert_eq!(read, Err(ReadError::Blocked), "a lost wake-up of {id}");
                self.readers[side].insert(id);
            }
        }
    }

    /// Everything that is on its way arrives and is read.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            let mut moved = false;
            for side in 0..2 {
                moved |= self.transmit(side);
                moved |= self.deliver(side, usize::MAX);
                while self.accept(side) {
                    moved = true;
                }
                moved |= self.read_all(side);
            }
            if !moved {
                (0..2).for_each(|side| self.assert_sleepers_are_blocked(side));
                return;
            }
        }
        panic!("never at rest");
    }

    fn read_all(&mut self, side: usize) -> bool {
        let mut moved = false;
        for at in 0..self.streams.len() {
            let reading = |model: &Model| model.reads[side];
            let Some(id) = self.pick(side, at, reading) else { break };
            while self.read(side, id, 50_000, at % 2 == 0) {
                moved = true;
            }
        }
        moved
    }

    /// Finishes and reads everything, and compares both worlds.
    pub fn wind_up(&mut self) {
        self.settle();
        let held = self.held(|model, side| model.writes[side]);
        held.iter().for_each(|(side, id)| self.finish(*side, *id));
        self.settle();
        for (id, model) in &self.streams {
            model.assert_delivered(*id);
        }
        for (side, id) in self.held(|model, side| model.reads[side]) {
            self.assert_end_seen(side, id);
            self.stop_reading(side, id);
        }
        for (side, id) in self.held(|model, side| model.writes[side]) {
            if self.ends[side].stream(id).is_ok() {
                self.stop_writing(side, id);
            }
        }
        self.settle();
        for end in &mut self.ends {
            assert_eq!(end.num_streams(), 0);
            let stats = end.stats();
            assert_eq!((stats.unread, stats.window_growth), (0, 0));
            assert_eq!(stats.glitches, 0, "honest traffic is no offence");
        }
    }

    pub fn assert_backlog_is_free(&mut self) {
        for end in &mut self.ends {
            (0..256).for_each(|_| assert!(end.open().is_ok(), "a lost place in the backlog"));
            assert_eq!(end.open(), Err(OpenError::Backlog));
        }
    }

    /// A reader that stays learns how the stream ended.
    fn assert_end_seen(&mut self, side: usize, id: StreamId) {
        let model = &self.streams[&id];
        let read = self.ends[side].stream(id).unwrap().read(&mut [0]);
        match read {
            Ok(0) => assert!(model.queues[1 - side].finished),
            Err(ReadError::Reset(why)) => model.assert_reset(side, why),
            other => panic!("{id} ended with {other:?}: {model:?}"),
        }
    }

    fn held(&self, held: impl Fn(&Model, usize) -> bool) -> Vec<(usize, StreamId)> {
        let sides = |(id, model): (&StreamId, &Model)| {
            let known = |side: &usize| model.accepted || id.opener() == SIDES[*side];
            let sides: Vec<_> = (0..2).filter(known).filter(|side| held(model, *side)).collect();
            sides.into_iter().map(|side| (side, *id)).collect::<Vec<_>>()
        };
        self.streams.iter().flat_map(sides).collect()
    }

    pub fn close(mut self) {
        self.ends[0].close(GoAwayCode::NORMAL);
        for _ in 0..20 {
            for side in 0..2 {
                self.transmit(side);
                let bytes = self.wires[side].in_transit.split();
                self.wires[side].input.extend_from_slice(&bytes);
                self.ends[1 - side].handle_input(self.now, &mut self.wires[side].input);
                if self.ends[side].transport_state() == TransportState::CloseWrite {
                    self.ends[side].handle_write_closed(self.now);
                    self.ends[1 - side].handle_eof(self.now);
                }
            }
        }
        let states = [0, 1].map(|side: usize| self.ends[side].transport_state());
        assert_eq!(states, [TransportState::Done; 2]);
        assert_eq!(self.ends[0].cause(), Some(ConnectionError::Closed));
        assert_eq!(self.ends[1].cause(), Some(ConnectionError::ClosedByPeer));
    }
}

impl Model {
    /// `side` was told of a reset: by whom could it be?
    fn assert_reset(&self, side: usize, why: ResetError) {
        // Whoever leaves may reset without being asked to, and so may whoever refuses.
        let fits = |by: usize, code: u32| {
            self.reset[by] == Some(code) || (code == 0 && (!self.reads[by] || !self.accepted))
        };
        match why {
            ResetError::Locally(code) => assert!(fits(side, code), "{why:?} {self:?}"),
            ResetError::ByPeer(code) => assert!(fits(1 - side, code), "{why:?} {self:?}"),
            ResetError::OpenTimeout | _ => panic!("{why:?}, but every stream was answered"),
        }
    }

    /// Nobody reset and the reader stayed: it has everything.
    fn assert_delivered(&self, id: StreamId) {
        for writer in 0..2 {
            let stayed = self.accepted && self.reads == [true; 2] && self.reset == [None; 2];
            let queue = &self.queues[writer];
            assert!(!stayed || queue.read == queue.written, "{id} lost bytes: {self:?}");
        }
    }
}

/// Holds a frame that a session sent against what a session may send.
fn judge(side: Side, streams: &mut BTreeMap<StreamId, Carried>, last_syn: &mut u32, frame: Frame) {
    let (stream, flags, data) = match frame {
        Frame::Data { stream, flags, length } => (stream, flags, Some(length)),
        Frame::WindowUpdate { stream, flags, .. } => (stream, flags, None),
        Frame::Ping { .. } | Frame::GoAway { .. } => return,
    };
    let carried = streams.entry(stream).or_default();
    assert!(flags.bits().count_ones() <= 1, "SYN, ACK, FIN and RST travel alone");
    assert!(!carried.flags.contains(Flags::RST), "nothing follows RST");
    assert!(flags.is_empty() || !carried.flags.contains(flags), "each of them once");
    if flags == Flags::SYN {
        assert!(stream.opener() == side && stream.get() > *last_syn, "in the order of the ids");
        *last_syn = stream.get();
    } else if stream.opener() == side {
        assert!(carried.flags.contains(Flags::SYN), "SYN comes first");
    }
    if let Some(length) = data {
        assert!(flags.is_empty() && length > 0 && length <= 64 * 1024);
        assert!(!carried.flags.contains(Flags::FIN), "data behind FIN");
        carried.data += u64::from(length);
        assert!(carried.data <= carried.allowed, "more than the window");
    }
    carried.flags = carried.flags | flags;
}
