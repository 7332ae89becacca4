//! Spec: Session termination, Go Away.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use bytes::BytesMut;
use pair::{
    NOTHING_YET, Pair, Raw, data, go_away, header, id, millis, pattern, ping, said_go_away, secs,
    update, window_update,
};
use yamux_proto::{
    Config, Connection, ConnectionError, Event, Flags, Frame, GoAwayCode, Instant, OpenError,
    ProtocolError, ReadError, Side, TransportState, WriteError,
};

const CLOSED: Option<ConnectionError> = Some(ConnectionError::Closed);

#[test]
fn go_away_0_of_the_peer_stops_new_streams_and_leaves_the_rest() {
    let (mut raw, stream) = Raw::opened();
    raw.send(&go_away(0));
    assert_eq!(raw.open(), Err(OpenError::Refused));
    assert_eq!((raw.cause(), raw.transport_state()), (None, TransportState::Open));
    raw.write(stream, b"still here");
    assert_eq!(raw.sent()[0].body, b"still here");
    raw.send(&[data(1, Flags::NONE, b"so am I"), window_update(1, Flags::FIN, 0)].concat());
    assert_eq!(raw.read(stream), b"so am I");
    assert!(raw.at_end(stream));
}

#[test]
fn go_away_0_wakes_those_who_wait_to_open() {
    let mut raw = Raw::client();
    (0..256).for_each(|_| assert!(raw.open().is_ok()));
    assert_eq!(raw.open(), Err(OpenError::Backlog));
    raw.send(&go_away(0));
    assert!(raw.take_events().contains(&Event::Outbound));
    assert_eq!(raw.open(), Err(OpenError::Refused));
}

#[test]
fn the_peer_may_open_streams_after_its_go_away() {
    let mut raw = Raw::server();
    raw.send(&[go_away(0), window_update(1, Flags::SYN, 0)].concat());
    assert_eq!(raw.accept(), Some(id(1)));
}

#[test]
fn any_other_code_ends_the_session_with_that_code() {
    for code in [1, 2, 3, 0x1001, u32::MAX] {
        let (mut raw, stream) = Raw::opened();
        raw.send(&[data(1, Flags::NONE, b"last"), go_away(code), ping(true, 1)].concat());
        let cause = ConnectionError::GoAway(GoAwayCode(code));
        assert_eq!((raw.cause(), raw.open()), (Some(cause), Err(OpenError::Closed(cause))));
        assert_eq!(raw.read(stream), b"last", "what had arrived is read first");
        let mut stream = raw.stream(stream).unwrap();
        assert_eq!(stream.read(&mut [0]), Err(ReadError::Closed(cause)));
        assert_eq!(stream.write(b"x"), Err(WriteError::Closed(cause)));
        assert_eq!(stream.finish(), Err(WriteError::Closed(cause)));
        assert_eq!(raw.frames(), [], "nothing is answered");
        assert_eq!(raw.take_events().last(), Some(&Event::Closed));
    }
}

#[test]
fn our_go_away_refuses_new_streams_and_keeps_the_rest() {
    let (mut raw, stream) = Raw::accepted();
    raw.go_away(GoAwayCode::NORMAL);
    raw.go_away(GoAwayCode::NORMAL);
    assert_eq!(raw.frames(), [said_go_away(0)], "once");
    raw.send(&[window_update(3, Flags::SYN, 0), data(5, Flags::SYN, b"x")].concat());
    assert_eq!(raw.frames(), [3, 5].map(|id| update(id, Flags::RST, 0)));
    raw.send(&data(1, Flags::NONE, b"old"));
    assert_eq!((raw.accept(), raw.read(stream)), (None, b"old".to_vec()));
    assert_eq!((raw.cause(), raw.open()), (None, Ok(id(2))), "we may still open");
}

#[test]
fn close_says_go_away_again_only_if_it_says_something_new() {
    for (code, said) in
        [(GoAwayCode::NORMAL, vec![]), (GoAwayCode::INTERNAL_ERROR, vec![said_go_away(2)])]
    {
        let mut raw = Raw::client();
        raw.go_away(GoAwayCode::NORMAL);
        assert_eq!(raw.frames(), [said_go_away(0)]);
        raw.close(code);
        assert_eq!(raw.frames(), said);
        assert_eq!((raw.cause(), raw.transport_state()), (CLOSED, TransportState::CloseWrite));
    }
}

#[test]
fn who_waits_to_accept_hears_when_no_more_will_come() {
    let mut raw = Raw::server();
    raw.send(&[window_update(1, Flags::SYN, 0), window_update(3, Flags::SYN, 0)].concat());
    raw.take_events();
    raw.go_away(GoAwayCode::NORMAL);
    assert_eq!(raw.take_events(), [], "two wait to be accepted");
    assert_eq!(raw.accept(), Some(id(1)));
    assert_eq!(raw.take_events(), []);
    raw.send(&window_update(3, Flags::RST, 0));
    assert_eq!(raw.take_events(), [Event::Incoming], "the last has gone");
    assert_eq!(raw.accept(), None);
}

#[test]
fn close_of_an_idle_session_says_go_away_and_half_closes() {
    let mut raw = Raw::client();
    raw.close(GoAwayCode::NORMAL);
    assert_eq!(raw.frames(), [said_go_away(0)]);
    assert_eq!((raw.cause(), raw.transport_state()), (CLOSED, TransportState::CloseWrite));
    raw.write_closed();
    assert_eq!(raw.transport_state(), TransportState::AwaitEnd, "the peer leaves in its own time");
    raw.send(&ping(true, 1));
    assert_eq!(raw.frames(), []);
    raw.send_eof();
    assert_eq!(raw.transport_state(), TransportState::Done);
    assert_eq!(raw.take_events().last(), Some(&Event::Closed));
}

#[test]
fn close_drains_before_it_says_go_away() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, &pattern(1, 100_000));
    raw.stream(stream).unwrap().finish().unwrap();
    raw.close(GoAwayCode::NORMAL);
    let sent = raw.sent();
    assert_eq!(sent.iter().map(|sent| sent.body.len()).sum::<usize>(), 100_000);
    assert_eq!(sent.last().unwrap().frame, update(1, Flags::FIN, 0), "no Go Away yet");
    assert_eq!((raw.cause(), raw.transport_state()), (None, TransportState::Open));
    raw.pass(secs(5));
    raw.send(&window_update(1, Flags::NONE, 100_000));
    assert_eq!(raw.frames(), [], "having taken the bytes is not having ended");
    raw.send(&window_update(1, Flags::FIN, 0));
    assert_eq!(raw.frames(), [said_go_away(0)]);
    assert_eq!((raw.cause(), raw.transport_state()), (CLOSED, TransportState::CloseWrite));
}

#[test]
fn close_waits_for_every_finished_stream_of_either_side() {
    let mut raw = Raw::client();
    let ours: Vec<_> = (0..3).map(|_| raw.open().unwrap()).collect();
    raw.send(&window_update(2, Flags::SYN, 0));
    let theirs = raw.accept().unwrap();
    for stream in ours.into_iter().chain([theirs]) {
        raw.write(stream, b"x");
        raw.drop_stream(stream);
    }
    raw.close(GoAwayCode::NORMAL);
    raw.sent();
    let ends = [
        window_update(1, Flags::FIN, 0),
        window_update(3, Flags::RST, 0),
        data(5, Flags::FIN, b"bye"),
        data(2, Flags::RST, b""),
    ];
    for end in ends {
        assert_eq!((raw.cause(), raw.frames()), (None, vec![]));
        raw.send(&end);
    }
    assert_eq!((raw.frames(), raw.cause()), (vec![said_go_away(0)], CLOSED));
}

#[test]
fn close_does_not_wait_for_streams_that_nobody_finished_but_resets_them() {
    let (mut raw, stream) = Raw::opened();
    let done = raw.open().unwrap();
    raw.stream(done).unwrap().finish().unwrap();
    raw.sent();
    raw.send(&[window_update(2, Flags::SYN, 0), window_update(2, Flags::FIN, 0)].concat());
    raw.accept().unwrap();
    raw.send(&window_update(done.get(), Flags::FIN, 0));
    raw.sent();
    raw.close(GoAwayCode::NORMAL);
    let resets = [update(1, Flags::RST, 0), update(2, Flags::RST, 0)];
    assert_eq!(raw.frames(), [&resets[..], &[said_go_away(0)]].concat());
    assert_eq!(raw.stats().resets_sent, 2);
    let error = Err(ReadError::Closed(ConnectionError::Closed));
    assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), error);
}

#[test]
fn close_is_not_put_off_by_who_goes_on_writing() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"before");
    raw.close(GoAwayCode::NORMAL);
    assert!(raw.send_into_stall());
    raw.write(stream, b"after");
    assert_eq!(raw.cause(), None);
    raw.end_stall();
    assert_eq!(raw.cause(), CLOSED, "although there is output again");
    let sent = raw.sent();
    assert_eq!(
        sent.iter().map(|sent| sent.body.as_slice()).collect::<Vec<_>>().concat(),
        b"beforeafter"
    );
    assert_eq!(sent.last().unwrap().frame, said_go_away(0), "behind all that was taken");
}

#[test]
fn close_lets_the_transport_take_the_last_batch_before_go_away() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"slowly");
    raw.stream(stream).unwrap().finish().unwrap();
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.close(GoAwayCode::NORMAL);
    assert!(raw.send_into_stall());
    raw.pass(secs(1));
    assert_eq!(raw.cause(), None);
    raw.end_stall();
    let sent = raw.frames();
    assert_eq!(sent.last(), Some(&said_go_away(0)));
    assert_eq!(raw.cause(), CLOSED);
}

#[test]
fn while_closing_new_streams_are_refused_and_old_ones_are_served() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"request");
    raw.stream(stream).unwrap().finish().unwrap();
    raw.close(GoAwayCode::NORMAL);
    raw.sent();
    assert_eq!(raw.open(), Err(OpenError::Closed(ConnectionError::Closed)));
    raw.send(&[window_update(2, Flags::SYN, 0), ping(true, 3)].concat());
    let answers = [Frame::Ping { request: false, value: 3 }, update(2, Flags::RST, 0)];
    assert_eq!(raw.frames(), answers);
    raw.send(&data(1, Flags::NONE, &pattern(1, 100_000)));
    assert_eq!(raw.read(stream), pattern(1, 100_000));
    assert_eq!(raw.frames(), [update(1, Flags::NONE, 100_000)]);
}

#[test]
fn close_resets_the_streams_that_wait_to_be_accepted() {
    let mut raw = Raw::server();
    raw.send(&[window_update(1, Flags::SYN, 0), data(3, Flags::SYN, b"x")].concat());
    raw.close(GoAwayCode::NORMAL);
    let resets = [1, 3].map(|id| update(id, Flags::RST, 0));
    let frames = raw.frames();
    assert_eq!(frames[..2], resets);
    assert_eq!((frames.last(), raw.accept()), (Some(&said_go_away(0)), None));
    assert_eq!((raw.num_streams(), raw.stats().unread), (0, 0));
}

#[test]
fn close_lets_go_of_what_the_peer_had_finished_and_reset() {
    let mut raw = Raw::server();
    raw.send(&data(1, Flags::SYN | Flags::FIN, b"whole"));
    raw.send(&window_update(1, Flags::RST, 0));
    assert_eq!((raw.num_streams(), raw.stats().unread), (1, 5));
    raw.close(GoAwayCode::NORMAL);
    assert_eq!((raw.num_streams(), raw.stats().unread), (0, 0));
    assert_eq!(raw.accept(), None);
}

#[test]
fn close_ends_when_the_last_update_is_overtaken_by_the_peers_fin() {
    let (mut raw, stream) = Raw::opened();
    raw.stream(stream).unwrap().finish().unwrap();
    raw.close(GoAwayCode::NORMAL);
    raw.sent();
    raw.send(&data(1, Flags::NONE, &pattern(1, 100_000)));
    raw.read(stream);
    raw.send(&window_update(1, Flags::FIN, 0));
    assert_eq!(raw.frames(), [said_go_away(0)], "nothing is left to wait for");
    assert_eq!(raw.cause(), CLOSED);
}

#[test]
fn the_close_timeout_covers_the_whole_of_close() {
    let config = Config::builder().close_timeout(secs(4)).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    let stream = raw.open().unwrap();
    raw.write(stream, b"never answered");
    raw.stream(stream).unwrap().finish().unwrap();
    raw.close(GoAwayCode::NORMAL);
    raw.sent();
    raw.pass(secs(3) - millis(1));
    assert_eq!((raw.cause(), raw.frames()), (None, vec![]));
    raw.pass(millis(1));
    assert_eq!(
        raw.cause(),
        Some(ConnectionError::CloseTimeout),
        "who knows what the peer has read"
    );
    assert_eq!(raw.frames(), [said_go_away(0)]);
    raw.write_closed();
    raw.pass(secs(1) - millis(1));
    assert_eq!(raw.transport_state(), TransportState::AwaitEnd);
    raw.pass(millis(1));
    assert_eq!(raw.transport_state(), TransportState::Done, "the peer never leaves");
}

#[test]
fn closing_can_be_hurried_before_it_begins_and_after() {
    for begun in [false, true] {
        let (mut raw, stream) = Raw::opened();
        let unfinished = raw.open().unwrap();
        raw.stream(stream).unwrap().finish().unwrap();
        if begun {
            raw.close(GoAwayCode::NORMAL);
            raw.sent();
            raw.pass(millis(500));
        }
        raw.close_within(GoAwayCode::NORMAL, secs(1));
        raw.close_within(GoAwayCode::NORMAL, secs(5));
        raw.sent();
        raw.pass(millis(499));
        assert_eq!((raw.cause(), raw.frames()), (None, vec![]));
        raw.pass(millis(1));
        assert_eq!(raw.cause(), Some(ConnectionError::CloseTimeout));
        let reset = update(unfinished.get(), Flags::RST, 0);
        assert_eq!(raw.frames(), [reset, said_go_away(0)]);
        raw.pass(millis(500));
        assert_eq!(raw.transport_state(), TransportState::Done);
    }
}

#[test]
fn a_close_that_is_in_no_hurry_keeps_its_timeout() {
    let config = Config::builder().close_timeout(secs(4)).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    let stream = raw.open().unwrap();
    raw.stream(stream).unwrap().finish().unwrap();
    raw.close_within(GoAwayCode::NORMAL, secs(60));
    raw.sent();
    raw.pass(secs(3));
    assert_eq!(raw.cause(), Some(ConnectionError::CloseTimeout));
}

#[test]
fn a_close_that_could_not_send_everything_says_so() {
    let config = Config::builder().write_stall_timeout(secs(60)).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    let stream = raw.open().unwrap();
    raw.write(stream, b"stuck");
    raw.drop_stream(stream);
    raw.close(GoAwayCode::NORMAL);
    assert!(raw.send_into_stall());
    raw.pass(secs(11));
    assert_eq!(raw.cause(), Some(ConnectionError::CloseTimeout));
    assert_eq!(raw.transport_state(), TransportState::Done);
}

#[test]
fn a_close_whose_fin_never_left_says_so() {
    for reset in [false, true] {
        let (mut raw, stream) = Raw::opened();
        raw.send(&window_update(1, Flags::FIN, 0));
        if reset {
            raw.stream(stream).unwrap().reset(7);
        } else {
            raw.stream(stream).unwrap().finish().unwrap();
        }
        assert!(raw.send_into_stall());
        raw.close(GoAwayCode::NORMAL);
        raw.pass(secs(9));
        assert_eq!(raw.cause(), Some(ConnectionError::CloseTimeout), "reset: {reset}");
        raw.pass(secs(2));
        let now = raw.time;
        raw.handle_transport_full(now, false);
        assert_eq!(raw.poll_timeout(), None, "nothing is waited for after the end");
    }
}

#[test]
fn a_farewell_that_the_transport_does_not_take_ends_too() {
    let mut raw = Raw::client();
    raw.close(GoAwayCode::NORMAL);
    raw.poll_timeout();
    assert!(raw.send_into_stall());
    raw.pass(secs(10));
    assert_eq!(raw.transport_state(), TransportState::Done);
}

#[test]
fn the_farewell_has_its_time_however_late_the_draining_ends() {
    let config = Config::builder().close_timeout(secs(4)).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    let stream = raw.open().unwrap();
    raw.stream(stream).unwrap().finish().unwrap();
    raw.close(GoAwayCode::NORMAL);
    raw.sent();
    raw.pass(secs(3) - millis(1));
    raw.send(&window_update(1, Flags::ACK | Flags::FIN, 0));
    assert_eq!(raw.cause(), CLOSED);
    raw.pass(millis(900));
    assert_eq!(raw.frames(), [said_go_away(0)], "the transport was full for a while");
    assert_eq!(raw.transport_state(), TransportState::CloseWrite);
    raw.pass(millis(101));
    assert_eq!(raw.transport_state(), TransportState::Done, "four seconds in all");
}

#[test]
fn a_peer_that_never_closes_is_left_a_second_after_the_farewell() {
    let mut raw = Raw::client();
    raw.close(GoAwayCode::NORMAL);
    assert_eq!(raw.frames(), [said_go_away(0)]);
    raw.write_closed();
    raw.pass(secs(1) - millis(1));
    assert_eq!(raw.transport_state(), TransportState::AwaitEnd);
    raw.pass(millis(1));
    assert_eq!(raw.transport_state(), TransportState::Done, "not after all of close_timeout");
}

#[test]
fn the_write_side_stays_open_until_go_away_has_left() {
    let mut raw = Raw::client();
    raw.close(GoAwayCode::NORMAL);
    assert!(raw.send_into_stall());
    assert_eq!(raw.transport_state(), TransportState::Open);
    raw.end_stall();
    assert_eq!(raw.transport_state(), TransportState::CloseWrite);
}

#[test]
fn nothing_staged_goes_out_after_the_peers_error() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"too late");
    raw.send(&go_away(1));
    assert_eq!(raw.frames(), []);
}

#[test]
fn close_wakes_who_waits_to_open_and_to_accept() {
    let (mut raw, stream) = Raw::opened();
    raw.stream(stream).unwrap().finish().unwrap();
    raw.take_events();
    raw.close(GoAwayCode::NORMAL);
    assert_eq!(raw.take_events(), [Event::Incoming, Event::Outbound]);
    assert_eq!(raw.cause(), None, "while it drains");
}

#[test]
fn close_says_once_that_no_more_streams_will_come() {
    let mut raw = Raw::server();
    raw.send(&[window_update(1, Flags::SYN, 0), window_update(3, Flags::SYN, 0)].concat());
    raw.take_events();
    raw.close(GoAwayCode::NORMAL);
    let incoming = raw.take_events().iter().filter(|event| **event == Event::Incoming).count();
    assert_eq!(incoming, 1);
}

#[test]
fn the_end_of_the_clock_is_survived() {
    let nearly = Instant::from_nanos(u64::MAX) - Instant::ORIGIN - secs(20);
    let mut connection = Connection::new(Side::Client, Config::default(), Instant::ORIGIN + nearly);
    let mut input = BytesMut::from(&ping(true, 1)[..]);
    connection.handle_input(Instant::ORIGIN + nearly + secs(10), &mut input);
    connection.handle_timeout(Instant::from_nanos(u64::MAX));
}

#[test]
fn abort_ends_at_once_and_sends_nothing() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"never");
    raw.abort();
    assert_eq!((raw.frames(), raw.cause()), (vec![], CLOSED));
    assert_eq!((raw.transport_state(), raw.poll_timeout()), (TransportState::Done, None));
    raw.abort();
    raw.close(GoAwayCode::NORMAL);
    assert_eq!(raw.frames(), []);
}

#[test]
fn the_end_of_the_transport_without_streams_is_a_clean_end() {
    let mut raw = Raw::server();
    raw.send_eof();
    assert_eq!(raw.cause(), Some(ConnectionError::ClosedByPeer));
    assert_eq!(raw.transport_state(), TransportState::CloseWrite);
    raw.write_closed();
    assert_eq!(raw.transport_state(), TransportState::Done);
}

#[test]
fn the_end_of_the_transport_with_streams_is_an_error_after_the_data() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::NONE, b"half a mess"));
    raw.send_eof();
    assert_eq!(raw.read(stream), b"half a mess");
    let cause = ConnectionError::TransportEnded;
    let error = Err(ReadError::Closed(cause));
    assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), error, "never a clean end");
    assert_eq!(raw.stream(stream).unwrap().write(b"x"), Err(WriteError::Closed(cause)));
}

#[test]
fn a_stream_that_had_finished_stays_clean_when_the_transport_ends() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::FIN, b"whole"));
    raw.send_eof();
    assert_eq!(raw.read(stream), b"whole");
    assert!(raw.at_end(stream));
}

#[test]
fn the_end_inside_a_frame_is_an_error_even_after_go_away() {
    let cut = data(9, Flags::NONE, b"body");
    for len in [1, 11, 12, 14] {
        let mut raw = Raw::server();
        raw.send(&go_away(0));
        raw.send(&cut[..len]);
        raw.send_eof();
        assert_eq!(raw.cause(), Some(ConnectionError::TransportEnded), "after {len} bytes");
    }
}

#[test]
fn go_away_0_and_then_the_end_is_the_peers_close() {
    let (mut raw, stream) = Raw::opened();
    raw.send(&go_away(0));
    raw.send_eof();
    let error = Err(ReadError::Closed(ConnectionError::ClosedByPeer));
    assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), error);
}

#[test]
fn go_away_0_and_then_a_reset_of_the_transport_is_the_peers_close_with_nothing_open() {
    let mut raw = Raw::client();
    raw.send(&go_away(0));
    raw.handle_transport_failure();
    assert_eq!(raw.cause(), Some(ConnectionError::ClosedByPeer));

    let (mut raw, _open) = Raw::opened();
    raw.send(&go_away(0));
    raw.handle_transport_failure();
    assert_eq!(raw.cause(), Some(ConnectionError::TransportFailed));
}

#[test]
fn a_close_says_what_may_be_lost_though_the_peer_leaves_politely() {
    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, b"unsent");
    raw.close(GoAwayCode::NORMAL);
    raw.send(&go_away(0));
    raw.send_eof();
    assert_eq!(raw.cause(), Some(ConnectionError::TransportEnded), "it never left");

    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, b"sent");
    raw.stream(stream).unwrap().finish().unwrap();
    raw.sent();
    raw.close(GoAwayCode::NORMAL);
    raw.send(&go_away(0));
    raw.send_eof();
    assert_eq!(raw.cause(), Some(ConnectionError::TransportEnded), "the peer may not have read it");

    let (mut raw, _idle) = Raw::accepted();
    raw.pong(1);
    raw.sent();
    raw.send_into_stall();
    raw.close(GoAwayCode::NORMAL);
    raw.send(&go_away(0));
    raw.send_eof();
    assert_ne!(raw.cause(), Some(ConnectionError::TransportEnded), "nothing was owed");
}

#[test]
fn a_failed_transport_ends_the_session_after_the_data() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::NONE, b"got it"));
    raw.handle_transport_failure();
    assert_eq!(raw.read(stream), b"got it");
    let error = Err(ReadError::Closed(ConnectionError::TransportFailed));
    assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), error);
    assert_eq!(raw.transport_state(), TransportState::Done);
}

#[test]
fn a_violation_gets_one_go_away_and_nothing_else_is_processed_or_sent() {
    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, b"unsent");
    raw.send(&data(1, Flags::NONE, b"good"));
    let flood = [
        header(9, 0, 0, 1, 0),
        header(9, 0, 0, 1, 0),
        ping(true, 1),
        window_update(3, Flags::SYN, 0),
        data(1, Flags::NONE, b"bad"),
    ];
    raw.send(&flood.concat());
    raw.send(&flood.concat());
    assert!(matches!(raw.cause(), Some(ConnectionError::Protocol(ProtocolError::Frame(_)))));
    assert_eq!(raw.frames(), [said_go_away(1)]);
    assert_eq!((raw.accept(), raw.untaken(), raw.read(stream)), (None, 0, b"good".to_vec()));
    let closed = raw.take_events().into_iter().filter(|event| *event == Event::Closed);
    assert_eq!(closed.count(), 1);
    assert_eq!(raw.transport_state(), TransportState::CloseWrite);
}

#[test]
fn the_transport_closes_a_second_after_a_violation_at_the_latest() {
    for write_closed in [false, true] {
        let mut raw = Raw::server();
        raw.send(&header(9, 0, 0, 1, 0));
        if write_closed {
            raw.sent();
            raw.write_closed();
            assert_eq!(raw.transport_state(), TransportState::AwaitEnd);
        } else {
            assert!(raw.send_into_stall());
        }
        raw.pass(millis(999));
        assert_ne!(raw.transport_state(), TransportState::Done);
        raw.pass(millis(1));
        assert_eq!(raw.transport_state(), TransportState::Done);
    }
}

#[test]
fn the_transport_closes_a_second_after_the_peers_error_at_the_latest() {
    let mut raw = Raw::server();
    raw.send(&go_away(2));
    assert_eq!((raw.frames(), raw.transport_state()), (vec![], TransportState::CloseWrite));
    raw.pass(secs(1));
    assert_eq!(raw.transport_state(), TransportState::Done);
}

#[test]
fn a_transport_that_takes_nothing_ends_the_session() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"x");
    assert!(raw.send_into_stall());
    raw.pass(millis(9_999));
    assert_eq!(raw.cause(), None);
    raw.pass(millis(1));
    assert_eq!(raw.cause(), Some(ConnectionError::WriteStall));
    assert_eq!(raw.transport_state(), TransportState::Done);
}

#[test]
fn a_transport_that_takes_a_little_is_no_stall() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"x");
    assert!(raw.send_into_stall());
    for _ in 0..10 {
        raw.pass(secs(9));
        let now = raw.time;
        raw.send(&ping(false, 0));
        raw.handle_transport_full(now, false);
        raw.handle_transport_full(now, true);
    }
    raw.end_stall();
    raw.pass(secs(20));
    assert_eq!(raw.cause(), None, "the batch was taken");
}

#[test]
fn being_told_again_that_the_transport_is_full_is_no_progress() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"x");
    assert!(raw.send_into_stall());
    for _ in 0..9 {
        raw.pass(secs(1));
        let now = raw.time;
        raw.handle_transport_full(now, false);
    }
    raw.pass(secs(1));
    assert_eq!(raw.cause(), Some(ConnectionError::WriteStall));
}

#[test]
fn closed_is_the_last_event() {
    let mut raw = Raw::client();
    let streams: Vec<_> = (0..3).map(|_| raw.open().unwrap()).collect();
    raw.sent();
    for stream in &streams {
        assert_eq!(raw.stream(*stream).unwrap().read(&mut [0]), NOTHING_YET);
    }
    raw.send(&go_away(1));
    for stream in streams {
        raw.drop_stream(stream);
    }
    raw.close(GoAwayCode::NORMAL);
    raw.send_eof();
    raw.pass(secs(100));
    raw.sent();
    assert_eq!(raw.take_events(), [Event::Closed]);
    assert_eq!(raw.num_streams(), 0, "streams can be let go of after the end");
}

#[test]
fn nothing_happens_by_itself_after_the_end() {
    let mut pair = Pair::new();
    let stream = pair.open();
    pair.client.write(stream, &pattern(1, 300_000));
    pair.client.drop_stream(stream);
    pair.client.close(GoAwayCode::NORMAL);
    pair.server.close(GoAwayCode::NORMAL);
    pair.pass(secs(60));
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));
    assert_eq!(pair.client.transport_state(), TransportState::Done);
    assert_eq!(pair.server.transport_state(), TransportState::Done);
}

#[test]
fn close_loses_nothing_that_the_peer_reads_late() {
    let mut pair = Pair::new().over(millis(20), 10_000_000);
    let stream = pair.client.open().unwrap();
    let bytes = pattern(1, 200_000);
    assert_eq!(pair.client.write(stream, &bytes), bytes.len());
    pair.client.drop_stream(stream);
    pair.client.close(GoAwayCode::NORMAL);
    pair.pass(secs(3));
    assert_eq!(pair.server.accept(), Some(stream));
    assert_eq!(pair.server.cause(), None, "the client waits for the server's end");
    assert_eq!(pair.server.read(stream), bytes);
    assert!(pair.server.at_end(stream));
    pair.server.drop_stream(stream);
    pair.pass(secs(1));
    assert_eq!(
        (pair.client.cause(), pair.server.cause()),
        (CLOSED, Some(ConnectionError::ClosedByPeer))
    );
    assert_eq!(pair.client.transport_state(), TransportState::Done);
    assert_eq!(pair.server.transport_state(), TransportState::Done);
}

#[test]
fn both_ends_may_close_at_once() {
    let mut pair = Pair::new().over(millis(20), 10_000_000);
    let stream = pair.client.open().unwrap();
    pair.pass(secs(1));
    pair.server.accept();
    for end in [&mut pair.client, &mut pair.server] {
        end.write(stream, b"bye");
        end.stream(stream).unwrap().finish().unwrap();
        end.close(GoAwayCode::NORMAL);
    }
    pair.pass(secs(2));
    assert_eq!((pair.client.cause(), pair.server.cause()), (CLOSED, CLOSED));
    assert_eq!(
        (pair.client.read(stream), pair.server.read(stream)),
        (b"bye".to_vec(), b"bye".to_vec())
    );
    assert!(pair.client.at_end(stream) && pair.server.at_end(stream));
    assert_eq!(pair.client.transport_state(), TransportState::Done);
    assert_eq!(pair.server.transport_state(), TransportState::Done);
}

#[test]
fn the_code_of_close_reaches_the_peer() {
    let mut pair = Pair::new();
    pair.client.close(GoAwayCode(7));
    pair.drive();
    assert_eq!(pair.server.cause(), Some(ConnectionError::GoAway(GoAwayCode(7))));
}

#[test]
fn one_failed_session_leaves_the_others_of_the_process_alone() {
    let (mut bad, _) = Raw::accepted();
    let mut good = Pair::new();
    let stream = good.open();
    bad.send(&header(1, 1, 1, 1, 1));
    assert!(bad.cause().is_some());
    assert_eq!(good.upload(stream, &pattern(1, 400_000)), pattern(1, 400_000));
}

#[test]
fn the_end_of_the_transport_is_wanted_even_if_a_syn_was_waiting() {
    let config = Config::builder().accept_backlog(1).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&[1, 3].map(|stream| window_update(stream, Flags::SYN, 0)).concat());
    assert!(!raw.wants_input());
    raw.close(GoAwayCode::NORMAL);
    raw.sent();
    assert!(raw.cause().is_some() && raw.wants_input());
}

#[test]
fn the_end_of_the_transport_is_clean_once_all_streams_have_ended() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::FIN, b"request"));
    raw.read(stream);
    raw.write(stream, b"response");
    raw.stream(stream).unwrap().finish().unwrap();
    raw.sent();
    raw.send_eof();
    assert_eq!(raw.cause(), Some(ConnectionError::ClosedByPeer), "finished, and still held");

    let (mut raw, _held) = Raw::accepted();
    raw.send(&window_update(1, Flags::RST, 0));
    raw.send_eof();
    assert_eq!(raw.cause(), Some(ConnectionError::ClosedByPeer), "reset, and still held");
}

#[test]
fn the_end_of_the_transport_is_not_clean_while_data_is_on_its_way_out() {
    for stalled in [false, true] {
        let (mut raw, stream) = Raw::accepted();
        raw.send(&data(1, Flags::FIN, b"request"));
        raw.write(stream, b"response");
        raw.drop_stream(stream);
        assert!(!stalled || raw.send_into_stall());
        raw.send_eof();
        assert_eq!(raw.cause(), Some(ConnectionError::TransportEnded), "stalled: {stalled}");
    }
}

#[test]
fn what_still_goes_out_after_the_end_begins_with_its_syn() {
    let mut raw = Raw::client();
    raw.pong(1);
    raw.sent();
    let stream = raw.open().unwrap();
    raw.write(stream, b"request");
    raw.drop_stream(stream);
    raw.send_eof();
    let kinds = [
        update(1, Flags::SYN, 0),
        Frame::Data { stream: id(1), flags: Flags::NONE, length: 7 },
        update(1, Flags::FIN, 0),
    ];
    assert_eq!(raw.frames(), kinds);
    assert_eq!(raw.num_streams(), 0);

    let mut raw = Raw::client();
    raw.pong(1);
    raw.send(&ping(true, 7));
    assert!(raw.send_into_stall());
    let stream = raw.open().unwrap();
    raw.write(stream, b"request");
    raw.drop_stream(stream);
    raw.close(GoAwayCode::NORMAL);
    raw.pass(secs(9));
    assert_eq!(raw.cause(), Some(ConnectionError::CloseTimeout));
    raw.end_stall();
    let pong = Frame::Ping { request: false, value: 7 };
    assert_eq!(raw.frames(), [&[pong], &kinds[..], &[said_go_away(0)]].concat());
}

#[test]
fn a_stream_left_only_after_the_end_is_announced_too() {
    let mut raw = Raw::client();
    raw.pong(1);
    raw.sent();
    let stream = raw.open().unwrap();
    raw.write(stream, b"request");
    raw.send_eof();
    raw.drop_stream(stream);
    assert_eq!(raw.frames().first(), Some(&update(1, Flags::SYN, 0)));
    assert_eq!(raw.num_streams(), 0);
}

#[test]
fn a_stream_that_was_never_announced_does_not_outlive_the_session() {
    for end in [
        (|raw| raw.send(&header(9, 0, 0, 0, 0))) as fn(&mut Raw),
        |raw| raw.abort(),
        |raw| {
            raw.send_eof();
            raw.abort();
            raw.handle_transport_failure();
        },
    ] {
        let mut raw = Raw::client();
        let stream = raw.open().unwrap();
        raw.drop_stream(stream);
        end(&mut raw);
        assert_eq!(raw.num_streams(), 0);
    }
}

#[test]
fn a_close_that_owes_nothing_but_a_pong_has_lost_nothing() {
    let (mut raw, _open) = Raw::opened();
    raw.send(&ping(true, 3));
    assert!(raw.send_into_stall());
    raw.close(GoAwayCode::NORMAL);
    raw.pass(secs(9));
    assert_eq!(raw.cause(), CLOSED);
}

#[test]
fn close_and_go_away_wait_for_no_accept() {
    let ends: [fn(&mut Raw); 2] =
        [|raw| raw.close(GoAwayCode::NORMAL), |raw| raw.go_away(GoAwayCode::NORMAL)];
    for end in ends {
        let mut raw = full_backlog();
        assert!(!raw.wants_input());
        end(&mut raw);
        assert!(raw.wants_input());
    }
}

#[test]
fn nothing_is_deferred_after_the_end() {
    let mut raw = full_backlog();
    assert!(raw.has_deferred_input());
    raw.abort();
    assert!(!raw.has_deferred_input());
}

/// A session with a SYN that waits for a place.
#[test]
fn after_go_away_a_stream_too_many_is_refused_at_once() {
    let config = Config::builder().accept_backlog(1).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&window_update(1, Flags::SYN, 0));
    raw.go_away(GoAwayCode::NORMAL);
    raw.frames();
    raw.send(&window_update(3, Flags::SYN, 0));
    assert_eq!(raw.frames(), [update(3, Flags::RST, 0)]);
    assert!(raw.wants_input());
}

fn full_backlog() -> Raw {
    let config = Config::builder().accept_backlog(1).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&[window_update(1, Flags::SYN, 0), window_update(3, Flags::SYN, 0)].concat());
    raw
}

#[test]
fn what_begins_untimed_is_known_to_want_the_time() {
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let (mut raw, stream) = Raw::accepted_with(config);
    raw.stream(stream).unwrap().finish().unwrap();
    raw.sent();
    assert_eq!(raw.poll_timeout(), None);
    raw.close(GoAwayCode::NORMAL);
    assert!(!raw.has_output());
    let now = raw.time;
    assert!(raw.poll_timeout().is_some_and(|at| at <= now));
    raw.handle_timeout(now);
    assert_eq!(raw.poll_timeout(), Some(now + secs(9)));
}

#[test]
fn what_time_brings_about_is_timed_when_it_returns() {
    let mut raw = Raw::client();
    raw.pong(1);
    raw.sent();
    let now = raw.time + secs(41);
    raw.handle_timeout(now);
    raw.handle_timeout(now + secs(11));
    assert!(raw.cause().is_some(), "nobody answers");
    assert_eq!(raw.poll_timeout(), None);
}

#[test]
fn to_refuse_streams_and_then_close_is_no_offence() {
    let mut pair = Pair::new();
    let stream = pair.open();
    pair.client.go_away(GoAwayCode::NORMAL);
    pair.drive();
    pair.client.drop_stream(stream);
    pair.server.drop_stream(stream);
    pair.client.close(GoAwayCode::NORMAL);
    pair.pass(secs(2));
    assert_eq!(pair.server.cause(), Some(ConnectionError::ClosedByPeer));
    assert_eq!(pair.server.stats().glitches, 0);
}

#[test]
fn a_session_that_has_ended_holds_no_streams_but_the_applications() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.drop_stream(stream);
    raw.handle_transport_failure();
    assert_eq!(raw.num_streams(), 0, "ended on both sides");

    let (mut raw, stream) = Raw::accepted();
    raw.drop_stream(stream);
    raw.abort();
    assert_eq!(raw.num_streams(), 0, "left, with the peer still writing");
    let now = raw.time;
    raw.handle_timeout(now);
    assert_eq!(raw.poll_timeout(), None);
}

#[test]
fn what_was_accepted_for_sending_stays_counted() {
    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, &[0; 1000]);
    raw.abort();
    assert_eq!(raw.stats().data_sent, 1000);
}

/// A closing session whose output the peer does not take, with so much time for it.
fn closing_in_vain(time: std::time::Duration) -> Raw {
    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, b"in vain");
    assert!(raw.send_into_stall());
    raw.close_within(GoAwayCode::NORMAL, time);
    raw
}

#[test]
fn no_end_that_the_peer_brings_about_makes_closing_take_longer() {
    let ends: [fn(&mut Raw); 3] =
        [Raw::send_eof, |raw| raw.send(&go_away(1)), |raw| raw.send(&header(1, 0, 0, 1, 0))];
    for end in ends {
        let mut raw = closing_in_vain(millis(100));
        raw.pass(millis(49));
        end(&mut raw);
        raw.pass(millis(50));
        assert_ne!(raw.transport_state(), TransportState::Done, "the peer has what is left of it");
        raw.pass(millis(1));
        assert_eq!(raw.transport_state(), TransportState::Done);
    }
}

#[test]
fn closing_can_be_hurried_while_go_away_is_under_way() {
    for failed in [false, true] {
        let (mut raw, _) = Raw::accepted();
        match failed {
            false => raw.close(GoAwayCode::NORMAL),
            true => raw.send(&header(1, 0, 0, 1, 0)),
        }
        assert!(raw.send_into_stall());
        raw.close_within(GoAwayCode::NORMAL, millis(100));
        raw.pass(millis(99));
        assert_eq!(raw.transport_state(), TransportState::Open);
        raw.pass(millis(1));
        assert_eq!(raw.transport_state(), TransportState::Done);
    }
}
