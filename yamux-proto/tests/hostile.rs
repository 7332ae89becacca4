//! Hostile peers: each attack meets its limit, the session behaves, and a counter tells.
//!
//! What the limits mean in memory is measured in `memory.rs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use pair::{
    Pair, Raw, data, go_away, header, id, millis, pattern, ping, said_go_away, secs, update,
    window_update,
};
use yamux_proto::limits::{
    ACCEPT_PATIENCE, ACCEPT_PATIENCE_TOTAL, GLITCHES, PENDING_PONGS, PENDING_REFUSALS, PROMPT,
    RESETS, STAGED_BYTES, STAGED_FLOOR, STAGED_LEAST, UNACKED_STREAMS, UNHURRIED,
};
use yamux_proto::{
    Config, ConnectionError, Event, Flags, Frame, FrameError, GoAwayCode, INITIAL_WINDOW,
    ProtocolError, Side, StreamId, TransportState, WriteError,
};

fn syn(number: u32) -> Vec<u8> {
    window_update(number, Flags::SYN, 0)
}

/// The session ended because of `error`, said so once, and does nothing more.
#[track_caller]
fn assert_ended(raw: &mut Raw, error: ProtocolError) {
    assert_eq!(raw.cause(), Some(ConnectionError::Protocol(error)));
    let streams = raw.num_streams();
    raw.send(&[ping(true, 1), syn(99), data(1, Flags::NONE, b"more"), go_away(0)].concat());
    assert_eq!(raw.frames(), [said_go_away(1)], "one Go Away, nothing else");
    assert_eq!(raw.num_streams(), streams, "nothing else is processed");
    assert_eq!(raw.transport_state(), TransportState::CloseWrite);
    raw.pass(secs(1));
    assert_eq!(raw.transport_state(), TransportState::Done, "a second later at most");
    let events = raw.take_events();
    assert_eq!(events.iter().filter(|event| **event == Event::Closed).count(), 1);
}

/// Sends `frame(n)` for n = 0, 1, … until the session ends, and says how many it took.
fn flood(raw: &mut Raw, frame: impl Fn(u32) -> Vec<u8>) -> u32 {
    for n in 0..20_000 {
        raw.send(&frame(n));
        if raw.cause().is_some() {
            return n + 1;
        }
    }
    panic!("the flood goes on for ever");
}

#[test]
fn bad_input_is_a_typed_error_and_one_go_away() {
    let inflate = window_update(1, Flags::NONE, u32::MAX);
    let table = [
        (header(1, 0, 0, 1, 0), ProtocolError::Frame(FrameError::Version(1))),
        (header(0, 7, 0, 1, 0), ProtocolError::Frame(FrameError::Type(7))),
        (header(0, 0, 1, 0, 0), ProtocolError::Frame(FrameError::StreamZero)),
        (header(0, 1, 0, 0, 0), ProtocolError::Frame(FrameError::StreamZero)),
        (syn(4), ProtocolError::WrongParity(id(4))),
        (syn(1), ProtocolError::DuplicateStream(id(1))),
        (data(1, Flags::SYN, b"x"), ProtocolError::DuplicateStream(id(1))),
        // CVE-2026-32314
        (header(0, 0, 1, 3, INITIAL_WINDOW + 1), ProtocolError::WindowExceeded(id(3))),
        (header(0, 0, 1, 3, u32::MAX), ProtocolError::WindowExceeded(id(3))),
        // CVE-2026-31814
        (inflate.repeat(2), ProtocolError::WindowOverflow(id(1))),
        (window_update(3, Flags::SYN, u32::MAX), ProtocolError::WindowOverflow(id(3))),
        (header(0, 0, 0, 1, INITIAL_WINDOW + 1), ProtocolError::WindowExceeded(id(1))),
    ];
    for (bytes, error) in table {
        let (mut raw, stream) = Raw::accepted();
        raw.send(&data(1, Flags::NONE, b"before"));
        if matches!(error, ProtocolError::WindowExceeded(of) if of == stream) {
            raw.read(stream);
        }
        raw.send(&bytes);
        assert_ended(&mut raw, error);
    }
}

#[test]
fn window_violations_are_judged_at_the_header() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::NONE, &pattern(1, 200_000)));
    raw.send(&header(0, 0, 0, 1, 62_145));
    assert_ended(&mut raw, ProtocolError::WindowExceeded(stream));
    let mut raw = Raw::server();
    raw.send(&header(0, 0, 1, 1, 262_145));
    assert_eq!((raw.num_streams(), raw.accept()), (0, None), "not registered");
}

#[test]
fn stream_flood() {
    let mut raw = Raw::server();
    raw.send(&(0..1100).flat_map(|n| syn(2 * n + 1)).collect::<Vec<_>>());
    assert_eq!(raw.num_streams(), 1024, "the accept backlog");
    raw.pass(ACCEPT_PATIENCE);
    raw.send(b"");
    let refusals = raw.frames();
    assert_eq!(refusals.len(), 76);
    assert!(
        refusals.iter().all(|frame| matches!(frame, Frame::WindowUpdate { flags: Flags::RST, .. }))
    );
    assert_eq!((raw.stats().streams_refused, raw.cause()), (76, None));
}

#[test]
fn streams_that_the_application_holds_count_against_the_limit() {
    let config = Config::builder().max_inbound_streams(100).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    for n in 0..300 {
        raw.send(&syn(2 * n + 1));
        raw.send(&window_update(2 * n + 1, Flags::FIN, 0));
        if let Some(stream) = raw.accept() {
            raw.stream(stream).unwrap().finish().unwrap();
        }
        raw.sent();
    }
    assert_eq!((raw.num_streams(), raw.stats().streams_refused), (100, 200));
}

#[test]
fn refusal_flood_stops_the_reading_until_the_transport_drains() {
    let config = Config::builder().accept_backlog(1).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&[syn(1), syn(3)].concat());
    raw.pass(ACCEPT_PATIENCE);
    let flood = 2 + 3 * PENDING_REFUSALS as u32;
    raw.send(&(2..flood).flat_map(|n| syn(2 * n + 1)).collect::<Vec<_>>());
    assert_eq!(raw.stats().streams_refused, PENDING_REFUSALS as u64);
    assert!(!raw.wants_input() && raw.untaken() > 0 && raw.stats().input_pauses > 0);
    assert!(raw.send_into_stall());
    raw.send(b"");
    assert!(!raw.wants_input(), "one batch under way, one full queue");
    assert_eq!(raw.stats().streams_refused, 2 * PENDING_REFUSALS as u64);
    raw.pass(secs(10));
    assert_eq!(raw.cause(), Some(ConnectionError::WriteStall), "a peer that never reads");
}

/// If both sides did, with a batch under way each way, neither batch would ever be taken.
#[test]
fn refusing_all_that_an_honest_peer_has_opened_does_not_stop_the_reading() {
    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, b"under way");
    assert!(raw.send_into_stall());
    raw.go_away(GoAwayCode::NORMAL);
    let opened = 1 + UNACKED_STREAMS as u32;
    raw.send(&(1..opened).flat_map(|n| syn(2 * n + 1)).collect::<Vec<_>>());
    assert_eq!(raw.stats().streams_refused, UNACKED_STREAMS as u64);
    raw.send(&data(1, Flags::NONE, b"read"));
    assert_eq!((raw.wants_input(), raw.read(stream)), (true, b"read".to_vec()));
}

#[test]
fn refused_streams_do_not_end_the_session() {
    let config = Config::builder().max_inbound_streams(1).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syn(1));
    let held = raw.accept().unwrap();
    for number in (3..).step_by(2).take(5000) {
        raw.send(&syn(number));
        raw.sent();
    }
    raw.send(&data(1, Flags::NONE, b"works"));
    assert_eq!((raw.cause(), raw.read(held)), (None, b"works".to_vec()));
    assert_eq!(raw.stats().streams_refused, 5000);
}

#[test]
fn rapid_reset() {
    let mut raw = Raw::server();
    let open_and_reset =
        |n: u32| [syn(2 * n + 1), window_update(2 * n + 1, Flags::RST, 0)].concat();
    let burst = RESETS.burst;
    for n in 0..burst {
        raw.send(&open_and_reset(n));
        assert_eq!(raw.num_streams(), 0, "an entry reset before accept is dropped at once");
    }
    assert_eq!((raw.cause(), raw.stats().resets_received), (None, u64::from(burst)));
    raw.send(&open_and_reset(burst));
    assert_ended(&mut raw, ProtocolError::TooManyResets);
}

#[test]
fn the_application_says_how_many_resets_are_too_many() {
    for (most, a_second_later) in [(1, 1), (3, 1), (5000, 1250)] {
        let config = Config::builder().max_early_resets(most).build().unwrap();
        let mut raw = Raw::new(Side::Server, config);
        let resets = |from: u32, count: u32| -> Vec<u8> {
            let numbers = (from..from + count).map(|n| 2 * n + 1);
            numbers.flat_map(|id| window_update(id, Flags::SYN | Flags::RST, 0)).collect()
        };
        raw.send(&resets(0, most));
        raw.pass(secs(1));
        raw.send(&resets(most, a_second_later));
        assert_eq!(raw.cause(), None, "{most}");
        raw.send(&resets(most + a_second_later, 1));
        assert_ended(&mut raw, ProtocolError::TooManyResets);
    }
}

#[test]
fn rapid_reset_in_one_frame() {
    let mut raw = Raw::server();
    let taken = flood(&mut raw, |n| window_update(2 * n + 1, Flags::SYN | Flags::RST, 0));
    assert_eq!(taken, RESETS.burst + 1);
    assert_ended(&mut raw, ProtocolError::TooManyResets);
}

#[test]
fn resets_at_a_human_pace_are_fine() {
    let mut raw = Raw::server();
    for n in 0..4000 {
        raw.send(&[syn(2 * n + 1), window_update(2 * n + 1, Flags::RST, 0)].concat());
        raw.pass(millis(4));
    }
    assert_eq!(raw.cause(), None, "256 a second leak away");
}

#[test]
fn made_you_reset_draws_on_the_same_budget() {
    let config = Config::builder().linger_bytes(10).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    let burst = RESETS.burst;
    for n in 0..=burst {
        raw.send(&syn(2 * n + 1));
        let stream = raw.accept().unwrap();
        raw.drop_stream(stream);
        raw.sent();
        assert_eq!(raw.cause(), None, "after {n} resets");
        raw.send(&data(2 * n + 1, Flags::NONE, &[0; 11]));
    }
    assert_eq!(raw.stats().resets_sent, u64::from(burst));
    assert_ended(&mut raw, ProtocolError::TooManyResets);
}

#[test]
fn an_application_that_gives_up_on_many_streams_is_no_fault_of_the_peer() {
    let few_bytes = Config::builder().linger_bytes(10).build().unwrap();
    for (config, ours, body) in [
        (few_bytes, true, 11),
        (Config::hardened(), false, 256 * 1024 + 1),
        (Config::default(), false, 1024 * 1024 + 1),
    ] {
        let mut raw = Raw::new(Side::Server, config);
        for n in 1..=RESETS.burst + 10 {
            let number = 2 * n + u32::from(!ours);
            if ours {
                assert_eq!(raw.open(), Ok(id(2 * n)));
                raw.sent();
                raw.send(&window_update(number, Flags::ACK, 0));
            } else {
                raw.send(&syn(number));
                raw.accept().unwrap();
            }
            raw.drop_stream(id(number));
            let mut left: usize = body;
            while left > 0 {
                raw.sent();
                let piece = left.min(128 * 1024);
                raw.send(&data(number, Flags::NONE, &vec![0; piece]));
                left -= piece;
            }
        }
        assert_eq!((raw.cause(), raw.stats().resets_sent), (None, u64::from(RESETS.burst) + 10));
    }
}

#[test]
fn ping_flood() {
    let mut raw = Raw::server();
    raw.send(&ping(true, 1).repeat(1000));
    assert_eq!(raw.stats().pings_dropped, 1000 - PENDING_PONGS as u64);
    assert_eq!(raw.frames().len(), PENDING_PONGS);
    raw.send(&ping(true, 1).repeat(200));
    assert_ended(&mut raw, ProtocolError::TooManyGlitches);
}

#[test]
fn frames_without_effect_are_glitches() {
    let kinds = [
        data(1, Flags::NONE, b""),
        window_update(1, Flags::NONE, 0),
        ping(false, 666),
        data(777, Flags::NONE, b"x"),
        window_update(2, Flags::NONE, 1),
    ];
    for frame in kinds {
        let (mut raw, _) = Raw::accepted();
        assert_eq!(flood(&mut raw, |_| frame.clone()), GLITCHES.burst + 1, "{frame:?}");
        assert_eq!(raw.stats().glitches, u64::from(GLITCHES.burst) + 1);
        assert_eq!(raw.stats().unread, 0, "nothing is stored");
        assert_ended(&mut raw, ProtocolError::TooManyGlitches);
    }
}

#[test]
fn data_for_a_stream_that_was_reset_is_late_only_as_far_as_its_window() {
    let (mut raw, stream) = Raw::accepted();
    raw.stream(stream).unwrap().reset(0);
    raw.sent();
    let window = 256;
    let taken = flood(&mut raw, |_| data(1, Flags::NONE, &[0; 1024]));
    let few_more = taken - window - GLITCHES.burst;
    assert!(few_more < 32, "{taken} frames of a kilobyte");
    assert_ended(&mut raw, ProtocolError::TooManyGlitches);
}

#[test]
fn the_limits_are_the_documented_ones() {
    assert_eq!((GLITCHES.burst, GLITCHES.per_second), (1024, 100));
    assert_eq!((RESETS.burst, RESETS.per_second), (1024, 256));
    assert_eq!((PENDING_PONGS, PENDING_REFUSALS), (32, 4096));
    assert_eq!((STAGED_BYTES, STAGED_FLOOR, PROMPT), (512 * 1024, 4096, millis(1)));
    assert_eq!((STAGED_LEAST, UNHURRIED), (32 * 1024, millis(8)));
    assert_eq!((ACCEPT_PATIENCE, ACCEPT_PATIENCE_TOTAL), (millis(200), secs(1)));
}

#[test]
fn glitches_leak_away() {
    let (mut raw, _) = Raw::accepted();
    for _ in 0..3000 {
        raw.send(&data(1, Flags::NONE, b""));
        raw.pass(millis(10));
    }
    assert_eq!((raw.cause(), raw.stats().glitches), (None, 3000));
}

#[test]
fn a_flood_for_streams_that_are_gone_ends_with_its_grace() {
    let mut raw = Raw::server();
    raw.send(&syn(1));
    let stream = raw.accept().unwrap();
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.drop_stream(stream);
    raw.sent();
    let taken = flood(&mut raw, |_| window_update(1, Flags::NONE, 1));
    assert!((1025..=10_000).contains(&taken), "{taken} late frames");
    assert_eq!(raw.stats().late_frames, u64::from(taken));
    assert_ended(&mut raw, ProtocolError::TooManyGlitches);
}

#[test]
fn late_window_for_what_was_sent_is_no_offence_however_it_is_cut() {
    const SENT: u32 = 16 * 1024;
    let (mut raw, stream) = Raw::accepted();
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.write(stream, &[0; SENT as usize]);
    raw.drop_stream(stream);
    raw.sent();
    for _ in 0..SENT {
        raw.send(&window_update(1, Flags::NONE, 1));
    }
    assert_eq!((raw.cause(), raw.stats().glitches), (None, 0));
    flood(&mut raw, |_| window_update(1, Flags::NONE, 1));
    assert_ended(&mut raw, ProtocolError::TooManyGlitches);
}

#[test]
fn a_flood_of_window_for_a_stream_that_is_held_and_takes_none_ends_too() {
    for ended in [&[][..], &window_update(1, Flags::FIN, 0), &window_update(1, Flags::RST, 0)] {
        let (mut raw, stream) = Raw::accepted();
        raw.send(ended);
        // No FIN is due where the peer has reset the stream.
        let _ = raw.stream(stream).unwrap().finish();
        raw.sent();
        let taken = flood(&mut raw, |_| window_update(1, Flags::NONE, 1));
        assert!(taken <= GLITCHES.burst + 100, "{taken} updates");
        assert_ended(&mut raw, ProtocolError::TooManyGlitches);
    }
}

#[test]
fn late_window_for_a_stream_that_is_held_is_no_offence_however_it_is_cut() {
    const SENT: u32 = 16 * 1024;
    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, &[0; SENT as usize]);
    raw.stream(stream).unwrap().finish().unwrap();
    raw.sent();
    for _ in 0..SENT {
        raw.send(&window_update(1, Flags::NONE, 1));
    }
    assert_eq!((raw.cause(), raw.stats().glitches), (None, 0));
}

#[test]
fn a_flood_of_empty_frames_with_idle_flags_ends_too() {
    for flags in [Flags::ACK, Flags::FIN, Flags::ACK | Flags::FIN] {
        for frame in [data(1, flags, b""), window_update(1, flags, 0)] {
            let (mut raw, _) = Raw::accepted();
            let taken = flood(&mut raw, |_| frame.clone());
            assert!(taken <= 10_000, "{taken} times {frame:?}");
        }
    }
}

#[test]
fn go_aways_of_the_peer_raise_one_event() {
    let mut raw = Raw::server();
    raw.send(&go_away(0).repeat(1000));
    assert_eq!(raw.take_events().len(), 1);
}

#[test]
fn events_do_not_pile_up() {
    let (mut raw, stream) = Raw::accepted();
    raw.stream(stream).unwrap().read(&mut [0]).unwrap_err();
    raw.take_events();
    raw.send(&data(1, Flags::NONE, b"x").repeat(1000));
    assert_eq!(raw.take_events(), [Event::Readable(stream)], "one for each read that blocked");
    raw.send(&data(1, Flags::NONE, b"x").repeat(1000));
    assert_eq!(raw.take_events(), [], "nobody has asked again");
}

/// A client whose stream has used up its window.
fn exhausted() -> (Raw, StreamId) {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, &pattern(1, INITIAL_WINDOW as usize));
    raw.sent();
    (raw, stream)
}

#[test]
fn tiny_window_updates_wake_the_writer_only_if_it_was_blocked() {
    let (mut raw, stream) = exhausted();
    raw.take_events();
    raw.send(&window_update(1, Flags::NONE, 1).repeat(1000));
    assert_eq!(raw.take_events(), [], "nobody waits");
    raw.write(stream, &[0; 5000]);
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Err(WriteError::Blocked));
    raw.take_events();
    raw.send(&window_update(1, Flags::NONE, 1).repeat(100));
    assert_eq!(raw.take_events(), [Event::Writable(stream)], "once, when it is worth a frame");
}

#[test]
fn window_inflation_without_reading_stages_a_bounded_amount() {
    let mut raw = Raw::client();
    let streams: Vec<_> = (0..50).map(|_| raw.open().unwrap()).collect();
    raw.sent();
    for stream in &streams {
        raw.send(&window_update(stream.get(), Flags::ACK, (1 << 31) - 1));
    }
    let mut written = 0;
    for stream in &streams {
        written += raw.write(*stream, &[0; 10_000_000]);
    }
    assert!(raw.send_into_stall(), "one batch under way, one staged, and no more");
    for stream in &streams {
        written += raw.write(*stream, &[0; 10_000_000]);
    }
    let bound = 2 * (STAGED_BYTES + 50 * STAGED_FLOOR);
    assert!(written <= bound, "{written} of at most {bound} bytes");
    raw.pass(secs(10));
    assert_eq!(raw.cause(), Some(ConnectionError::WriteStall));
}

#[test]
fn a_dribbled_window_yields_one_small_frame_a_round_trip() {
    let mut raw = Raw::client();
    raw.pass(millis(50));
    raw.pong(1);
    let stream = raw.open().unwrap();
    raw.write(stream, &pattern(1, INITIAL_WINDOW as usize));
    raw.sent();
    let mut frames = 0;
    for _ in 0..1000 {
        raw.send(&window_update(1, Flags::NONE, 1));
        raw.write(stream, &[0; 5000]);
        raw.pass(millis(1));
        raw.write(stream, &[0; 5000]);
        frames += raw.frames().len();
    }
    assert!((10..=25).contains(&frames), "{frames} frames in 20 round trips");
}

#[test]
fn a_first_round_trip_that_was_long_makes_no_dribble_of_it() {
    let (mut raw, stream) = exhausted();
    raw.pass(secs(29));
    raw.pong(1);
    raw.send(&window_update(1, Flags::NONE, 100));
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 200]), Err(WriteError::Blocked));
    raw.pass(secs(1));
    assert_eq!(raw.write(stream, &[0; 200]), 100);
}

#[test]
fn a_length_bomb_reserves_nothing() {
    let config = Config::builder().initial_receive_window(16 << 20).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syn(1));
    raw.accept().unwrap();
    raw.sent();
    raw.send(&header(0, 0, 0, 1, 16 << 20));
    raw.send(b"ten bytes!");
    assert_eq!((raw.cause(), raw.stats().unread), (None, 10));
}

#[test]
fn unread_bytes_of_all_streams_together_stop_the_reading() {
    let config =
        Config::builder().max_receive_window(262_144).max_unread_bytes(300_000).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&[syn(1), syn(3), syn(5)].concat());
    for number in [1, 3, 5] {
        raw.send(&data(number, Flags::NONE, &pattern(number, 200_000)));
    }
    assert!(!raw.wants_input());
    let unread = raw.stats().unread;
    assert!((300_000..=400_000).contains(&unread), "{unread} bytes; a piece is taken whole");
    assert_eq!(raw.untaken() + unread, 600_000 + if unread == 400_000 { 12 } else { 24 });
    assert!(raw.stats().input_pauses > 0);
    let first = raw.accept().unwrap();
    assert_eq!(raw.read(first).len(), 200_000);
    assert!(raw.wants_input());
    raw.send(b"");
    let rest = [raw.accept().unwrap(), raw.accept().unwrap()];
    assert_eq!(raw.read(rest[0]), pattern(3, 200_000));
    assert_eq!(raw.read(rest[1]), pattern(5, 200_000));
}

#[test]
fn half_a_header_and_then_silence() {
    let mut raw = Raw::server();
    raw.send(&syn(1)[..7]);
    raw.pass(secs(45));
    assert_eq!(raw.cause(), Some(ConnectionError::KeepaliveTimeout));
}

#[test]
fn a_peer_that_ignores_the_fatal_go_away_is_cut_off() {
    let mut raw = Raw::server();
    raw.send(&header(0, 9, 0, 1, 0));
    raw.sent();
    raw.write_closed();
    for n in 0..100 {
        raw.send(&[syn(2 * n + 1), ping(true, n)].concat());
        raw.pass(millis(10));
    }
    assert_eq!((raw.frames(), raw.transport_state()), (vec![], TransportState::Done));
}

#[test]
fn an_application_that_does_not_read_bounds_what_its_peer_may_send() {
    let mut pair = Pair::new();
    let stream = pair.open();
    let mut sent = 0;
    for _ in 0..100 {
        sent += pair.client.write(stream, &[0; 100_000]);
        pair.pass(millis(100));
    }
    assert_eq!((sent, pair.server.stats().unread), (262_144, 262_144));
    assert_eq!(pair.server.stats().window_growth, 0);
}

#[test]
fn opening_is_not_slower_with_many_unacknowledged_streams() {
    let mut raw = Raw::client();
    for _ in 0..20_000 {
        while raw.open().is_ok() {}
        let oldest = raw.frames().first().copied();
        let Some(Frame::WindowUpdate { stream, .. }) = oldest else { break };
        raw.send(&window_update(stream.get(), Flags::RST, 0));
        raw.drop_stream(stream);
    }
    assert_eq!(raw.cause(), None, "resets of our own streams are the peer's good right");
}

#[test]
fn a_reset_flood_on_one_id_leaves_one_stream() {
    let mut raw = Raw::server();
    for _ in 0..100 {
        raw.send(&[syn(1), data(1, Flags::NONE, b"old"), window_update(1, Flags::RST, 0)].concat());
    }
    raw.send(&data(1, Flags::SYN, b"new"));
    let stream = raw.accept().unwrap();
    assert_eq!((raw.accept(), raw.frames()), (None, vec![update(1, Flags::ACK, 0)]));
    assert_eq!((raw.read(stream), raw.stats().unread), (b"new".to_vec(), 0));
}

#[test]
fn a_stale_timer_does_not_touch_the_next_stream_of_the_same_id() {
    let builder = Config::builder().linger_timeout(secs(5)).keepalive_interval(None);
    let mut raw = Raw::new(Side::Server, builder.build().unwrap());
    raw.send(&syn(1));
    let first = raw.accept().unwrap();
    raw.drop_stream(first);
    raw.sent();
    raw.pass(secs(3));
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.send(&syn(1));
    let second = raw.accept().unwrap();
    raw.drop_stream(second);
    raw.sent();
    raw.pass(secs(3));
    assert_eq!(raw.frames(), [], "the second linger has lasted 3 s");
    raw.pass(secs(2));
    assert_eq!(raw.frames(), [update(1, Flags::RST, 0)]);
}

#[test]
fn a_peer_that_resets_streams_that_were_accepted_is_no_attacker() {
    let mut raw = Raw::server();
    for number in (1..).step_by(2).take(3000) {
        raw.send(&[syn(number), data(number, Flags::NONE, b"request")].concat());
        let stream = raw.accept().unwrap();
        assert_eq!(raw.read(stream), b"request");
        raw.sent();
        raw.send(&data(number, Flags::RST, b""));
        raw.drop_stream(stream);
    }
    assert_eq!(raw.cause(), None);
}
