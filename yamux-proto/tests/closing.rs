//! Spec: Closing a stream, half close and reset.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use pair::{NOTHING_YET, Pair, Raw, data, id, millis, pattern, ping, secs, update, window_update};
use yamux_proto::{
    Config, Event, Flags, Frame, ReadError, ResetError, Side, UnknownStream, WriteError,
};

#[test]
fn fin_is_a_lone_window_update_behind_the_data() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, b"last words");
    raw.stream(stream).unwrap().finish().unwrap();
    let data = Frame::Data { stream, flags: Flags::NONE, length: 10 };
    assert_eq!(raw.frames(), [data, update(1, Flags::FIN, 0)]);
}

#[test]
fn fin_goes_out_once_however_the_stream_is_left() {
    let (mut raw, stream) = Raw::opened();
    raw.stream(stream).unwrap().finish().unwrap();
    assert_eq!(raw.stream(stream).unwrap().finish(), Err(WriteError::Finished));
    raw.drop_stream(stream);
    raw.pass(secs(1));
    let fins = raw.frames().into_iter().filter(|frame| *frame == update(1, Flags::FIN, 0));
    assert_eq!(fins.count(), 1, "a second FIN kills a hashicorp session");
}

#[test]
fn nothing_is_written_after_fin() {
    let (mut raw, stream) = Raw::opened();
    raw.stream(stream).unwrap().finish().unwrap();
    assert_eq!(raw.stream(stream).unwrap().write(b"x"), Err(WriteError::Finished));
    let mut chunk = bytes::Bytes::from_static(b"x");
    assert_eq!(raw.stream(stream).unwrap().write_chunk(&mut chunk), Err(WriteError::Finished));
    assert_eq!((chunk.len(), raw.stream(stream).unwrap().can_write()), (1, false));
}

#[test]
fn half_close_request_then_response() {
    let mut pair = Pair::new();
    let stream = pair.open();
    let (request, response) = (pattern(1, 100_000), pattern(2, 100_000));
    pair.client.write(stream, &request);
    pair.client.stream(stream).unwrap().finish().unwrap();
    pair.drive();
    assert_eq!(pair.server.read(stream), request);
    assert!(pair.server.at_end(stream));
    pair.server.write(stream, &response);
    pair.server.stream(stream).unwrap().finish().unwrap();
    pair.drive();
    assert_eq!(pair.client.read(stream), response);
    assert!(pair.client.at_end(stream));
}

#[test]
fn half_close_response_before_the_request_has_ended() {
    let mut pair = Pair::new();
    let stream = pair.open();
    pair.server.stream(stream).unwrap().finish().unwrap();
    pair.drive();
    assert!(pair.client.at_end(stream));
    assert_eq!(pair.upload(stream, &pattern(1, 400_000)), pattern(1, 400_000));
    pair.client.stream(stream).unwrap().finish().unwrap();
    pair.drive();
    assert!(pair.server.at_end(stream));
}

#[test]
fn a_clean_end_is_only_seen_after_fin_and_after_the_data() {
    let (mut raw, stream) = Raw::accepted();
    assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), NOTHING_YET);
    raw.send(&[data(1, Flags::NONE, b"ab"), window_update(1, Flags::FIN, 0)].concat());
    assert_eq!(raw.take_events().last(), Some(&Event::Readable(stream)));
    assert_eq!(raw.read(stream), b"ab");
    assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), Ok(0));
    assert_eq!(raw.stream(stream).unwrap().read_chunk(9), Ok(None));
}

#[test]
fn a_second_fin_of_the_peer_is_ignored() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&window_update(1, Flags::FIN, 0).repeat(3));
    assert!(raw.at_end(stream));
    assert_eq!(raw.cause(), None);
}

#[test]
fn data_after_the_peers_fin_is_drained() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&[window_update(1, Flags::FIN, 0), data(1, Flags::NONE, b"zombie")].concat());
    assert!(raw.at_end(stream));
    assert_eq!((raw.cause(), raw.stats().late_frames, raw.stats().unread), (None, 1, 0));
}

#[test]
fn rst_never_overtakes_data_that_was_accepted() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, &pattern(1, 70_000));
    raw.stream(stream).unwrap().reset(7);
    let sent = raw.sent();
    let bytes: Vec<_> = sent.iter().flat_map(|sent| sent.body.clone()).collect();
    assert_eq!(bytes, pattern(1, 70_000));
    assert_eq!(sent.last().unwrap().frame, update(1, Flags::RST, 7), "lone, with its code");
}

#[test]
fn reset_reaches_the_peer_with_its_code_after_the_data() {
    let mut pair = Pair::new();
    let stream = pair.open();
    pair.client.write(stream, b"before");
    pair.client.stream(stream).unwrap().reset(42);
    pair.drive();
    assert_eq!(pair.server.read(stream), b"before");
    let seen = Err(ReadError::Reset(ResetError::ByPeer(42)));
    assert_eq!(pair.server.stream(stream).unwrap().read(&mut [0]), seen);
    let seen = Err(WriteError::Reset(ResetError::ByPeer(42)));
    assert_eq!(pair.server.stream(stream).unwrap().write(b"x"), seen);
    assert_eq!(pair.server.stream(stream).unwrap().finish(), seen.map(drop));
    let here = Err(ReadError::Reset(ResetError::Locally(42)));
    assert_eq!(pair.client.stream(stream).unwrap().read(&mut [0]), here);
}

#[test]
fn rst_is_seen_as_reset_on_either_carrier() {
    let carriers = [(data(1, Flags::RST, b""), 0), (window_update(1, Flags::RST, 5), 5)];
    for (frame, code) in carriers {
        let (mut raw, stream) = Raw::accepted();
        raw.stream(stream).unwrap().read(&mut [0]).unwrap_err();
        raw.send(&frame);
        assert_eq!(raw.take_events().last(), Some(&Event::Readable(stream)), "the reader wakes");
        let error = Err(ReadError::Reset(ResetError::ByPeer(code)));
        assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), error);
        assert_eq!(raw.frames(), [], "RST is not answered");
    }
}

#[test]
fn what_ended_with_fin_stays_whole_when_rst_follows() {
    let (mut raw, stream) = Raw::accepted();
    let ends = [data(1, Flags::FIN, b"all of it"), window_update(1, Flags::RST, 5)];
    raw.send(&ends.concat());
    assert_eq!(raw.read(stream), b"all of it");
    assert_eq!(raw.stream(stream).unwrap().read(&mut [0]), Ok(0));
    let reset = ResetError::ByPeer(5);
    assert_eq!(raw.stream(stream).unwrap().write(b"x"), Err(WriteError::Reset(reset)));
    assert_eq!(raw.stream(stream).unwrap().reset_cause(), Some(reset));
}

#[test]
fn a_blocked_writer_wakes_when_the_stream_is_reset() {
    let (mut raw, stream) = Raw::opened();
    raw.write(stream, &pattern(1, 262_144));
    raw.sent();
    assert_eq!(raw.stream(stream).unwrap().write(b"x"), Err(WriteError::Blocked));
    raw.take_events();
    raw.send(&window_update(1, Flags::RST, 0));
    assert_eq!(raw.take_events(), [Event::Writable(stream)]);
}

#[test]
fn a_reset_throws_away_what_was_not_read_and_counts_it() {
    let (mut raw, stream) = Raw::accepted();
    let frame = data(1, Flags::NONE, &[7; 100]);
    raw.send(&[data(1, Flags::NONE, &[7; 50]).as_slice(), &frame[..30]].concat());
    raw.stream(stream).unwrap().reset(0);
    raw.send(&frame[30..]);
    let read = raw.stream(stream).unwrap().read(&mut [0; 10]);
    assert_eq!(read, Err(ReadError::Reset(ResetError::Locally(0))));
    let stats = raw.stats();
    assert_eq!((stats.data_received, stats.data_discarded, stats.unread), (150, 150, 0));
}

#[test]
fn a_second_reset_has_no_effect() {
    let (mut raw, stream) = Raw::opened();
    raw.stream(stream).unwrap().reset(1);
    raw.stream(stream).unwrap().reset(2);
    assert_eq!(raw.frames(), [update(1, Flags::RST, 1)]);
    assert_eq!(raw.stream(stream).unwrap().reset_cause(), Some(ResetError::Locally(1)));
}

#[test]
fn a_stream_is_forgotten_once_ended_and_let_go_of() {
    let mut pair = Pair::new();
    let stream = pair.open();
    pair.client.stream(stream).unwrap().finish().unwrap();
    pair.server.stream(stream).unwrap().finish().unwrap();
    pair.drive();
    assert_eq!((pair.client.num_streams(), pair.server.num_streams()), (1, 1));
    pair.client.drop_stream(stream);
    pair.server.drop_stream(stream);
    pair.drive();
    assert_eq!((pair.client.num_streams(), pair.server.num_streams()), (0, 0));
    assert_eq!(pair.client.stream(stream).unwrap_err(), UnknownStream(stream));
}

#[test]
fn a_dropped_stream_finishes_and_then_takes_what_the_peer_still_sends() {
    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, b"bye");
    raw.drop_stream(stream);
    assert_eq!(raw.frames().last(), Some(&update(1, Flags::FIN, 0)));
    raw.send(&data(1, Flags::NONE, &pattern(1, 65_536)));
    assert_eq!(raw.frames(), [update(1, Flags::NONE, 65_536)], "the peer is not stalled");
    raw.send(&window_update(1, Flags::FIN, 0));
    assert_eq!((raw.frames(), raw.num_streams()), (vec![], 0));
    assert_eq!(raw.stats().data_discarded, 65_536);
}

#[test]
fn what_waited_unread_when_the_stream_was_dropped_is_credited_too() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::NONE, &pattern(1, 262_144)));
    raw.drop_stream(stream);
    assert!(raw.frames().contains(&update(1, Flags::NONE, 262_144)));
    assert_eq!(raw.stats().unread, 0);
}

#[test]
fn a_dropped_stream_is_reset_after_linger_bytes() {
    let (mut raw, stream) = Raw::accepted();
    raw.drop_stream(stream);
    raw.sent();
    for _ in 0..16 {
        raw.send(&data(1, Flags::NONE, &pattern(1, 65_536)));
        assert_eq!(raw.frames(), [update(1, Flags::NONE, 65_536)], "the limit is 1 MiB");
    }
    raw.send(&data(1, Flags::NONE, b"x"));
    assert_eq!(raw.frames(), [update(1, Flags::RST, 0)]);
    raw.send(&[data(1, Flags::NONE, &pattern(1, 100_000)), ping(true, 4)].concat());
    assert_eq!(raw.frames(), [Frame::Ping { request: false, value: 4 }], "the rest is drained");
}

#[test]
fn a_dropped_stream_is_reset_after_linger_timeout() {
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.send(&window_update(1, Flags::SYN, 0));
    let stream = raw.accept().unwrap();
    raw.drop_stream(stream);
    raw.sent();
    raw.pass(millis(29_999));
    assert_eq!(raw.frames(), []);
    raw.pass(millis(1));
    assert_eq!(raw.frames(), [update(1, Flags::RST, 0)]);
    assert_eq!(raw.num_streams(), 0);
}

#[test]
fn the_linger_begins_with_fin_when_the_read_half_went_first() {
    let (mut raw, stream) = Raw::accepted();
    raw.stream(stream).unwrap().stop_reading();
    for _ in 0..6 {
        raw.pass(secs(9));
        raw.send(&data(1, Flags::NONE, b"x"));
    }
    assert!(!raw.frames().contains(&update(1, Flags::RST, 0)), "the write half is in use");
    raw.stream(stream).unwrap().finish().unwrap();
    for _ in 0..3 {
        raw.pass(secs(9));
        raw.send(&data(1, Flags::NONE, b"x"));
    }
    assert_eq!(raw.frames(), [update(1, Flags::FIN, 0)]);
    raw.pass(secs(3));
    assert_eq!(raw.frames(), [update(1, Flags::RST, 0)]);
}

#[test]
fn the_linger_ends_with_the_peers_fin() {
    let (mut raw, stream) = Raw::accepted();
    raw.drop_stream(stream);
    raw.sent();
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.send(&ping(true, 1));
    raw.pass(secs(29));
    raw.send(&ping(true, 2));
    raw.pass(secs(10));
    assert!(!raw.frames().contains(&update(1, Flags::RST, 0)));
}

#[test]
fn dropping_the_read_half_leaves_the_write_half_working() {
    let (mut raw, stream) = Raw::accepted();
    raw.stream(stream).unwrap().stop_reading();
    raw.send(&data(1, Flags::NONE, &pattern(1, 65_536)));
    assert_eq!(raw.frames(), [update(1, Flags::NONE, 65_536)]);
    assert_eq!(raw.write(stream, b"still here"), 10);
    assert_eq!(raw.frames(), [Frame::Data { stream, flags: Flags::NONE, length: 10 }]);
}

#[test]
fn frames_for_streams_that_are_gone_are_drained_and_counted() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.drop_stream(stream);
    raw.sent();
    assert_eq!(raw.num_streams(), 0);
    let late = [
        window_update(1, Flags::NONE, 65_536),
        data(1, Flags::NONE, b"late"),
        window_update(1, Flags::FIN, 0),
        window_update(1, Flags::RST, 0),
    ];
    raw.send(&late.concat());
    assert_eq!((raw.frames(), raw.cause()), (vec![], None), "no RST, no error");
    assert_eq!((raw.stats().late_frames, raw.stats().glitches), (4, 0));
}

#[test]
fn frames_for_streams_that_never_were_are_drained_and_count_as_glitches() {
    let mut raw = Raw::server();
    raw.send(&[data(1, Flags::NONE, b"who?"), window_update(2, Flags::FIN, 0)].concat());
    assert_eq!((raw.frames(), raw.cause()), (vec![], None));
    assert_eq!((raw.stats().late_frames, raw.stats().glitches), (0, 2));
}

#[test]
fn a_stream_ends_cleanly_when_both_fins_cross() {
    let mut pair = Pair::new();
    let stream = pair.open();
    pair.client.drop_stream(stream);
    pair.server.drop_stream(stream);
    pair.drive();
    assert_eq!((pair.client.num_streams(), pair.server.num_streams()), (0, 0));
    let (client, server) = (pair.client.stats().clone(), pair.server.stats().clone());
    assert_eq!((client.resets_sent, server.resets_sent), (0, 0));
}

#[test]
fn resets_that_cross_are_harmless() {
    let mut pair = Pair::new();
    let stream = pair.open();
    pair.client.stream(stream).unwrap().reset(1);
    pair.server.stream(stream).unwrap().reset(2);
    pair.drive();
    let cause = pair.client.stream(stream).unwrap().reset_cause();
    assert_eq!(cause, Some(ResetError::Locally(1)));
    assert_eq!((pair.client.cause(), pair.server.cause()), (None, None));
    assert_eq!(pair.client.open(), Ok(id(3)));
}

#[test]
fn a_fin_that_crosses_our_reset_is_no_glitch() {
    let (mut raw, stream) = Raw::accepted();
    raw.stream(stream).unwrap().reset(3);
    raw.send(&[data(1, Flags::NONE, b"crossed"), window_update(1, Flags::FIN, 0)].concat());
    assert_eq!((raw.stats().glitches, raw.stats().late_frames), (0, 2));
    assert_eq!(raw.frames(), [update(1, Flags::RST, 3)]);
}

#[test]
fn what_was_on_its_way_to_streams_that_we_reset_is_no_offence() {
    let mut raw = Raw::server();
    for n in 0..100 {
        raw.send(&window_update(2 * n + 1, Flags::SYN, 0));
        let stream = raw.accept().unwrap();
        raw.stream(stream).unwrap().reset(0);
        raw.drop_stream(stream);
        raw.sent();
        // A peer that writes in small frames had sent its window before it saw our RST.
        raw.send(&data(2 * n + 1, Flags::NONE, &[0; 1000]).repeat(262));
    }
    assert_eq!((raw.cause(), raw.stats().glitches), (None, 0));
}

#[test]
fn many_streams_that_linger_out_at_once_do_not_end_the_session() {
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    for _ in 0..1500 {
        let stream = raw.open().unwrap();
        raw.sent();
        raw.send(&window_update(stream.get(), Flags::ACK, 0));
        raw.drop_stream(stream);
    }
    raw.sent();
    raw.pass(secs(30));
    assert_eq!((raw.cause(), raw.frames().len()), (None, 1500), "no frame made us reset them");
}

#[test]
fn an_rst_that_crosses_our_fin_is_no_glitch() {
    let mut raw = Raw::server();
    for number in [1, 3, 5] {
        raw.send(&[Flags::SYN, Flags::FIN].map(|flags| window_update(number, flags, 0)).concat());
        let stream = raw.accept().unwrap();
        raw.stream(stream).unwrap().finish().unwrap();
    }
    raw.send(&[1, 3, 5].map(|number| window_update(number, Flags::RST, 0)).concat());
    assert_eq!((raw.stats().glitches, raw.stats().late_frames), (0, 3));
}

#[test]
fn letting_go_of_what_is_not_finished_is_a_reset_if_so_configured() {
    let config = Config::builder().reset_unfinished(Some(9)).build().unwrap();
    for finished in [false, true] {
        let (mut raw, stream) = Raw::accepted_with(config.clone());
        raw.write(stream, b"answer");
        if finished {
            raw.stream(stream).unwrap().finish().unwrap();
        }
        raw.drop_stream(stream);
        let frames = raw.frames();
        let flags = if finished { Flags::FIN } else { Flags::RST };
        let end = update(1, flags, if finished { 0 } else { 9 });
        assert_eq!(frames.last(), Some(&end), "{frames:?}");
        assert_eq!(frames.len(), 2);
    }
}
