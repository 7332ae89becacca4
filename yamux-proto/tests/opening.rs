//! Spec: Opening a stream.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use pair::{
    NOTHING_YET, Pair, Raw, data, header, id, millis, pattern, ping, secs, update, window_update,
};
use yamux_proto::limits::{ACCEPT_PATIENCE, ACCEPT_PATIENCE_TOTAL, UNACKED_STREAMS};
use yamux_proto::{
    Config, ConnectionError, Event, Flags, Frame, OpenError, ProtocolError, ReadError, ResetError,
    Side, WriteError,
};

#[test]
fn a_stream_that_was_reset_before_its_syn_left_frees_its_place() {
    let mut raw = Raw::client();
    let first = raw.open().unwrap();
    for _ in 1..UNACKED_STREAMS {
        raw.open().unwrap();
    }
    assert_eq!(raw.open(), Err(OpenError::Backlog));
    raw.stream(first).unwrap().reset(0);
    raw.sent();
    assert!(raw.open().is_ok(), "although the application still holds it");
}

#[test]
fn a_whole_window_may_come_with_the_syn() {
    let mut raw = Raw::server();
    raw.send(&data(1, Flags::SYN, &vec![7; 262_144]));
    assert_eq!((raw.cause(), raw.accept()), (None, Some(id(1))));
    raw.send(&data(3, Flags::SYN, &vec![7; 262_145]));
    let error = ProtocolError::WindowExceeded(id(3));
    assert_eq!(raw.cause(), Some(ConnectionError::Protocol(error)));
}

fn syns(ids: impl IntoIterator<Item = u32>) -> Vec<u8> {
    ids.into_iter().flat_map(|id| window_update(id, Flags::SYN, 0)).collect()
}

fn is_syn(frame: &Frame) -> bool {
    matches!(frame, Frame::WindowUpdate { flags, .. } if flags.contains(Flags::SYN))
}

#[test]
fn open_sends_a_lone_window_update_at_once() {
    let mut raw = Raw::client();
    assert_eq!(raw.open(), Ok(id(1)));
    assert_eq!(raw.sent()[0].frame.encode(), [0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(raw.frames(), [], "once");
}

#[test]
fn clients_open_odd_ids_and_servers_even_ones_in_order() {
    for (side, ids) in [(Side::Client, [1, 3, 5]), (Side::Server, [2, 4, 6])] {
        let mut raw = Raw::new(side, Config::default());
        for number in ids {
            assert_eq!(raw.open(), Ok(id(number)));
        }
        assert_eq!(raw.frames(), ids.map(|number| update(number, Flags::SYN, 0)));
    }
}

#[test]
fn data_may_follow_before_the_ack() {
    let mut raw = Raw::client();
    let stream = raw.open().unwrap();
    raw.write(stream, b"early");
    assert!(!raw.stream(stream).unwrap().is_acked());
    let sent = raw.sent();
    assert_eq!(sent[0].frame, update(1, Flags::SYN, 0));
    assert_eq!(sent[1].frame, Frame::Data { stream, flags: Flags::NONE, length: 5 });
    assert_eq!(sent[1].body, b"early");
}

#[test]
fn syns_keep_the_order_of_the_ids_whatever_is_written_and_dropped() {
    let mut raw = Raw::client();
    let streams: Vec<_> = (0..4).map(|_| raw.open().unwrap()).collect();
    raw.write(streams[3], b"last first");
    raw.stream(streams[1]).unwrap().reset(9);
    raw.drop_stream(streams[0]);
    let frames = raw.frames();
    let order: Vec<_> = frames.iter().filter(|frame| is_syn(frame)).collect();
    assert_eq!(order.len(), 4);
    assert!(order.into_iter().copied().eq([1, 3, 5, 7].map(|id| update(id, Flags::SYN, 0))));
    let place = |wanted| frames.iter().position(|frame| *frame == wanted).unwrap();
    assert!(place(update(3, Flags::RST, 9)) > place(update(3, Flags::SYN, 0)));
    assert!(place(update(1, Flags::FIN, 0)) > place(update(1, Flags::SYN, 0)));
}

#[test]
fn syn_and_ack_announce_a_larger_window() {
    let config = Config::builder().initial_receive_window(1 << 20).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    raw.open().unwrap();
    assert_eq!(raw.frames(), [update(1, Flags::SYN, (1 << 20) - 262_144)]);
    raw.send(&syns([2]));
    raw.accept().unwrap();
    assert_eq!(raw.frames(), [update(2, Flags::ACK, (1 << 20) - 262_144)]);
}

#[test]
fn ack_goes_out_once_and_only_on_accept() {
    let mut raw = Raw::server();
    raw.send(&[window_update(1, Flags::SYN, 0), data(1, Flags::NONE, b"x")].concat());
    assert_eq!(raw.frames(), [], "not before accept");
    let stream = raw.accept().unwrap();
    assert_eq!(raw.frames(), [update(1, Flags::ACK, 0)]);
    raw.write(stream, b"y");
    raw.read(stream);
    raw.stream(stream).unwrap().finish().unwrap();
    let acks = raw.frames().into_iter().filter(|frame| {
        matches!(frame, Frame::Data { flags, .. } | Frame::WindowUpdate { flags, .. }
            if flags.contains(Flags::ACK))
    });
    assert_eq!(acks.count(), 0);
}

#[test]
fn ack_goes_ahead_of_data_and_alone() {
    let mut raw = Raw::server();
    raw.send(&window_update(1, Flags::SYN, 0));
    let stream = raw.accept().unwrap();
    raw.write(stream, b"reply");
    raw.stream(stream).unwrap().finish().unwrap();
    let data = Frame::Data { stream, flags: Flags::NONE, length: 5 };
    assert_eq!(raw.frames(), [update(1, Flags::ACK, 0), data, update(1, Flags::FIN, 0)]);
}

#[test]
fn a_stream_that_was_finished_before_accept_is_acked_without_window() {
    let config = Config::builder().initial_receive_window(1 << 20).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&data(1, Flags::SYN | Flags::FIN, b"bye"));
    let stream = raw.accept().unwrap();
    assert_eq!(raw.read(stream), b"bye");
    assert!(raw.at_end(stream));
    assert_eq!(raw.frames(), [update(1, Flags::ACK, 0)]);
}

#[test]
fn streams_are_accepted_in_the_order_of_their_syns_not_of_their_ids() {
    let mut raw = Raw::server();
    raw.send(&syns([5, 1, 3]));
    let accepted: Vec<_> = std::iter::from_fn(|| raw.accept()).map(|id| id.get()).collect();
    assert_eq!(accepted, [5, 1, 3]);
    assert_eq!(raw.cause(), None, "ids need not increase");
}

#[test]
fn open_waits_beyond_256_unacknowledged_streams() {
    let mut raw = Raw::client();
    for _ in 0..256 {
        raw.open().unwrap();
    }
    assert_eq!(UNACKED_STREAMS, 256);
    assert_eq!(raw.open(), Err(OpenError::Backlog));
    assert_eq!(raw.frames().len(), 256);
    raw.take_events();
    raw.send(&window_update(1, Flags::ACK, 0));
    assert_eq!(raw.take_events(), [Event::Outbound]);
    assert_eq!(raw.open(), Ok(id(513)), "no id was lost to the failure");
    assert_eq!(raw.open(), Err(OpenError::Backlog));
}

/// A client with 256 unacknowledged streams.
fn full_backlog() -> Raw {
    let mut raw = Raw::client();
    (0..256).for_each(|_| assert!(raw.open().is_ok()));
    raw.sent();
    raw.take_events();
    raw
}

#[test]
fn the_first_frame_of_any_kind_frees_a_backlog_slot() {
    let kinds = [
        window_update(1, Flags::ACK, 0),
        window_update(1, Flags::NONE, 9),
        window_update(1, Flags::FIN, 0),
        window_update(1, Flags::RST, 0),
        data(1, Flags::NONE, b"x"),
        data(1, Flags::ACK, b""),
        data(1, Flags::FIN, b""),
        data(1, Flags::RST, b""),
    ];
    for frame in kinds {
        let mut raw = full_backlog();
        raw.send(&frame);
        assert_eq!(raw.take_events(), [Event::Outbound], "{frame:?}");
        assert!(raw.open().is_ok(), "{frame:?}");
        raw.send(&frame);
        assert_eq!(raw.open(), Err(OpenError::Backlog), "a slot is freed once: {frame:?}");
    }
}

#[test]
fn a_stream_that_dies_frees_its_backlog_slot() {
    let mut raw = full_backlog();
    raw.stream(id(1)).unwrap().reset(0);
    raw.drop_stream(id(1));
    raw.sent();
    assert_eq!(raw.take_events(), [Event::Outbound]);
    assert!(raw.open().is_ok());
    assert_eq!(raw.open(), Err(OpenError::Backlog));
}

#[test]
fn a_reset_stream_frees_its_backlog_slot_even_while_it_is_held() {
    let mut raw = full_backlog();
    raw.stream(id(1)).unwrap().reset(0);
    raw.sent();
    assert_eq!(raw.take_events(), [Event::Outbound]);
    assert!(raw.open().is_ok());
}

#[test]
fn an_unanswered_open_resets_that_stream_only() {
    let mut raw = Raw::client();
    let (silent, alive) = (raw.open().unwrap(), raw.open().unwrap());
    raw.sent();
    raw.send(&window_update(alive.get(), Flags::ACK, 0));
    for _ in 0..4 {
        raw.pass(secs(18));
        raw.send(&data(alive.get(), Flags::NONE, b"alive"));
    }
    raw.read(silent);
    assert_eq!(raw.stream(silent).unwrap().read(&mut [0]), NOTHING_YET, "72 s are not 75");
    raw.take_events();
    raw.pass(secs(3));
    assert_eq!(
        raw.stream(silent).unwrap().read(&mut [0]),
        Err(ReadError::Reset(ResetError::OpenTimeout))
    );
    assert_eq!(
        raw.stream(silent).unwrap().write(b"x"),
        Err(WriteError::Reset(ResetError::OpenTimeout))
    );
    let events = raw.take_events();
    assert!(events.contains(&Event::Readable(silent)) && events.contains(&Event::Outbound));
    assert!(raw.stream(alive).unwrap().is_acked() && !raw.stream(silent).unwrap().is_acked());
    assert!(raw.frames().contains(&update(silent.get(), Flags::RST, 0)));
    assert_eq!((raw.cause(), raw.read(alive)), (None, b"alive".repeat(4)));
}

#[test]
fn a_stream_that_was_refused_was_never_taken() {
    let mut raw = Raw::client();
    let (refused, taken) = (raw.open().unwrap(), raw.open().unwrap());
    raw.sent();
    raw.send(&window_update(taken.get(), Flags::ACK, 0));
    for stream in [refused, taken] {
        raw.send(&window_update(stream.get(), Flags::RST, 0));
        let reset = Err(ReadError::Reset(ResetError::ByPeer(0)));
        assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), reset);
    }
    assert!(!raw.stream(refused).unwrap().is_acked());
    assert!(raw.stream(taken).unwrap().is_acked());
    assert_eq!(raw.take_events().iter().filter(|event| **event == Event::Outbound).count(), 2);
}

#[test]
fn a_stream_that_is_finished_already_may_wait_for_its_answer() {
    // hashicorp/yamux never acknowledges a stream whose FIN came before its Accept.
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    let stream = raw.open().unwrap();
    raw.write(stream, b"request");
    raw.stream(stream).unwrap().finish().unwrap();
    raw.sent();
    raw.pass(secs(80));
    assert_eq!(raw.frames(), []);
    assert!(raw.take_events().contains(&Event::Outbound), "its place is free");
    assert!(!raw.stream(stream).unwrap().is_acked());
    raw.send(&data(1, Flags::FIN, b"response"));
    assert_eq!(raw.read(stream), b"response");
}

#[test]
fn the_time_to_answer_begins_when_the_syn_is_sent() {
    let config = Config::builder().open_timeout(secs(5)).keepalive_interval(None).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    let stream = raw.open().unwrap();
    raw.pass(secs(60));
    assert_eq!(raw.frames(), [update(1, Flags::SYN, 0)]);
    raw.pass(millis(4999));
    assert_eq!(raw.stream(stream).unwrap().reset_cause(), None);
    raw.pass(millis(1));
    assert_eq!(raw.stream(stream).unwrap().reset_cause(), Some(ResetError::OpenTimeout));
}

#[test]
fn a_syn_beyond_the_accept_backlog_is_refused_by_rst_on_that_stream() {
    let config = Config::builder().accept_backlog(2).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syns([1, 3, 5, 7]));
    raw.pass(ACCEPT_PATIENCE);
    raw.send(b"");
    assert_eq!(raw.frames(), [5, 7].map(|id| update(id, Flags::RST, 0)));
    assert_eq!((raw.accept(), raw.accept(), raw.accept()), (Some(id(1)), Some(id(3)), None));
    assert_eq!((raw.cause(), raw.stats().streams_refused), (None, 2));
}

#[test]
fn a_stream_beyond_the_limit_of_inbound_streams_is_refused() {
    let config = Config::builder().max_inbound_streams(3).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syns([1, 3, 5, 7]));
    assert_eq!(raw.frames(), [update(7, Flags::RST, 0)]);
    let first = raw.accept().unwrap();
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.stream(first).unwrap().finish().unwrap();
    raw.sent();
    raw.send(&syns([9]));
    assert!(raw.frames().contains(&update(9, Flags::RST, 0)), "the application holds a handle");
    raw.drop_stream(first);
    raw.send(&syns([11]));
    assert_eq!(raw.frames(), [], "there is a place again");
}

#[test]
fn a_burst_of_syns_is_not_refused_while_the_application_is_accepting() {
    let config = Config::builder().accept_backlog(4).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    assert_eq!(raw.accept(), None);
    raw.send(&syns((0..40).map(|n| 2 * n + 1)));
    assert!(raw.untaken() > 0, "the rest of the burst waits");
    let mut accepted = Vec::new();
    while let Some(stream) = raw.accept() {
        accepted.push(stream.get());
        if raw.wants_input() {
            raw.send(b"");
        }
    }
    assert_eq!(accepted, (0..40).map(|n| 2 * n + 1).collect::<Vec<_>>());
    assert_eq!(raw.stats().streams_refused, 0);
}

#[test]
fn data_behind_a_syn_that_waits_keeps_its_place() {
    let config = Config::builder().accept_backlog(1).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&[data(1, Flags::SYN, b"one"), data(3, Flags::SYN, b"three")].concat());
    raw.send(&data(3, Flags::NONE, b" more"));
    let first = raw.accept().unwrap();
    raw.send(b"");
    let second = raw.accept().unwrap();
    assert_eq!((raw.read(first), raw.read(second)), (b"one".to_vec(), b"three more".to_vec()));
}

#[test]
fn an_application_that_does_not_accept_costs_the_peer_one_pause() {
    let config = Config::builder().accept_backlog(1).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syns([1, 3, 5]));
    assert!(!raw.wants_input());
    raw.pass(ACCEPT_PATIENCE);
    assert!(raw.wants_input());
    raw.send(&syns([7]));
    assert_eq!(raw.untaken(), 0);
    assert_eq!(raw.frames(), [3, 5, 7].map(|id| update(id, Flags::RST, 0)));
}

#[test]
fn an_application_that_accepts_slowly_costs_the_peer_one_pause_until_it_has_caught_up() {
    let config = Config::builder().accept_backlog(4).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syns([1, 3, 5, 7, 9]));
    raw.pass(ACCEPT_PATIENCE);
    raw.send(b"");
    assert_eq!(raw.frames(), [update(9, Flags::RST, 0)]);
    raw.accept().unwrap();
    raw.send(&syns([11, 13]));
    assert!(raw.wants_input(), "one of four is not enough to wait again");
    assert_eq!(raw.frames(), [update(13, Flags::RST, 0), update(1, Flags::ACK, 0)]);
    raw.accept().unwrap();
    raw.accept().unwrap();
    raw.send(&syns([15, 17, 19]));
    assert!(!raw.wants_input(), "the application has caught up");
}

#[test]
fn an_application_that_never_catches_up_holds_up_input_for_a_second() {
    for places in [1, 2, 4] {
        let config = Config::builder().accept_backlog(places).build().unwrap();
        let mut raw = Raw::new(Side::Server, config);
        raw.send(&syns((0..100).map(|n| 2 * n + 1)));
        let begun = raw.time;
        while raw.untaken() > 0 {
            assert!(raw.time < begun + ACCEPT_PATIENCE_TOTAL + millis(150), "{places} places");
            raw.pass(millis(150));
            raw.accept().unwrap();
            raw.send(b"");
        }
        assert!(raw.time >= begun + ACCEPT_PATIENCE_TOTAL);
    }
}

#[test]
fn time_in_which_no_input_waits_costs_no_patience() {
    let config = Config::builder().accept_backlog(4).keepalive_interval(None).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syns([1, 3, 5, 7, 9]));
    for number in (11..).step_by(2).take(100) {
        assert!(!raw.wants_input());
        raw.pass(millis(1));
        raw.accept().unwrap();
        raw.send(b"");
        raw.pass(secs(1));
        raw.send(&syns([number]));
    }
    raw.accept().unwrap();
    raw.send(b"");
    assert_eq!((raw.untaken(), raw.stats().streams_refused), (0, 0));
}

#[test]
fn a_peer_cannot_make_input_wait_again_for_an_application_that_never_accepts() {
    let config = Config::builder().accept_backlog(2).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syns([1, 3, 5]));
    raw.pass(ACCEPT_PATIENCE);
    raw.send(b"");
    for _ in 0..10 {
        raw.send(&[1, 3].map(|stream| window_update(stream, Flags::RST, 0)).concat());
        raw.send(&syns([1, 3, 5]));
        assert!(raw.wants_input());
    }
}

#[test]
fn a_backlog_that_the_peer_has_emptied_is_waited_for_again() {
    let config = Config::builder().accept_backlog(2).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syns([1, 3, 5]));
    raw.pass(ACCEPT_PATIENCE);
    raw.send(b"");
    raw.send(&[1, 3].map(|stream| window_update(stream, Flags::RST, 0)).concat());
    assert_eq!(raw.accept(), None);
    raw.send(&syns([7, 9, 11]));
    assert!(!raw.wants_input());
}

#[test]
fn a_stream_that_ends_before_it_is_accepted_gives_its_place_back() {
    let config = Config::builder().accept_backlog(2).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    for stream in [1, 3, 5, 7] {
        raw.send(&syns([stream]));
        assert!(raw.wants_input());
        raw.stream(id(stream)).unwrap().finish().unwrap();
        raw.send(&window_update(stream, Flags::FIN, 0));
        raw.sent();
    }
    assert_eq!((raw.num_streams(), raw.accept()), (0, None));
}

#[test]
fn a_stream_that_is_reset_before_it_is_accepted_gives_its_place_back() {
    let config = Config::builder().accept_backlog(2).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&syns([1, 3]));
    raw.stream(id(1)).unwrap().reset(0);
    raw.stream(id(3)).unwrap().reset(0);
    assert_eq!(raw.accept(), None);
    raw.sent();
    raw.send(&syns([5, 7]));
    assert!(raw.wants_input());
    assert_eq!((raw.accept(), raw.accept(), raw.accept()), (Some(id(5)), Some(id(7)), None));
}

#[test]
fn a_syn_that_no_peer_may_send_ends_the_session() {
    let table = [
        (window_update(2, Flags::SYN, 0), ProtocolError::WrongParity(id(2))),
        (data(4, Flags::SYN, b"x"), ProtocolError::WrongParity(id(4))),
        (syns([1, 1]), ProtocolError::DuplicateStream(id(1))),
        (header(0, 0, 1, 3, 262_145), ProtocolError::WindowExceeded(id(3))),
    ];
    for (bytes, error) in table {
        let mut raw = Raw::server();
        raw.send(&bytes);
        assert_eq!(raw.cause(), Some(ConnectionError::Protocol(error)));
    }
}

#[test]
fn a_stream_that_was_reset_before_accept_is_never_seen() {
    let mut raw = Raw::server();
    raw.send(&[syns([1, 3]), window_update(1, Flags::RST, 0)].concat());
    assert_eq!((raw.accept(), raw.accept()), (Some(id(3)), None));
}

#[test]
fn a_message_that_was_finished_and_reset_before_accept_is_read_in_full() {
    let mut raw = Raw::server();
    let message = data(1, Flags::NONE, b"all of it");
    let (fin, rst) = (window_update(1, Flags::FIN, 0), window_update(1, Flags::RST, 0));
    raw.send(&[syns([1]), message, fin, rst].concat());
    let stream = raw.accept().unwrap();
    assert_eq!(raw.read(stream), b"all of it");
    assert!(raw.at_end(stream));
    let reset = Err(WriteError::Reset(ResetError::ByPeer(0)));
    assert_eq!(raw.stream(stream).unwrap().write(b"too late"), reset);
    raw.drop_stream(stream);
    raw.sent();
    assert_eq!((raw.num_streams(), raw.accept()), (0, None));
}

#[test]
fn an_id_that_is_used_again_after_rst_is_accepted_once() {
    let mut raw = Raw::server();
    raw.send(&[syns([1]), window_update(1, Flags::RST, 0), syns([1])].concat());
    assert_eq!(raw.accept(), Some(id(1)));
    assert_eq!(raw.frames(), [update(1, Flags::ACK, 0)]);
    assert_eq!(raw.accept(), None, "the first life of the id is over");
    assert_eq!(raw.frames(), [], "a second ACK corrupts the peer's accounts");
}

#[test]
fn a_frame_for_a_stream_whose_syn_has_not_gone_out_does_not_swallow_the_syn() {
    let mut raw = Raw::client();
    raw.open().unwrap();
    raw.send(&window_update(1, Flags::ACK, 0));
    assert_eq!(raw.frames(), [update(1, Flags::SYN, 0)]);
}

#[test]
fn streams_open_from_both_sides_at_once() {
    let mut pair = Pair::new();
    let (up, down) = (pair.client.open().unwrap(), pair.server.open().unwrap());
    pair.client.write(up, &pattern(1, 1000));
    pair.server.write(down, &pattern(2, 1000));
    pair.drive();
    assert_eq!((pair.server.accept(), pair.client.accept()), (Some(up), Some(down)));
    assert_eq!(pair.server.read(up), pattern(1, 1000));
    assert_eq!(pair.client.read(down), pattern(2, 1000));
    pair.drive();
    assert!(pair.client.stream(up).unwrap().is_acked());
    assert!(pair.server.stream(down).unwrap().is_acked());
}

#[test]
fn silent_streams_are_taken_in_order() {
    let mut pair = Pair::new();
    let opened: Vec<_> = (0..3).map(|_| pair.client.open().unwrap()).collect();
    pair.drive();
    let accepted: Vec<_> = std::iter::from_fn(|| pair.server.accept()).collect();
    assert_eq!(accepted, opened);
}

#[test]
fn data_behind_a_refused_syn_is_no_glitch() {
    let config = Config::builder().max_inbound_streams(1).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    let request = [data(3, Flags::NONE, b"request"), window_update(3, Flags::FIN, 0)].concat();
    raw.send(&[syns([1, 3]), request].concat());
    assert_eq!(raw.frames(), [update(3, Flags::RST, 0)]);
    let stats = raw.stats();
    assert_eq!((stats.streams_refused, stats.glitches, stats.late_frames), (1, 0, 2));
}

#[test]
fn an_answer_after_the_open_timeout_is_one() {
    let mut raw = Raw::client();
    let stream = raw.open().unwrap();
    raw.stream(stream).unwrap().finish().unwrap();
    raw.sent();
    for _ in 0..4 {
        raw.pass(secs(20));
        raw.send(&ping(true, 1));
        raw.sent();
    }
    assert!(!raw.stream(stream).unwrap().is_acked());
    raw.send(&window_update(1, Flags::ACK, 0));
    assert!(raw.stream(stream).unwrap().is_acked());
    assert_eq!(raw.stats().glitches, 0);
}
