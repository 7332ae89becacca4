//! Longer runs in virtual time, each decided by its seed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use std::collections::BTreeMap;
use std::time::Duration;

use pair::{End, Pair, millis, pattern, secs};
use yamux_proto::{Config, ConnectionError, GoAwayCode, StreamId, TransportState};

/// 1 Gbit/s, in bytes a second.
const GIGABIT: u64 = 125_000_000;

/// A generator of the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }
}

/// Takes what has arrived on `id` without looking at it, and says how much it was.
fn swallow(end: &mut End, id: StreamId) -> usize {
    let mut taken = 0;
    while let Ok(read @ 1..) = end.stream(id).unwrap().read_with(usize::MAX, |_| {}) {
        taken += read;
    }
    taken
}

/// Writes without end on `id` and reads at the other side for `duration`; the bytes that arrived.
fn bulk(pair: &mut Pair, id: StreamId, duration: Duration) -> usize {
    let until = pair.time + duration;
    let block = vec![0; 256 * 1024];
    let mut received = 0;
    loop {
        let wrote = pair.client.write(id, &block) > 0;
        let read = swallow(&mut pair.server, id);
        received += read;
        if wrote || read > 0 {
            pair.step();
        } else if !pair.skip(until) {
            return received;
        }
    }
}

#[test]
fn a_tuned_window_fills_a_long_fat_line() {
    let mut pair = Pair::new().over(millis(25), GIGABIT);
    let stream = pair.client.open().unwrap();
    pair.pass(millis(100));
    pair.server.accept().unwrap();
    bulk(&mut pair, stream, secs(2));
    let line = GIGABIT as usize / 2;
    let received = bulk(&mut pair, stream, millis(500));
    assert!(received * 10 >= line * 9, "{received} of {line} bytes in half a second");
    let product = GIGABIT as usize / 20;
    let window = pair.server.stats().window_growth + 262_144;
    assert!(window >= product, "a window of {window} for {product} bytes under way");
    assert!(window <= 16 * 1024 * 1024);
}

#[test]
fn a_short_line_that_holds_one_initial_window_is_filled() {
    for (delay, rate) in [(1000, GIGABIT), (100, 10 * GIGABIT), (75, 10 * GIGABIT)] {
        let mut pair = Pair::new().over(Duration::from_micros(delay), rate);
        let stream = pair.client.open().unwrap();
        pair.pass(millis(10));
        pair.server.accept().unwrap();
        bulk(&mut pair, stream, millis(100));
        let received = bulk(&mut pair, stream, millis(100));
        let line = rate as usize / 10;
        assert!(received * 100 >= line * 95, "{received} of {line} bytes with {delay} us each way");
        let (window, under_way) =
            (pair.server.stats().window_growth + 262_144, rate * 2 * delay / 1_000_000);
        assert!(window <= 5 * under_way as usize, "a window of {window} for {under_way} bytes");
    }
}

#[test]
fn a_transfer_over_a_long_line_gets_going_within_a_few_round_trips() {
    // What a second of the line would carry, less the round trips in which the window is too small.
    for (delay, percent) in [(12, 90), (25, 80), (50, 60)] {
        let mut pair = Pair::new().over(millis(delay), GIGABIT);
        let stream = pair.client.open().unwrap();
        pair.pass(millis(4 * delay));
        pair.server.accept().unwrap();
        let received = bulk(&mut pair, stream, secs(1));
        let line = GIGABIT as usize / 100 * percent;
        assert!(received >= line, "{received} of {line} bytes with {delay} ms each way");
        let window = pair.server.stats().window_growth + 262_144;
        assert!(window <= 4 * GIGABIT as usize / 500 * delay as usize, "too much for {delay} ms");
    }
}

#[test]
fn a_window_that_may_not_grow_gives_one_window_a_round_trip() {
    let fixed = Config::builder().max_receive_window(262_144).build().unwrap();
    let mut pair = Pair::with(fixed.clone(), fixed).over(millis(25), GIGABIT);
    let stream = pair.client.open().unwrap();
    pair.pass(millis(100));
    pair.server.accept().unwrap();
    let received = bulk(&mut pair, stream, secs(1));
    let expected = 20 * 262_144;
    assert!(received > expected * 8 / 10 && received < expected * 13 / 10, "{received} bytes");
    assert_eq!(pair.server.stats().window_growth, 0);
}

#[test]
fn on_a_short_line_the_window_stays_small() {
    let mut pair = Pair::new().over(Duration::from_micros(50), GIGABIT);
    let stream = pair.client.open().unwrap();
    pair.pass(millis(10));
    pair.server.accept().unwrap();
    let received = bulk(&mut pair, stream, millis(100));
    assert!(received * 10 >= GIGABIT as usize / 10 * 9, "{received} bytes");
    assert!(pair.server.stats().window_growth <= 768 * 1024, "latency is what windows cost");
}

#[test]
fn pings_do_not_queue_behind_bulk_data() {
    let mut pair = Pair::new().over(millis(5), GIGABIT / 10);
    let stream = pair.client.open().unwrap();
    pair.pass(millis(100));
    pair.server.accept().unwrap();
    for _ in 0..10 {
        pair.client.ping();
        bulk(&mut pair, stream, millis(300));
        let rtt = pair.client.rtt().unwrap();
        // One batch of 256 KiB takes 21 ms; a ping waits for the one that is being written.
        assert!(rtt < millis(60), "{rtt:?}");
    }
}

/// Streams of both sides, each with a request and a response of its own, over a line that is cut
/// into batches by its rate.
fn exchange(seed: u64, count: usize) {
    let mut random = Random(seed);
    let mut pair = Pair::new().over(millis(1 + random.next(40) as u64), 1 << 24);
    let mut wanted = BTreeMap::new();
    let mut got: BTreeMap<StreamId, Vec<u8>> = BTreeMap::new();
    let mut unsent: BTreeMap<StreamId, (Vec<u8>, usize)> = BTreeMap::new();
    let mut answered = BTreeMap::new();
    let until = secs(300);
    let mut ended = 0;
    while ended < count {
        if wanted.len() < count && random.next(3) > 0 {
            if let Ok(id) = pair.client.open() {
                let len = random.next(60_000);
                wanted.insert(id, pattern(id.get(), len));
                unsent.insert(id, (pattern(id.get(), len), 0));
            }
        }
        unsent.retain(|id, (data, at)| {
            let len = (data.len() - *at).min(1 + random.next(20_000));
            *at += pair.client.write(*id, &data[*at..*at + len]);
            let done = *at == data.len();
            if done {
                pair.client.stream(*id).unwrap().finish().unwrap();
            }
            !done
        });
        serve(&mut pair.server, &mut answered);
        ended += collect(&mut pair.client, &wanted, &mut got);
        pair.pass(Duration::from_micros(1 + random.next(3000) as u64));
        assert!(pair.time - yamux_proto::Instant::ORIGIN < until, "seed {seed} does not end");
    }
    assert!(got == wanted, "seed {seed}");
    pair.pass(secs(1));
    assert_eq!((pair.client.num_streams(), pair.server.num_streams()), (0, 0));
    assert_same_counts(&mut pair);
    pair.client.close(GoAwayCode::NORMAL);
    pair.pass(secs(1));
    assert_eq!(pair.client.cause(), Some(ConnectionError::Closed));
    assert_eq!(pair.server.cause(), Some(ConnectionError::ClosedByPeer));
}

/// What one end has sent, the other has received.
fn assert_same_counts(pair: &mut Pair) {
    let (client, server) = (pair.client.stats().clone(), pair.server.stats().clone());
    for (from, to) in [(&client, &server), (&server, &client)] {
        assert_eq!(from.bytes_sent, to.bytes_received);
        assert_eq!(from.frames_sent, to.frames_received);
        assert_eq!(from.data_sent, to.data_received);
        assert_eq!(from.streams_opened, to.streams_accepted);
        assert_eq!((from.glitches, from.resets_sent, from.streams, from.unread), (0, 0, 0, 0));
    }
}

/// An echo server: what has come goes back, then FIN for FIN.
fn serve(server: &mut End, open: &mut BTreeMap<StreamId, Vec<u8>>) {
    while let Some(id) = server.accept() {
        open.insert(id, Vec::new());
    }
    open.retain(|id, waiting| {
        waiting.extend(server.read(*id));
        let written = server.write(*id, waiting);
        waiting.drain(..written);
        let done = waiting.is_empty() && server.at_end(*id);
        if done {
            server.drop_stream(*id);
        }
        !done
    });
}

/// Reads the responses and lets go of the streams that have ended; how many those were.
fn collect(
    client: &mut End,
    wanted: &BTreeMap<StreamId, Vec<u8>>,
    got: &mut BTreeMap<StreamId, Vec<u8>>,
) -> usize {
    let mut ended = 0;
    for id in wanted.keys() {
        if client.stream(*id).is_err() {
            continue;
        }
        let read = client.read(*id);
        got.entry(*id).or_default().extend(read);
        if client.at_end(*id) {
            client.drop_stream(*id);
            ended += 1;
        }
    }
    ended
}

#[test]
fn many_streams_echo_whatever_the_seed() {
    for seed in 1..=4 {
        exchange(seed, 60);
    }
}

#[test]
fn a_thousand_streams_at_once() {
    let mut pair = Pair::new().over(millis(5), GIGABIT);
    let mut streams = Vec::new();
    let mut accepted = 0;
    while streams.len() < 1000 {
        match pair.client.open() {
            Ok(id) => {
                pair.client.write(id, &pattern(id.get(), 100));
                streams.push(id);
            }
            Err(_) => pair.pass(millis(5)),
        }
        accepted += std::iter::from_fn(|| pair.server.accept()).count();
    }
    pair.pass(millis(50));
    accepted += std::iter::from_fn(|| pair.server.accept()).count();
    assert_eq!(accepted, 1000);
    for id in &streams {
        assert_eq!(pair.server.read(*id), pattern(id.get(), 100));
        pair.server.drop_stream(*id);
        pair.client.drop_stream(*id);
    }
    pair.pass(millis(50));
    assert_eq!((pair.client.num_streams(), pair.server.num_streams()), (0, 0));
}

#[test]
fn a_reader_that_stalls_holds_up_nobody_else() {
    let mut pair = Pair::new().over(millis(2), GIGABIT);
    let (stalled, lively) = (pair.client.open().unwrap(), pair.client.open().unwrap());
    pair.pass(millis(20));
    pair.server.accept();
    pair.server.accept();
    pair.client.write(stalled, &pattern(1, 262_144));
    let received = bulk(&mut pair, lively, secs(1));
    assert!(received * 10 >= GIGABIT as usize * 9, "{received} bytes");
    assert_eq!(pair.server.read(stalled), pattern(1, 262_144), "and it may go on later");
}

#[test]
fn a_transport_that_stalls_ends_the_session_and_a_pause_does_not() {
    for (pause, ends) in [(9, false), (11, true)] {
        let mut pair = Pair::new().over(millis(2), GIGABIT);
        let stream = pair.client.open().unwrap();
        pair.pass(millis(20));
        pair.server.accept();
        pair.upstream.stalled = true;
        pair.client.write(stream, b"into the void");
        pair.pass(secs(pause));
        pair.upstream.stalled = false;
        pair.pass(secs(1));
        let cause = ends.then_some(ConnectionError::WriteStall);
        assert_eq!(pair.client.cause(), cause, "after {pause} s");
        if !ends {
            assert_eq!(pair.server.read(stream), b"into the void");
        }
    }
}

#[test]
fn close_under_load_loses_nothing() {
    for seed in 1..=5 {
        let mut random = Random(seed);
        let mut pair = Pair::new().over(millis(random.next(50) as u64), 1 << 22);
        let streams: Vec<_> = (0..10).map(|_| pair.client.open().unwrap()).collect();
        for id in &streams {
            pair.client.write(*id, &pattern(id.get(), 20_000));
            pair.client.drop_stream(*id);
        }
        pair.client.close(GoAwayCode::NORMAL);
        let mut taken = BTreeMap::new();
        for _ in 0..200 {
            pair.pass(millis(10));
            while let Some(id) = pair.server.accept() {
                taken.insert(id, Vec::new());
            }
            // A slow reader: one stream a turn.
            let Some(id) = streams.get(random.next(10)) else { continue };
            if let Some(data) = taken.get_mut(id).filter(|_| pair.server.stream(*id).is_ok()) {
                data.extend(pair.server.read(*id));
                if pair.server.at_end(*id) {
                    pair.server.drop_stream(*id);
                }
            }
        }
        for id in &streams {
            assert!(taken[id] == pattern(id.get(), 20_000), "stream {id}, seed {seed}");
        }
        assert_eq!(pair.client.cause(), Some(ConnectionError::Closed));
        assert_eq!(pair.server.cause(), Some(ConnectionError::ClosedByPeer));
        assert_eq!(pair.client.transport_state(), TransportState::Done);
    }
}
