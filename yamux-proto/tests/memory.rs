//! What a hostile peer can make a session hold, measured with a counting allocator.
//!
//! One test, because the allocator counts for the whole process.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;
#[cfg(feature = "driver")]
#[allow(
    dead_code,
    clippy::arithmetic_side_effects,
    clippy::disallowed_types,
    reason = "as in driver.rs"
)]
mod rig;

use std::alloc::System;

use bytes::{Buf, BytesMut};
use pair::{data, ping, window_update};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use yamux_proto::{Config, Connection, Flags, Instant, Side, StreamId, Transmit};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NOW: Instant = Instant::ORIGIN;

/// The read buffer of a driver.
const READ_BUFFER: usize = 256 * 1024;

/// A session that is fed as a driver feeds it: each read into a fresh part of a large buffer.
struct Fed {
    connection: Connection,
    input: BytesMut,
    batch: Transmit,
}

impl Fed {
    fn new(config: Config) -> Self {
        let connection = Connection::new(Side::Server, config, NOW);
        Self { connection, input: BytesMut::new(), batch: Transmit::default() }
    }

    fn feed(&mut self, bytes: &[u8]) {
        if self.input.capacity() < bytes.len().max(4096) {
            self.input = BytesMut::with_capacity(READ_BUFFER.max(bytes.len()));
        }
        self.input.extend_from_slice(bytes);
        self.connection.handle_input(NOW, &mut self.input);
        assert!(self.input.is_empty() && self.connection.cause().is_none());
    }

    fn open(&mut self, count: u32) -> Vec<StreamId> {
        for n in 0..count {
            self.feed(&window_update(2 * n + 1, Flags::SYN, 0));
        }
        let accepted: Vec<_> = std::iter::from_fn(|| self.connection.accept()).collect();
        self.flush();
        accepted
    }

    fn flush(&mut self) {
        while self.connection.poll_transmit(NOW, &mut self.batch) {
            self.batch.advance(self.batch.remaining());
            self.connection.handle_transmitted(NOW);
        }
        while self.connection.poll_event().is_some() {}
    }
}

/// Bytes on the heap since `region` began.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated.saturating_sub(change.bytes_deallocated)
}

/// Sends 200 KiB on each of `streams` in frames and reads of the given sizes, with nobody reading.
fn fragmented(streams: u32, frame: usize, read: usize) {
    const EACH: usize = 200 * 1024;
    let mut fed = Fed::new(Config::default());
    fed.open(streams);
    let body = vec![7; frame];
    let round: Vec<u8> = (0..streams).flat_map(|n| data(2 * n + 1, Flags::NONE, &body)).collect();
    let region = Region::new(ALLOCATOR);
    for _ in 0..EACH / frame {
        round.chunks(read).for_each(|piece| fed.feed(piece));
    }
    let unread = fed.connection.stats().unread;
    assert_eq!(unread, streams as usize * (EACH / frame) * frame);
    let bound = 2 * unread + 2 * 1024 * 1024 + streams as usize * 1024;
    let held = held(&region);
    assert!(held <= bound, "{unread} unread in frames of {frame} hold {held}, over {bound}");
}

fn unread_bytes_hold_at_most_twice_their_size() {
    fragmented(1, 1, 4096);
    fragmented(4, 3, 1000);
    fragmented(16, 4096, 65_536);
    fragmented(16, 4097, 5000);
    fragmented(64, 5000, 65_536);
    fragmented(16, 65_536, 262_144);
}

/// Slices of large buffers that alternate with crumbs: the worst mix.
fn crumbs_between_slices_hold_little() {
    let mut fed = Fed::new(Config::default());
    fed.open(256);
    let region = Region::new(ALLOCATOR);
    for n in 0..256 {
        let mut bytes = Vec::new();
        for _ in 0..20 {
            bytes.extend(data(2 * n + 1, Flags::NONE, &[1]));
            bytes.extend(data(2 * n + 1, Flags::NONE, &[2; 4096]));
        }
        fed.feed(&bytes);
    }
    let unread = fed.connection.stats().unread;
    let bound = 2 * unread + 2 * 1024 * 1024 + 256 * 1024;
    assert!(held(&region) <= bound, "{unread} unread hold {}, over {bound}", held(&region));
}

/// One kept slice of each large buffer, in between data that is read at once.
fn slices_that_linger_let_go_of_their_buffers() {
    let mut fed = Fed::new(Config::default());
    let streams = fed.open(2);
    let region = Region::new(ALLOCATOR);
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..60 {
        fed.feed(&data(1, Flags::NONE, &[1; 4096]));
        for _ in 0..8 {
            fed.feed(&data(3, Flags::NONE, &[2; 32 * 1024]));
            let read = fed.connection.stream(streams[1]).unwrap().read(&mut buffer);
            assert_eq!(read, Ok(32 * 1024));
            fed.flush();
        }
    }
    let unread = fed.connection.stats().unread;
    assert_eq!(unread, 60 * 4096);
    let bound = 2 * unread + 2 * 1024 * 1024;
    assert!(held(&region) <= bound, "{unread} unread hold {}, over {bound}", held(&region));
}

/// Reads all but one byte of 200 KiB on each of many streams, after the input has been copied out.
fn the_last_byte_of_much_holds_little() {
    const STREAMS: u32 = 200;
    const EACH: usize = 200 * 1024;
    for chunked in [false, true] {
        for frame in [EACH, 4000] {
            let mut fed = Fed::new(Config::default());
            let ids = fed.open(STREAMS);
            let region = Region::new(ALLOCATOR);
            for &id in &ids {
                let body = [7; EACH];
                body.chunks(frame)
                    .take(4)
                    .for_each(|body| fed.feed(&data(id.get(), Flags::NONE, body)));
                fed.connection.shrink();
                let mut left = EACH.min(4 * frame) - 1;
                while left > 0 {
                    let mut stream = fed.connection.stream(id).unwrap();
                    left -= match chunked {
                        false => stream.read(&mut vec![0; left.min(8192)]).unwrap(),
                        true => stream.read_chunk(left.min(8192)).unwrap().unwrap().len(),
                    };
                }
            }
            fed.flush();
            fed.connection.shrink();
            assert_eq!(fed.connection.stats().unread, STREAMS as usize);
            let (held, bound) = (held(&region), READ_BUFFER + STREAMS as usize * 5 * 1024);
            assert!(
                held <= bound,
                "{STREAMS} bytes of frames of {frame} hold {held}, over {bound}"
            );
        }
    }
}

/// Reads all but one byte of many large pieces, which the window has room for.
fn the_last_byte_of_many_pieces_holds_little() {
    const PIECES: usize = 4000;
    const PIECE: usize = 4096;
    let window = (PIECES * PIECE) as u32;
    let config = Config::builder().max_receive_window(window).initial_receive_window(window);
    let mut fed = Fed::new(config.build().unwrap());
    let ids = fed.open(1);
    fed.flush();
    fed.input = BytesMut::new();
    let region = Region::new(ALLOCATOR);
    for _ in 0..PIECES {
        fed.feed(&data(1, Flags::NONE, &[7; PIECE]));
    }
    let mut left = PIECES * PIECE - 1;
    while left > 0 {
        left -= fed
            .connection
            .stream(ids[0])
            .unwrap()
            .read(&mut [0; PIECE][..left.min(PIECE)])
            .unwrap();
    }
    fed.flush();
    fed.connection.shrink();
    fed.input = BytesMut::new();
    assert_eq!(fed.connection.stats().unread, 1);
    let (held, bound) = (held(&region), 16 * 1024);
    assert!(held <= bound, "a byte holds {held}, over {bound}");
}

fn a_header_reserves_nothing() {
    let config = Config::builder().initial_receive_window(16 << 20).build().unwrap();
    let mut fed = Fed::new(config);
    fed.open(100);
    fed.feed(b"");
    let region = Region::new(ALLOCATOR);
    fed.feed(&pair::header(0, 0, 0, 1, 16 << 20));
    assert!(held(&region) < 4096, "{} bytes for a header", held(&region));
}

fn dribbled_window_holds_nothing() {
    let mut fed = Fed::new(Config::default());
    let streams = fed.open(1);
    let region = Region::new(ALLOCATOR);
    let bytes = vec![0; 300_000];
    assert_eq!(fed.connection.stream(streams[0]).unwrap().write(&bytes), Ok(262_144));
    fed.flush();
    for _ in 0..20_000 {
        fed.feed(&window_update(1, Flags::NONE, 1));
        let _ = fed.connection.stream(streams[0]).unwrap().write(&bytes);
        fed.flush();
    }
    fed.connection.shrink();
    fed.batch.shrink();
    let held = held(&region);
    assert!(held <= 2 * READ_BUFFER, "{held} bytes after 20,000 tiny updates");
}

fn floods_leave_nothing_behind() {
    let mut fed = Fed::new(Config::default());
    fed.open(1);
    let region = Region::new(ALLOCATOR);
    for n in 0..1000 {
        fed.feed(&[window_update(2 * n + 3, Flags::SYN, 0), ping(true, n)].concat());
        fed.feed(&window_update(2 * n + 3, Flags::RST, 0));
        fed.feed(&data(1, Flags::NONE, b""));
        fed.flush();
    }
    fed.connection.shrink();
    let held = held(&region);
    assert!(held <= READ_BUFFER + 8192, "{held} bytes after floods");
}

fn an_idle_session_gives_its_buffers_back() {
    let region = Region::new(ALLOCATOR);
    let mut fed = Fed::new(Config::default());
    let streams = fed.open(100);
    let mut buffer = vec![0; 256 * 1024];
    for stream in streams {
        for _ in 0..6 {
            fed.feed(&data(stream.get(), Flags::NONE, &[1; 3000]));
        }
        let mut stream = fed.connection.stream(stream).unwrap();
        assert_eq!(stream.read(&mut buffer), Ok(18_000));
        stream.write(&buffer).unwrap();
        stream.stop_writing();
        stream.stop_reading();
        let number = stream.id().get();
        fed.feed(&window_update(number, Flags::FIN, 0));
        fed.flush();
    }
    drop(buffer);
    fed.input = BytesMut::new();
    fed.connection.shrink();
    fed.batch.shrink();
    assert_eq!(fed.connection.num_streams(), 0);
    let held = held(&region);
    assert!(held <= 2048, "an idle session holds {held} bytes");
}

/// Every stream is sent a message at the same time, and echoes it.
fn steady_traffic_allocates_nothing_for_a_frame(streams: u32, size: u32) {
    const MESSAGES: u32 = 10_000;
    let mut fed = Fed::new(Config::default());
    let streams = fed.open(streams);
    let body = vec![9; size as usize];
    let of_each = |frame: &dyn Fn(u32) -> Vec<u8>| -> Vec<u8> {
        streams.iter().flat_map(|stream| frame(stream.get())).collect()
    };
    let messages = of_each(&|id| data(id, Flags::NONE, &body));
    let updates = of_each(&|id| window_update(id, Flags::NONE, size));
    let mut buffer = vec![0; size as usize];
    fed.input.reserve(READ_BUFFER);
    let mut echo = |fed: &mut Fed| {
        fed.input.extend_from_slice(&messages);
        fed.connection.handle_input(NOW, &mut fed.input);
        for id in &streams {
            let mut stream = fed.connection.stream(*id).unwrap();
            let read = stream.read(&mut buffer).unwrap();
            stream.write(&buffer[..read]).unwrap();
        }
        fed.flush();
        // The read buffer is used again, as a driver does once nobody holds a slice of it.
        assert!(fed.input.try_reclaim(READ_BUFFER / 2));
        fed.input.extend_from_slice(&updates);
        fed.connection.handle_input(NOW, &mut fed.input);
    };
    (0..100).for_each(|_| echo(&mut fed));
    let region = Region::new(ALLOCATOR);
    (0..MESSAGES / u32::try_from(streams.len()).unwrap()).for_each(|_| echo(&mut fed));
    let change = region.change();
    let count = change.allocations + change.reallocations;
    assert!(count <= 100, "{count} allocations for {MESSAGES} messages of {size} bytes");
}

/// A byte is read, a byte comes, and much waits in between.
fn a_reader_that_keeps_its_distance_moves_little() {
    const ROUNDS: usize = 1000;
    for distance in (500..16_000).step_by(500) {
        let mut fed = Fed::new(Config::default());
        let streams = fed.open(1);
        for _ in 0..distance / 50 {
            fed.feed(&data(1, Flags::NONE, &[7; 50]));
        }
        let frame = data(1, Flags::NONE, &[7]);
        let region = Region::new(ALLOCATOR);
        for _ in 0..ROUNDS {
            fed.feed(&frame);
            assert_eq!(fed.connection.stream(streams[0]).unwrap().read(&mut [0]), Ok(1));
        }
        let change = region.change();
        let count = change.allocations + change.reallocations;
        assert!(count <= 20, "{count} allocations for {ROUNDS} bytes, {distance} behind");
    }
}

/// A stream is held, others wait to be accepted, and the session ends before or after its last handle
/// is dropped.
#[cfg(feature = "driver")]
fn what_nobody_can_accept_holds_nothing() {
    for ends_first in [true, false] {
        let region = Region::new(ALLOCATOR);
        let mut rig = rig::Rig::new(Side::Server, Config::default());
        let stream = rig.accept();
        for n in 1..=20 {
            rig.receive_bytes(&data(2 * n + 1, Flags::SYN, &vec![0; 100_000]));
            rig.run();
        }
        if ends_first {
            rig.session().abort();
        }
        rig.leave();
        rig.run();
        rig.drop_driver();
        rig.transport().input = std::collections::VecDeque::new();
        let held = held(&region);
        assert!(held <= 2 * READ_BUFFER, "{held} bytes for one stream");
        drop(stream);
    }
}

/// A tunnel has one stream that stays, with a word on it now and then or none, and a busy hour.
#[cfg(feature = "driver")]
fn one_stream_that_stays_keeps_no_memory_of_the_others(has_words: bool) {
    const STREAMS: u32 = 5_000;
    let config = Config::builder().keepalive_interval(None).max_inbound_streams(10_000);
    let mut rig = rig::Rig::new(Side::Server, config.build().unwrap());
    let mut stays = rig.accept();
    let region = Region::new(ALLOCATOR);
    let mut others: Vec<_> = (1..=STREAMS).map(|n| rig.accept_as(2 * n + 1)).collect();
    for stream in &mut others {
        assert!(rig.poll(|cx| stream.poll_read_chunk(cx, 1)).is_pending());
    }
    let full = held(&region);
    for mut stream in others {
        stream.reset(0);
    }
    rig.run();
    rig.transport().output = Vec::new();
    rig.transport().writes = Vec::new();
    for _ in 0..1000 {
        if has_words {
            rig.receive_bytes(&data(1, Flags::NONE, b"x"));
            rig.run();
            assert!(rig.poll(|cx| stays.poll_read_chunk(cx, 1)).is_ready());
        }
        rig.pass(std::time::Duration::from_millis(60));
    }
    let held = held(&region);
    assert!(held <= 16 * 1024, "{held} bytes are left of {full}");
    drop(stays);
}

/// Slices of several read buffers are unread as the session ends, and the stream stays.
#[cfg(feature = "driver")]
fn what_is_unread_at_the_end_keeps_no_read_buffers() {
    let mut rig = rig::Rig::new(Side::Server, Config::default());
    let (mut stays, mut other) = (rig.accept(), rig.accept_as(3));
    let region = Region::new(ALLOCATOR);
    for _ in 0..8 {
        rig.receive_bytes(&data(1, Flags::NONE, &[1; 4096]));
        rig.receive_bytes(&data(3, Flags::NONE, &[2; 8000]).repeat(25));
        rig.run();
        while rig.poll(|cx| other.poll_read(cx, 1 << 20, |_| ())).is_ready() {}
        rig.run();
    }
    rig.session().abort();
    rig.run();
    assert!(rig.is_done());
    rig.transport().input = std::collections::VecDeque::new();
    rig.transport().output = Vec::new();
    let held = held(&region);
    assert!(held <= 3 * 8 * 4096, "{held} bytes for {} unread", 8 * 4096);
    assert!(rig.poll(|cx| stays.poll_read(cx, 1, |_| ())).is_ready());
}

/// All write in pieces of this size, and the peer has granted a lot and reads nothing.
#[cfg(feature = "driver")]
fn output_that_nobody_takes_is_bounded(streams: u32, piece: usize) {
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let mut rig = rig::Rig::new(Side::Server, config);
    let mut streams: Vec<_> = (0..streams).map(|n| rig.accept_as(2 * n + 1)).collect();
    for stream in &streams {
        rig.receive_bytes(&window_update(stream.id().get(), Flags::NONE, 1 << 30));
    }
    rig.run();
    rig.pass(std::time::Duration::from_secs(1));
    rig.transport().takes_writes = false;
    let piece = vec![0; piece];
    let region = Region::new(ALLOCATOR);
    for _ in 0..3 {
        for stream in &mut streams {
            while rig.poll(|cx| stream.poll_write(cx, &piece)).is_ready() {}
        }
        rig.run();
    }
    let bound = 2 * 1024 * 1024 + streams.len() * 16 * 1024;
    let held = held(&region);
    assert!(held <= bound, "{held} bytes of output, over {bound}");
}

/// More wait to open than the peer acknowledges.
#[cfg(feature = "driver")]
fn who_waited_and_gave_up_leaves_nothing() {
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let mut rig = rig::Rig::new(Side::Client, config);
    let session = rig.session();
    let streams: Vec<_> = (0..256).map(|_| rig::ready(session.open()).unwrap()).collect();
    rig.pass(std::time::Duration::from_secs(1));
    let region = Region::new(ALLOCATOR);
    let mut turns: Vec<_> = (0..10_000).map(|_| session.open_turn()).collect();
    for turn in &mut turns {
        assert!(rig.poll(|cx| session.poll_open(cx, turn)).is_pending());
    }
    while turns.pop().is_some() {}
    drop(turns);
    drop(streams);
    rig.run();
    rig.transport().output = Vec::new();
    rig.transport().writes = Vec::new();
    rig.pass(std::time::Duration::from_secs(1));
    let held = held(&region);
    assert!(held <= 64 * 1024, "{held} bytes of those who waited");
}

/// Streams of ids so far apart, opened, accepted and idle: their bytes each.
fn idle_stream(count: u32, apart: u32) -> usize {
    let mut fed = Fed::new(Config::default());
    let region = Region::new(ALLOCATOR);
    for n in 0..count {
        fed.feed(&window_update(2 * apart * n + 1, Flags::SYN, 0));
        assert!(fed.connection.accept().is_some());
        fed.flush();
    }
    fed.input = BytesMut::new();
    fed.connection.shrink();
    held(&region) / count as usize
}

/// However a peer chooses their ids, and just behind a power of two as well.
fn idle_streams_are_small() {
    for (count, apart, most) in [
        (1000, 1, 110),
        (1025, 1, 200),
        (4096, 1, 110),
        (1000, 8, 180),
        (1025, 8, 270),
        (4096, 1000, 180),
    ] {
        let each = idle_stream(count, apart);
        assert!(each <= most, "{each} bytes for each of {count} streams, {apart} apart");
    }
}

/// What came before a quiet time is read after it.
fn what_is_read_late_keeps_no_queues() {
    let mut fed = Fed::new(Config::default());
    let streams = fed.open(1000);
    fed.connection.shrink();
    fed.input = BytesMut::new();
    let region = Region::new(ALLOCATOR);
    for stream in &streams {
        fed.feed(&data(stream.get(), Flags::NONE, &[1; 900]));
    }
    fed.input = BytesMut::new();
    fed.connection.shrink();
    for stream in streams {
        assert_eq!(fed.connection.stream(stream).unwrap().read(&mut [0; 900]), Ok(900));
    }
    let held = held(&region);
    assert!(held <= 16 * 1024, "{held} bytes of empty queues");
}

#[test]
fn what_a_session_holds_is_bounded() {
    unread_bytes_hold_at_most_twice_their_size();
    crumbs_between_slices_hold_little();
    the_last_byte_of_much_holds_little();
    the_last_byte_of_many_pieces_holds_little();
    slices_that_linger_let_go_of_their_buffers();
    a_header_reserves_nothing();
    floods_leave_nothing_behind();
    an_idle_session_gives_its_buffers_back();
    steady_traffic_allocates_nothing_for_a_frame(1, 1000);
    steady_traffic_allocates_nothing_for_a_frame(250, 64);
    dribbled_window_holds_nothing();
    a_reader_that_keeps_its_distance_moves_little();
    #[cfg(feature = "driver")]
    what_nobody_can_accept_holds_nothing();
    #[cfg(feature = "driver")]
    one_stream_that_stays_keeps_no_memory_of_the_others(false);
    #[cfg(feature = "driver")]
    one_stream_that_stays_keeps_no_memory_of_the_others(true);
    #[cfg(feature = "driver")]
    who_waited_and_gave_up_leaves_nothing();
    #[cfg(feature = "driver")]
    what_is_unread_at_the_end_keeps_no_read_buffers();
    #[cfg(feature = "driver")]
    {
        output_that_nobody_takes_is_bounded(1, 1000);
        output_that_nobody_takes_is_bounded(1, 100_000);
        output_that_nobody_takes_is_bounded(500, 5000);
    }
    what_is_read_late_keeps_no_queues();
    idle_streams_are_small();
}
