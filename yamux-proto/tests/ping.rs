//! Spec: Ping, and keepalive.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use std::time::Duration;

use pair::{Pair, Raw, data, millis, pattern, ping, secs, update, window_update};
use yamux_proto::limits::PENDING_PONGS;
use yamux_proto::{
    Config, ConnectionError, Event, Flags, Frame, Instant, Side, Transmit, TransportState,
};

const fn request(value: u32) -> Frame {
    Frame::Ping { request: true, value }
}

const fn answer(value: u32) -> Frame {
    Frame::Ping { request: false, value }
}

#[test]
fn the_first_frame_is_a_ping_and_only_one() {
    for side in [Side::Client, Side::Server] {
        let mut connection = yamux_proto::Connection::new(side, Config::default(), Instant::ORIGIN);
        let mut batch = Transmit::default();
        assert!(connection.poll_transmit(Instant::ORIGIN, &mut batch));
        let bytes: Vec<u8> = batch.segments().flatten().copied().collect();
        assert_eq!(bytes[..8], [0, 2, 0, 1, 0, 0, 0, 0]);
        assert_eq!(bytes.len(), 12);
    }
}

#[test]
fn a_ping_is_answered_with_its_value() {
    let mut raw = Raw::server();
    raw.send(&[ping(true, 0), ping(true, u32::MAX), ping(true, 0)].concat());
    assert_eq!(raw.frames(), [answer(0), answer(u32::MAX), answer(0)]);
    assert_eq!(raw.frames(), [], "once each");
}

#[test]
fn pongs_are_sent_ahead_of_data() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, &pattern(1, 200_000));
    raw.send(&ping(true, 9));
    assert_eq!(raw.frames()[0], answer(9));
}

#[test]
fn our_ping_is_sent_ahead_of_data() {
    let (mut raw, stream) = Raw::opened();
    raw.pong(1);
    raw.write(stream, &pattern(1, 200_000));
    let value = raw.ping();
    assert_eq!(raw.frames()[0], request(value));
}

#[test]
fn a_pong_brings_the_round_trip() {
    let mut raw = Raw::client();
    raw.pass(millis(30));
    raw.pong(1);
    assert_eq!(raw.take_events(), [Event::Pong { value: 1, rtt: millis(30) }]);
    let value = raw.ping();
    assert_eq!(raw.frames(), [request(value)]);
    raw.pass(millis(50));
    raw.pong(value);
    assert_eq!(raw.take_events(), [Event::Pong { value, rtt: millis(50) }]);
    assert_eq!(raw.rtt(), Some(millis(50)));
    assert_eq!((raw.stats().rtt, raw.stats().rtt_min), (Some(millis(50)), Some(millis(30))));
}

#[test]
fn the_round_trip_is_measured_from_handing_the_ping_to_the_transport() {
    let mut raw = Raw::client();
    raw.pong(1);
    let value = raw.ping();
    raw.pass(secs(1));
    assert_eq!(raw.frames(), [request(value)]);
    raw.pass(millis(20));
    raw.pong(value);
    assert_eq!(raw.rtt(), Some(millis(20)));
}

#[test]
fn a_ping_asked_for_while_one_is_on_its_way_follows_it() {
    let mut raw = Raw::client();
    let (second, third) = (raw.ping(), raw.ping());
    assert_eq!((second, third), (2, 2), "they share one ping");
    assert_eq!(raw.frames(), [], "one at a time");
    raw.pong(1);
    assert_eq!(raw.frames(), [request(2)]);
    raw.pong(2);
    assert_eq!(raw.frames(), []);
}

#[test]
fn a_ping_whose_answer_is_lost_holds_up_the_next_for_a_while_only() {
    let mut raw = Raw::client();
    raw.sent();
    let value = raw.ping();
    raw.pass(secs(9));
    raw.send(&ping(true, 7));
    assert_eq!(raw.frames(), [Frame::Ping { request: false, value: 7 }]);
    raw.pass(secs(1));
    assert_eq!(raw.frames(), [Frame::Ping { request: true, value }]);
    raw.pong(value);
    raw.pass(secs(15));
    assert_eq!(raw.frames(), [], "nobody asked for another");
}

/// A client that has sent ping after ping, ten seconds apart, without an answer.
fn unanswered(pings: u32) -> Raw {
    let mut raw = Raw::client();
    raw.sent();
    for value in 2..=pings {
        assert_eq!(raw.ping(), value);
        raw.pass(secs(10));
        assert_eq!(raw.frames(), [request(value)]);
    }
    raw
}

#[test]
fn an_answer_that_comes_after_all_is_no_offence() {
    for answers in [[1, 2, 3], [2, 1, 3], [3, 1, 2]] {
        let mut raw = unanswered(3);
        for value in answers {
            raw.pong(value);
        }
        assert_eq!(raw.stats().glitches, 0, "{answers:?}");
        raw.pong(1);
        assert_eq!(raw.stats().glitches, 1, "it came already");
    }
}

#[test]
fn the_answer_to_the_ping_that_was_overtaken_first_counts() {
    let mut raw = unanswered(3);
    raw.pong(2);
    assert_eq!(raw.take_events(), [], "this one was given up");
    for (value, rtt) in [(1, secs(20)), (3, secs(0))] {
        raw.pong(value);
        assert_eq!(raw.take_events(), [Event::Pong { value, rtt }]);
    }
}

#[test]
fn a_ping_is_answered_where_a_round_trip_takes_longer_than_the_keepalive_interval() {
    for interval in [10, 20, 39] {
        let often = Config::builder().keepalive_interval(Some(millis(interval))).build().unwrap();
        let never = Config::builder().keepalive_interval(None).build().unwrap();
        let mut pair = Pair::with(often, never).over(millis(20), 1 << 30);
        pair.pass(millis(10));
        let asked = pair.client.ping();
        pair.pass(secs(1));
        let events = pair.client.take_events();
        let is_answer =
            |event: &Event| matches!(event, Event::Pong { value, .. } if *value >= asked);
        assert!(events.iter().any(is_answer), "with {interval} ms: {events:?}");
        assert_eq!(pair.client.cause(), None);
    }
}

#[test]
fn unknown_pongs_are_ignored_and_counted() {
    let mut raw = Raw::client();
    raw.send(&[ping(false, 77), ping(false, 1), ping(false, 1)].concat());
    assert_eq!(raw.take_events().len(), 1);
    assert_eq!((raw.cause(), raw.stats().glitches), (None, 2));
}

#[test]
fn a_ping_with_both_flags_is_a_question() {
    let mut raw = Raw::server();
    raw.send(&pair::header(0, 2, 3, 0, 8));
    assert_eq!(raw.frames(), [answer(8)]);
}

#[test]
fn at_most_32_pongs_are_pending() {
    let mut raw = Raw::server();
    for value in 0..40 {
        raw.send(&ping(true, value));
    }
    let answers: Vec<_> = (0..32).map(answer).collect();
    assert_eq!((PENDING_PONGS, raw.frames()), (32, answers));
    assert_eq!((raw.stats().pings_dropped, raw.stats().pings_received), (8, 40));
    raw.send(&ping(true, 99));
    assert_eq!(raw.frames(), [answer(99)]);
}

#[test]
fn both_ends_learn_the_round_trip_at_the_start() {
    let mut pair = Pair::new().over(millis(25), 1 << 30);
    pair.pass(secs(1));
    for end in [&mut pair.client, &mut pair.server] {
        let rtt = end.stats().rtt_min.unwrap();
        assert!(rtt >= millis(50) && rtt < millis(51), "{rtt:?}");
    }
}

#[test]
fn silence_is_answered_by_a_ping_and_then_by_the_end() {
    let mut raw = Raw::client();
    raw.pong(1);
    raw.pass(millis(29_999));
    assert_eq!(raw.frames(), []);
    raw.pass(millis(1));
    assert_eq!(raw.frames(), [request(2)]);
    raw.pass(millis(9_999));
    assert_eq!(raw.cause(), None);
    raw.pass(millis(1));
    assert_eq!(raw.cause(), Some(ConnectionError::KeepaliveTimeout));
    assert_eq!(raw.transport_state(), TransportState::Done, "there is nobody to tell");
    assert_eq!(raw.take_events().last(), Some(&Event::Closed));
}

#[test]
fn any_inbound_byte_is_liveness() {
    let frame = window_update(1, Flags::SYN, 0);
    for piece in [&frame[..1], &frame[..], &ping(false, 12345)] {
        let mut raw = Raw::server();
        raw.pass(secs(39));
        raw.send(piece);
        raw.pass(secs(1));
        assert_eq!(raw.cause(), None, "{piece:?}");
        raw.pass(secs(29) - millis(1));
        assert_eq!(raw.cause(), None);
        raw.pass(secs(60));
        assert_eq!(raw.cause(), Some(ConnectionError::KeepaliveTimeout), "it is silent again");
    }
}

#[test]
fn no_input_is_no_liveness() {
    let mut raw = Raw::client();
    raw.pass(secs(39));
    raw.send(b"");
    raw.pass(secs(1));
    assert_eq!(raw.cause(), Some(ConnectionError::KeepaliveTimeout));
}

#[test]
fn a_busy_peer_is_not_pinged() {
    let (mut raw, stream) = Raw::accepted();
    raw.pong(1);
    for _ in 0..30 {
        raw.pass(secs(5));
        raw.send(&data(1, Flags::NONE, b"x"));
    }
    assert_eq!((raw.frames(), raw.cause()), (vec![], None));
    assert_eq!(raw.read(stream).len(), 30);
}

#[test]
fn keepalive_is_not_starved_by_bulk_data() {
    let (mut raw, stream) = Raw::opened();
    raw.pong(1);
    raw.send(&window_update(1, Flags::NONE, 1 << 30));
    for _ in 0..29 {
        raw.pass(secs(1));
        raw.write(stream, &pattern(1, 262_144));
        raw.sent();
    }
    raw.write(stream, &pattern(1, 262_144));
    raw.pass(secs(1));
    assert_eq!(raw.frames()[0], request(2));
}

#[test]
fn without_an_interval_there_is_no_keepalive() {
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    raw.pass(secs(1_000_000));
    assert_eq!((raw.frames(), raw.cause()), (vec![], None));
}

#[test]
fn the_interval_and_the_timeout_are_the_configured_ones() {
    let builder = Config::builder().keepalive_interval(Some(secs(3))).keepalive_timeout(secs(2));
    let mut raw = Raw::new(Side::Client, builder.build().unwrap());
    raw.pass(secs(3));
    assert_eq!(raw.frames().len(), 1);
    raw.pass(secs(2) - millis(1));
    assert_eq!(raw.cause(), None);
    raw.pass(millis(1));
    assert_eq!(raw.cause(), Some(ConnectionError::KeepaliveTimeout));
}

#[test]
fn input_that_this_side_does_not_want_does_not_end_the_session() {
    let builder = Config::builder().max_receive_window(262_144).max_unread_bytes(262_144);
    let mut raw = Raw::new(Side::Server, builder.build().unwrap());
    raw.send(&window_update(1, Flags::SYN, 0));
    let stream = raw.accept().unwrap();
    raw.sent();
    raw.send(&data(1, Flags::NONE, &pattern(1, 262_144)));
    assert!(raw.wants_input(), "what is allowed does not stop the session");
    raw.send(&data(3, Flags::SYN, b"x"));
    assert!(!raw.wants_input());
    raw.sent();
    raw.pass(secs(300));
    assert_eq!(raw.cause(), None, "the silence is ours");
    assert!(
        matches!(raw.frames()[0], Frame::Ping { request: true, .. }),
        "is the transport alive?"
    );
    assert_eq!(raw.read(stream).len(), 262_144);
    assert!(raw.frames().contains(&update(1, Flags::NONE, 262_144)));
}

#[test]
fn a_transport_that_was_full_and_takes_more_is_a_sign_of_life() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"more than the transport takes at once");
    assert!(raw.send_into_stall());
    // The ping is due after 30 s, and waits behind the data.
    for _ in 0..100 {
        raw.pass(secs(1));
        raw.end_stall();
        raw.write(stream, b"and more");
        assert!(raw.send_into_stall());
    }
    assert_eq!(raw.cause(), None);
    raw.pass(secs(10));
    assert!(raw.cause().is_some(), "it takes no more");
}

#[test]
fn an_idle_pair_stays_alive() {
    let mut pair = Pair::new();
    pair.pass(secs(3600));
    assert_eq!((pair.client.cause(), pair.server.cause()), (None, None));
}

#[test]
fn keepalive_goes_on_with_all_the_time_for_an_answer() {
    let config = Config::builder().keepalive_timeout(Duration::MAX).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.pong(1);
    raw.sent();
    for _ in 0..10 {
        raw.pass(secs(31));
        let frames = raw.frames();
        let [Frame::Ping { request: true, value }] = frames[..] else { panic!("{frames:?}") };
        raw.pong(value);
    }
}

#[test]
fn a_transport_that_takes_more_is_a_sign_of_life_whatever_the_write_stall_timeout() {
    let config = Config::builder().write_stall_timeout(Duration::MAX).build().unwrap();
    let (mut raw, stream) = Raw::accepted_with(config);
    raw.write(stream, &[0; 100_000]);
    assert!(raw.send_into_stall());
    for _ in 0..60 {
        raw.pass(secs(1));
        let now = raw.time;
        raw.handle_transport_full(now, true);
    }
    assert_eq!(raw.cause(), None);
}
