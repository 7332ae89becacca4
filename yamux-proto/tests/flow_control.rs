//! Spec: Flow Control, and who may send when.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use std::time::Duration;

use bytes::{Buf, Bytes};
use pair::{Pair, Raw, Sent, data, header, id, millis, pattern, ping, secs, update, window_update};
use yamux_proto::limits::{DRIBBLE, PROMPT, STAGED_BYTES, STAGED_FLOOR};
use yamux_proto::{
    Config, ConnectionError, Event, Flags, Frame, INITIAL_WINDOW, ProtocolError, ReadError, Side,
    StreamId, Transmit, WriteError,
};

const WINDOW: usize = INITIAL_WINDOW as usize;

fn protocol(error: ProtocolError) -> Option<ConnectionError> {
    Some(ConnectionError::Protocol(error))
}

/// What frames carry of one stream's data.
fn data_of(frames: &[Frame], stream: StreamId) -> usize {
    let length = |frame: &Frame| match frame {
        Frame::Data { stream: of, length, .. } if *of == stream => *length as usize,
        Frame::Data { .. }
        | Frame::WindowUpdate { .. }
        | Frame::Ping { .. }
        | Frame::GoAway { .. } => 0,
    };
    frames.iter().map(length).sum()
}

/// Writes without end and sends, until nothing more may be sent.
fn exhaust(raw: &mut Raw, stream: StreamId) -> usize {
    let mut sent = 0;
    loop {
        let written = raw.write(stream, &[7; 100_000]);
        raw.sent();
        sent += written;
        if written == 0 {
            return sent;
        }
    }
}

#[test]
fn exactly_262_144_bytes_may_be_sent_before_an_update() {
    let mut raw = Raw::client();
    let stream = raw.open().unwrap();
    assert_eq!(exhaust(&mut raw, stream), 262_144);
    raw.take_events();
    raw.send(&window_update(1, Flags::NONE, 5000));
    assert_eq!(raw.take_events().last(), Some(&Event::Writable(stream)));
    assert_eq!(exhaust(&mut raw, stream), 5000);
}

#[test]
fn exactly_262_144_bytes_may_arrive_in_one_frame() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::NONE, &pattern(1, WINDOW)));
    assert_eq!(raw.cause(), None);
    assert_eq!(raw.read(stream), pattern(1, WINDOW));
    let (mut raw, _) = Raw::accepted();
    raw.send(&header(0, 0, 0, 1, INITIAL_WINDOW + 1));
    assert_eq!(raw.cause(), protocol(ProtocolError::WindowExceeded(id(1))));
}

#[test]
fn an_announced_window_counts_only_once_it_was_announced() {
    let config = Config::builder().initial_receive_window(1 << 20).build().unwrap();
    let mut raw = Raw::new(Side::Server, config.clone());
    raw.send(&window_update(1, Flags::SYN, 0));
    raw.send(&header(0, 0, 0, 1, INITIAL_WINDOW + 1));
    assert_eq!(raw.cause(), protocol(ProtocolError::WindowExceeded(id(1))));

    let mut raw = Raw::new(Side::Server, config);
    raw.send(&window_update(1, Flags::SYN, 0));
    let stream = raw.accept().unwrap();
    raw.sent();
    raw.send(&data(1, Flags::NONE, &pattern(1, 1 << 20)));
    assert_eq!(raw.read(stream).len(), 1 << 20, "the whole window in one frame");
    assert_eq!(raw.cause(), None);
}

#[test]
fn the_delta_on_syn_and_on_ack_widens_the_window() {
    let mut raw = Raw::server();
    raw.send(&window_update(1, Flags::SYN, 100_000));
    let stream = raw.accept().unwrap();
    assert_eq!(exhaust(&mut raw, stream), WINDOW + 100_000);
    let mut raw = Raw::client();
    let stream = raw.open().unwrap();
    raw.sent();
    raw.send(&window_update(1, Flags::ACK, 100_000));
    assert_eq!(exhaust(&mut raw, stream), WINDOW + 100_000);
}

#[test]
fn an_update_goes_out_when_a_quarter_was_consumed() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::NONE, &pattern(1, 200_000)));
    assert_eq!(raw.frames(), [], "received is not consumed");
    let mut buffer = vec![0; 65_536];
    assert_eq!(raw.stream(stream).unwrap().read(&mut buffer[..65_535]), Ok(65_535));
    assert_eq!(raw.frames(), []);
    assert_eq!(raw.stream(stream).unwrap().read(&mut buffer[..1]), Ok(1));
    assert_eq!(raw.frames(), [update(1, Flags::NONE, 65_536)]);
    assert_eq!(raw.frames(), [], "credit is given once");
}

#[test]
fn credit_never_exceeds_what_was_consumed() {
    let (mut raw, stream) = Raw::accepted();
    let (mut granted, mut sent, mut consumed) = (WINDOW, 0, 0);
    for round in 0..200 {
        let piece = pattern(round, 1 + (round as usize * 7919) % 30_000);
        if granted - sent >= piece.len() {
            raw.send(&data(1, Flags::NONE, &piece));
            sent += piece.len();
        }
        if round % 3 == 0 {
            consumed += raw.read(stream).len();
        }
        for frame in raw.frames() {
            let Frame::WindowUpdate { flags: Flags::NONE, delta, .. } = frame else { continue };
            granted += delta as usize;
        }
        assert!(granted <= WINDOW + consumed, "double credit");
        assert!(granted + WINDOW / 4 > WINDOW + consumed, "leaked credit");
    }
    assert_eq!(raw.cause(), None);
}

#[test]
fn reading_by_chunk_and_by_sink_is_credited_alike() {
    for how in 0..3 {
        let (mut raw, stream) = Raw::accepted();
        raw.send(&data(1, Flags::NONE, &pattern(1, 80_000)));
        let mut read = Vec::new();
        while read.len() < 80_000 {
            let mut stream = raw.stream(stream).unwrap();
            match how {
                0 => read.extend(stream.read_chunk(7000).unwrap().unwrap()),
                1 => drop(stream.read_with(7000, |piece| read.extend_from_slice(piece)).unwrap()),
                _ => {
                    let mut buffer = [0; 7000];
                    let len = stream.read(&mut buffer).unwrap();
                    read.extend_from_slice(&buffer[..len]);
                }
            }
        }
        assert_eq!(read, pattern(1, 80_000));
        assert_eq!(data_of(&raw.frames(), stream), 0);
        raw.send(&header(0, 0, 0, 1, INITIAL_WINDOW));
        assert_eq!(raw.cause(), None, "80,000 bytes came back");
    }
}

#[test]
fn no_update_after_the_peers_fin() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::FIN, &pattern(1, WINDOW)));
    assert_eq!(raw.read(stream).len(), WINDOW);
    assert_eq!(raw.frames(), []);
}

#[test]
fn an_update_that_was_due_when_the_peers_fin_came_is_not_sent() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::NONE, &pattern(1, WINDOW)));
    raw.read(stream);
    raw.send(&window_update(1, Flags::FIN, 0));
    assert_eq!(raw.frames(), []);
}

#[test]
fn overflow_of_our_send_window_is_a_protocol_error() {
    let (mut raw, stream) = Raw::opened();
    raw.send(&window_update(1, Flags::NONE, u32::MAX - INITIAL_WINDOW));
    assert_eq!(raw.cause(), None, "2^32 - 1 is a window");
    assert_eq!(raw.write(stream, &pattern(1, 10)), 10);
    raw.sent();
    raw.send(&window_update(1, Flags::NONE, 11));
    assert_eq!(raw.cause(), protocol(ProtocolError::WindowOverflow(stream)));
}

#[test]
fn a_late_window_update_is_ignored() {
    let (mut raw, stream) = Raw::opened();
    raw.stream(stream).unwrap().finish().unwrap();
    raw.sent();
    raw.send(&window_update(1, Flags::NONE, u32::MAX).repeat(2));
    assert_eq!((raw.cause(), raw.frames()), (None, vec![]), "after our FIN");
    raw.send(&window_update(1, Flags::FIN, 0));
    raw.send(&window_update(1, Flags::NONE, u32::MAX).repeat(2));
    assert_eq!(raw.cause(), None, "after both");
    raw.drop_stream(stream);
    raw.send(&window_update(1, Flags::NONE, u32::MAX).repeat(2));
    assert_eq!((raw.cause(), raw.stats().glitches), (None, 0), "after the stream");
}

#[test]
fn late_updates_of_a_peer_that_credits_every_frame_are_no_offence() {
    for held in [false, true] {
        let mut raw = Raw::server();
        for n in 0..1000 {
            raw.send(&window_update(2 * n + 1, Flags::SYN | Flags::FIN, 0));
            let stream = raw.accept().unwrap();
            for _ in 0..16 {
                raw.write(stream, &[0; 4096]);
                raw.sent();
            }
            match held {
                true => raw.stream(stream).unwrap().finish().unwrap(),
                false => raw.drop_stream(stream),
            }
            raw.sent();
            // js-libp2p has finished, reads our response, and grants window for each frame of it.
            raw.send(&window_update(2 * n + 1, Flags::NONE, 4096).repeat(16));
        }
        assert_eq!((raw.cause(), raw.stats().glitches), (None, 0));
    }
}

#[test]
fn late_updates_of_a_peer_whose_window_grows_are_no_offence() {
    let mut raw = Raw::client();
    for n in 0..1000 {
        let stream = raw.open().unwrap();
        raw.write(stream, &[0; WINDOW]);
        raw.stream(stream).unwrap().finish().unwrap();
        raw.sent();
        // The peer reads a frame at a time. Its window grows while it does, and the peer answers last.
        for delta in [65_536, 65_536 + 3 * INITIAL_WINDOW, 65_536, 65_536 + 4 * INITIAL_WINDOW] {
            raw.send(&window_update(2 * n + 1, Flags::NONE, delta));
        }
        raw.send(&window_update(2 * n + 1, Flags::FIN, 0));
    }
    assert_eq!((raw.cause(), raw.stats().glitches), (None, 0));
}

#[test]
fn the_length_of_a_window_update_with_rst_is_no_window() {
    let (mut raw, _) = Raw::opened();
    raw.send(&window_update(1, Flags::RST, u32::MAX));
    assert_eq!(raw.cause(), None);
}

#[test]
fn only_payload_counts_against_the_window() {
    let mut pair = Pair::new();
    let stream = pair.open();
    let bytes = pattern(1, WINDOW);
    for piece in bytes.chunks(1000) {
        assert_eq!(pair.client.write(stream, piece), piece.len());
        pair.drive();
    }
    assert_eq!(pair.client.stream(stream).unwrap().write(b"x"), Err(WriteError::Blocked));
    assert_eq!(pair.server.read(stream), bytes);
}

#[test]
fn windows_of_streams_are_independent() {
    let mut pair = Pair::new();
    let (stuck, free) = (pair.open(), pair.open());
    pair.client.write(stuck, &pattern(1, WINDOW));
    pair.drive();
    assert_eq!(pair.client.stream(stuck).unwrap().write(b"x"), Err(WriteError::Blocked));
    assert_eq!(pair.upload(free, &pattern(2, 1_000_000)), pattern(2, 1_000_000));
}

#[test]
fn a_stream_stages_half_of_its_send_buffer_while_the_other_half_is_written() {
    let config = Config::builder().send_buffer(9_999).build().unwrap();
    let mut raw = Raw::new(Side::Client, config);
    let stream = raw.open().unwrap();
    assert_eq!(raw.write(stream, &pattern(1, 50_000)), 5_000);
    assert_eq!(raw.stream(stream).unwrap().write(b"x"), Err(WriteError::Blocked));
    raw.sent();
    assert_eq!(raw.take_events(), [Event::Writable(stream)]);
    assert_eq!(raw.write(stream, &pattern(1, 50_000)), 5_000);
}

#[test]
fn control_frames_go_ahead_of_staged_data() {
    let mut raw = Raw::server();
    raw.send(&window_update(1, Flags::SYN, 0));
    let bulk = raw.accept().unwrap();
    raw.sent();
    raw.send(&data(1, Flags::NONE, &pattern(1, 100_000)));
    raw.write(bulk, &pattern(1, WINDOW));
    raw.read(bulk);
    raw.send(&[ping(true, 5), window_update(3, Flags::SYN, 0)].concat());
    raw.accept().unwrap();
    let frames = raw.frames();
    let place = |wanted: Frame| frames.iter().position(|frame| *frame == wanted).unwrap();
    let first_data = frames.iter().position(|frame| matches!(frame, Frame::Data { .. })).unwrap();
    assert!(place(Frame::Ping { request: false, value: 5 }) < first_data);
    assert!(place(update(1, Flags::NONE, 100_000)) < first_data);
    assert!(place(update(3, Flags::ACK, 0)) < first_data);
}

#[test]
fn a_small_request_is_not_starved_beside_bulk() {
    let mut raw = Raw::client();
    let (bulk, small) = (raw.open().unwrap(), raw.open().unwrap());
    raw.sent();
    raw.send(&window_update(bulk.get(), Flags::ACK, 1 << 30));
    assert_eq!(raw.write(bulk, &pattern(1, 1 << 20)), STAGED_BYTES);
    assert_eq!(raw.write(small, b"quick"), 5, "there is always room for a little");
    assert_eq!(raw.write(small, b" in two"), 7, "in parts as well");
    assert_eq!(raw.write(small, &[0; 10_000]), STAGED_FLOOR - 12, "and only for a little");
    assert_eq!(raw.write(small, &[0; 10_000]), 0, "and only for a little");
    let sent = raw.sent();
    let place = sent.iter().position(|sent| sent.body == b"quick in two").unwrap();
    let before: usize = sent[..place].iter().map(|sent| sent.body.len()).sum();
    assert_eq!(before, 0, "bytes ahead of the request");
}

/// A client with two streams, of which one has staged bulk.
fn beside_bulk() -> (Raw, StreamId, StreamId) {
    let mut raw = Raw::client();
    let (bulk, other) = (raw.open().unwrap(), raw.open().unwrap());
    raw.sent();
    raw.write(bulk, &pattern(1, 20_000));
    (raw, bulk, other)
}

/// The streams of the data in the order in which it goes out, and what the stream sent.
fn order(raw: &mut Raw, stream: StreamId) -> (Vec<u32>, Vec<u8>) {
    let sent = raw.sent();
    let of = |sent: &Sent| {
        let Frame::Data { stream, .. } = sent.frame else { panic!("{sent:?}") };
        stream.get()
    };
    let own = sent.iter().filter(|sent| of(sent) == stream.get());
    (sent.iter().map(of).collect(), own.flat_map(|sent| sent.body.clone()).collect())
}

#[test]
fn a_small_message_goes_ahead_of_bulk_even_when_it_is_written_in_parts() {
    let (mut raw, _, other) = beside_bulk();
    raw.write(other, b"length");
    raw.write(other, b"");
    raw.write(other, b" and message");
    assert_eq!(order(&mut raw, other), (vec![3, 1], b"length and message".to_vec()));
}

#[test]
fn small_messages_that_go_ahead_share_headers() {
    let (mut raw, bulk, other) = beside_bulk();
    for byte in pattern(2, 1000) {
        raw.write(other, &[byte]);
    }
    assert_eq!(order(&mut raw, other), (vec![3, 1], pattern(2, 1000)));

    let third = raw.open().unwrap();
    raw.sent();
    raw.write(bulk, &pattern(1, 20_000));
    raw.write(other, b"one");
    raw.write(third, b"between");
    raw.write(other, b"two");
    assert_eq!(order(&mut raw, other), (vec![3, 5, 3, 1], b"onetwo".to_vec()));

    raw.write(bulk, &pattern(1, 20_000));
    raw.write(other, b"one");
    raw.stream(third).unwrap().finish().unwrap();
    raw.write(other, b"two");
    let places: Vec<_> = places(&mut raw, other).into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, [0, 2], "the FIN of another stream between them");
}

#[test]
fn a_stream_never_overtakes_itself() {
    let (mut raw, bulk, other) = beside_bulk();
    let large = pattern(2, 2000);
    raw.write(other, b"first");
    raw.write(other, &large);
    raw.write(bulk, b"more");
    raw.write(other, b"last");
    let all = [b"first", &large[..], b"last"].concat();
    assert_eq!(order(&mut raw, other), (vec![3, 1, 3, 1, 3], all));

    // That it went ahead in one batch says nothing about the next.
    raw.write(bulk, &pattern(1, 20_000));
    raw.write(other, b"ahead");
    assert_eq!(order(&mut raw, other), (vec![3, 1], b"ahead".to_vec()));
    raw.write(other, b"early");
    raw.write(bulk, &pattern(1, 20_000));
    raw.write(other, b"late");
    assert_eq!(order(&mut raw, other), (vec![3, 1, 3], b"earlylate".to_vec()));

    let chunk = pattern(4, 5000);
    raw.write(bulk, &pattern(1, 20_000));
    raw.write(other, b"copied");
    raw.stream(other).unwrap().write_chunk(&mut Bytes::from(chunk.clone())).unwrap();
    raw.write(bulk, b"more");
    raw.write(other, b"behind");
    let all = [b"copied", &chunk[..], b"behind"].concat();
    assert_eq!(order(&mut raw, other), (vec![3, 1, 3, 1, 3], all));
}

/// The frames of one stream, each with its place among all.
fn places(raw: &mut Raw, of: StreamId) -> Vec<(usize, Frame)> {
    let is_own = |frame: &Frame| match frame {
        Frame::Data { stream, .. } | Frame::WindowUpdate { stream, .. } => *stream == of,
        Frame::Ping { .. } | Frame::GoAway { .. } => false,
    };
    raw.frames().into_iter().enumerate().filter(|(_, frame)| is_own(frame)).collect()
}

#[test]
fn fin_goes_ahead_with_the_small_message_that_it_ends() {
    let (mut raw, bulk, other) = beside_bulk();
    raw.write(other, b"request");
    raw.stream(other).unwrap().finish().unwrap();
    raw.write(bulk, b"more");
    let length = 7;
    let request = Frame::Data { stream: other, flags: Flags::NONE, length };
    let fin = update(other.get(), Flags::FIN, 0);
    assert_eq!(places(&mut raw, other), [(0, request), (1, fin)]);

    let (mut raw, _, other) = beside_bulk();
    raw.stream(other).unwrap().finish().unwrap();
    assert_eq!(places(&mut raw, other), [(0, update(other.get(), Flags::FIN, 0))], "alone as well");
}

#[test]
fn fin_and_rst_never_overtake_data_of_their_stream() {
    let (mut raw, bulk, other) = beside_bulk();
    raw.write(bulk, &pattern(1, 20_000));
    raw.stream(bulk).unwrap().finish().unwrap();
    raw.write(other, b"ahead");
    raw.write(other, &pattern(2, 2000));
    raw.stream(other).unwrap().finish().unwrap();
    let order: Vec<_> = places(&mut raw, other).into_iter().map(|(place, _)| place).collect();
    assert_eq!(order, [0, 3, 4], "ahead, then behind the bulk and its FIN");

    let (mut raw, _, other) = beside_bulk();
    raw.write(other, b"ahead");
    raw.stream(other).unwrap().finish().unwrap();
    raw.stream(other).unwrap().reset(9);
    let places = places(&mut raw, other);
    let order: Vec<_> = places.iter().map(|(place, _)| *place).collect();
    assert_eq!(order, [0, 1, 3], "RST stays where it is");
    assert_eq!(places.last().unwrap().1, update(other.get(), Flags::RST, 9));
}

#[test]
fn small_messages_overtake_bulk_only_so_far() {
    let mut raw = Raw::client();
    let streams: Vec<_> = (0..40).map(|_| raw.open().unwrap()).collect();
    raw.sent();
    raw.write(streams[0], &pattern(1, 20_000));
    for stream in &streams[1..] {
        raw.write(*stream, &pattern(2, 1000));
    }
    let (order, _) = order(&mut raw, streams[0]);
    let ahead = order.iter().position(|stream| *stream == 1).unwrap();
    assert_eq!(ahead, 16, "in 16 KiB with their headers");
    assert_eq!(order.len(), streams.len());
}

#[test]
fn a_slow_transport_is_given_less_at_once() {
    let mut raw = Raw::client();
    let streams = [raw.open().unwrap(), raw.open().unwrap(), raw.open().unwrap()];
    raw.sent();
    for stream in streams {
        raw.send(&window_update(stream.get(), Flags::ACK, 1 << 30));
    }
    raw.write(streams[0], b"something");
    let (mut batch, now) = (Transmit::default(), raw.time);
    assert!(raw.poll_transmit(now, &mut batch));
    raw.handle_transmitted(now + PROMPT * 2);
    batch.advance(batch.remaining());
    assert!(!raw.poll_transmit(now, &mut batch));

    let room = streams.map(|stream| raw.write(stream, &pattern(1, 1 << 20)));
    assert_eq!(room, [STAGED_BYTES / 4, STAGED_BYTES / 4, STAGED_FLOOR]);
    raw.sent();
    raw.write(streams[2], b"nobody competes any more");
    raw.sent();
    assert_eq!(raw.write(streams[2], &pattern(1, 1 << 20)), STAGED_BYTES, "it is fast again");
}

#[test]
fn the_floor_is_one_frame_of_4_kib_for_each_stream() {
    let mut raw = Raw::client();
    let streams: Vec<_> = (0..20).map(|_| raw.open().unwrap()).collect();
    raw.sent();
    raw.send(&window_update(1, Flags::ACK, 1 << 30));
    assert_eq!(raw.write(streams[0], &pattern(1, 1 << 20)), STAGED_BYTES);
    for stream in &streams[1..] {
        assert_eq!(raw.write(*stream, &pattern(2, 50_000)), STAGED_FLOOR);
    }
    let staged: usize = raw.sent().iter().map(|sent| sent.body.len()).sum();
    assert_eq!(staged, STAGED_BYTES + 19 * STAGED_FLOOR);
}

#[test]
fn headers_count_against_what_is_staged() {
    let mut raw = Raw::server();
    let streams = [1, 3].map(|number| {
        raw.send(&window_update(number, Flags::SYN, 0));
        raw.accept().unwrap()
    });
    raw.sent();
    let mut written = 0;
    while streams.iter().all(|id| raw.stream(*id).unwrap().write(b"x").is_ok()) {
        written += 1;
    }
    assert!(written > 1000, "{written} turns");
    let mut batch = Transmit::default();
    let now = raw.time;
    assert!(raw.poll_transmit(now, &mut batch));
    assert!(batch.remaining() < STAGED_BYTES, "{} bytes", batch.remaining());
}

#[test]
fn bulk_streams_take_turns() {
    for count in [2, 3, 4, 8, 16] {
        let mut raw = Raw::client();
        let streams: Vec<_> = (0..count).map(|_| raw.open().unwrap()).collect();
        for stream in &streams {
            raw.sent();
            raw.send(&window_update(stream.get(), Flags::ACK, 1 << 30));
        }
        let mut written = vec![0; count];
        let mut ready = streams.clone();
        for _ in 0..50 * count {
            for stream in std::mem::take(&mut ready) {
                written[stream.get() as usize / 2] += raw.write(stream, &[0; 1 << 20]);
            }
            raw.sent();
            for event in raw.take_events() {
                if let Event::Writable(stream) = event {
                    ready.push(stream);
                }
            }
        }
        let (least, most) = (written.iter().min().unwrap(), written.iter().max().unwrap());
        assert!(*most <= 2 * least, "{count} streams: from {least} to {most} bytes");
    }
}

#[test]
fn a_writer_that_leaves_its_turn_does_not_stall_the_others() {
    let mut raw = Raw::client();
    let streams: Vec<_> = (0..12).map(|_| raw.open().unwrap()).collect();
    raw.sent();
    raw.send(&window_update(1, Flags::ACK, 1 << 30));
    raw.write(streams[0], &pattern(1, STAGED_BYTES));
    for stream in &streams[1..] {
        raw.write(*stream, &[0; 10_000]);
        assert_eq!(raw.stream(*stream).unwrap().write(b"x"), Err(WriteError::Blocked));
    }
    raw.sent();
    let mut woken = 0;
    for _ in 0..100 {
        let writable = |event: &Event| matches!(event, Event::Writable(_));
        woken += raw.take_events().iter().filter(|event| writable(event)).count();
        raw.poll_writers();
    }
    assert_eq!(woken, 11);
}

#[test]
fn write_chunk_takes_what_has_room_and_leaves_the_rest() {
    let (mut raw, stream) = Raw::opened();
    let whole = Bytes::from(pattern(1, 300_000));
    let mut chunk = whole.clone();
    assert_eq!(raw.stream(stream).unwrap().write_chunk(&mut chunk), Ok(WINDOW));
    assert_eq!(chunk, whole[WINDOW..]);
    assert_eq!(raw.stream(stream).unwrap().write_chunk(&mut chunk), Err(WriteError::Blocked));
    assert_eq!(chunk, whole[WINDOW..], "nothing is half reported");
    let sent: Vec<u8> = raw.sent().into_iter().flat_map(|sent| sent.body).collect();
    assert_eq!(sent, whole[..WINDOW]);
}

#[test]
fn read_chunk_yields_every_byte_in_order_and_at_most_what_was_asked() {
    let (mut raw, stream) = Raw::accepted();
    let bytes = pattern(1, 100_000);
    for piece in bytes.chunks(9973) {
        raw.send(&data(1, Flags::NONE, piece));
    }
    let mut read = Vec::new();
    while let Ok(Some(chunk)) = raw.stream(stream).unwrap().read_chunk(5000) {
        assert!(!chunk.is_empty() && chunk.len() <= 5000);
        read.extend(chunk);
    }
    assert_eq!(read, bytes);
    assert_eq!(raw.stream(stream).unwrap().read_chunk(0), Ok(Some(Bytes::new())));
    assert_eq!(raw.stream(stream).unwrap().read_chunk(1), Err(ReadError::Blocked));
}

#[test]
fn a_sink_that_panics_loses_what_it_took_and_nothing_else() {
    let (mut raw, stream) = Raw::accepted();
    raw.send(&data(1, Flags::NONE, &[1; 5000]));
    raw.send(&data(1, Flags::NONE, &[2; 10]));
    let mut pieces = 0;
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        raw.stream(stream).unwrap().read_with(6000, |_| {
            pieces += 1;
            assert!(pieces < 2, "on purpose");
        })
    }));
    assert!(broken.is_err());
    assert_eq!(raw.read(stream), [2; 10]);
}

#[test]
fn what_a_sink_that_panics_took_is_given_back_to_the_peer() {
    let (mut raw, stream) = Raw::accepted();
    for _ in 0..WINDOW / 4096 {
        raw.send(&data(1, Flags::NONE, &[1; 4096]));
    }
    let mut pieces = 0;
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        raw.stream(stream).unwrap().read_with(WINDOW, |_| {
            pieces += 1;
            assert!(pieces < 40, "on purpose");
        })
    }));
    assert!(broken.is_err());
    let left = raw.read(stream).len();
    assert_eq!(raw.frames(), [update(1, Flags::NONE, INITIAL_WINDOW)]);
    assert_eq!((left, raw.stats().unread), (WINDOW - 39 * 4096, 0));
}

#[test]
fn dribbled_window_is_not_used_until_it_is_worth_a_frame() {
    let (mut raw, stream) = Raw::opened();
    exhaust(&mut raw, stream);
    raw.send(&window_update(1, Flags::NONE, 1000));
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Err(WriteError::Blocked));
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 600]), Ok(600), "all that is queued");
    raw.send(&window_update(1, Flags::NONE, 624));
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Ok(DRIBBLE));
}

/// A client with a round trip of 50 ms, and a stream that waits with 10 bytes of window.
fn dribbled() -> (Raw, StreamId) {
    let mut raw = Raw::client();
    raw.pass(millis(50));
    raw.pong(1);
    let stream = raw.open().unwrap();
    exhaust(&mut raw, stream);
    raw.send(&window_update(1, Flags::ACK, 10));
    (raw, stream)
}

#[test]
fn dribbled_window_is_used_after_a_round_trip_without_more() {
    let (mut raw, stream) = dribbled();
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Err(WriteError::Blocked));
    raw.pass(millis(49));
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Err(WriteError::Blocked));
    raw.take_events();
    raw.pass(millis(1));
    assert_eq!(raw.take_events(), [Event::Writable(stream)]);
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Ok(10));
}

#[test]
fn a_dribble_that_grew_into_a_window_is_forgotten() {
    let (mut raw, stream) = dribbled();
    raw.pass(millis(1));
    raw.send(&window_update(1, Flags::NONE, 2000));
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 2010]), Ok(2010));
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Err(WriteError::Blocked));
    raw.pass(millis(100));
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Err(WriteError::Blocked));
    raw.take_events();
    raw.send(&window_update(1, Flags::NONE, 500));
    raw.pass(millis(50));
    assert_eq!(raw.take_events(), [Event::Writable(stream)]);
    assert_eq!(raw.stream(stream).unwrap().write(&[0; 5000]), Ok(500));
}

#[test]
fn a_writer_stands_in_line_for_room_once() {
    let mut raw = Raw::server();
    let streams: Vec<_> = (0..20).map(|n| id(2 * n + 1)).collect();
    for stream in &streams {
        raw.send(&window_update(stream.get(), Flags::SYN, 0));
        raw.accept().unwrap();
        exhaust(&mut raw, *stream);
    }
    // The peer gives a little, the batch is full before everybody has used it, and writers try
    // without having been told.
    for round in 0..100 {
        for stream in streams.iter().filter(|_| round % 2 == 0) {
            raw.send(&window_update(stream.get(), Flags::NONE, 24 * 1024));
        }
        for stream in &streams {
            while raw.stream(*stream).unwrap().write(&[0; 65_536]).is_ok() {}
        }
        raw.sent();
    }
    raw.take_events();
    let mut offers = 0;
    while raw.poll_writers() {
        offers += 1;
    }
    assert!(offers <= 2 * streams.len(), "{offers} offers to {} streams", streams.len());
}

/// The round trip of a short path.
const SHORT: Duration = Duration::from_millis(4);

/// A server at the end of a short path that is well known, and an accepted stream.
fn measured(config: Config) -> (Raw, StreamId) {
    measured_over(SHORT, config)
}

fn measured_over(rtt: Duration, config: Config) -> (Raw, StreamId) {
    let mut raw = Raw::new(Side::Server, config);
    for value in 1..=6 {
        raw.ping();
        raw.sent();
        raw.pass(rtt);
        raw.pong(value);
    }
    assert_eq!(raw.stats().rtt_min, Some(rtt));
    raw.send(&window_update(1, Flags::SYN, 0));
    let stream = raw.accept().unwrap();
    raw.sent();
    (raw, stream)
}

/// The peer sends all it may, the application reads all of it, and what was granted is returned.
fn move_window(raw: &mut Raw, number: u32, len: u32) -> u32 {
    raw.send(&data(number, Flags::NONE, &vec![1; len as usize]));
    raw.read(id(number));
    let granted = |frame: Frame| match frame {
        Frame::WindowUpdate { stream, delta, .. } if stream == id(number) => delta,
        Frame::Data { .. }
        | Frame::WindowUpdate { .. }
        | Frame::Ping { .. }
        | Frame::GoAway { .. } => 0,
    };
    raw.frames().into_iter().map(granted).sum()
}

#[test]
fn the_window_doubles_while_it_limits_the_peer_up_to_its_ceiling() {
    let config = Config::builder().max_receive_window(1 << 20).build().unwrap();
    let (mut raw, _) = measured(config);
    let mut window = INITIAL_WINDOW;
    for expected in [1 << 19, 1 << 20, 1 << 20, 1 << 20] {
        raw.pass(SHORT);
        window = move_window(&mut raw, 1, window);
        assert_eq!(window, expected);
    }
    assert_eq!(raw.stats().window_growth, (1 << 20) - WINDOW);
}

#[test]
fn a_round_trip_of_no_time_does_not_keep_the_window_small() {
    let mut raw = Raw::server();
    raw.pong(1);
    assert_eq!((raw.rtt(), raw.stats().rtt_min), (Some(Duration::ZERO), None));
    for value in 2..=6 {
        raw.ping();
        raw.sent();
        raw.pass(SHORT);
        raw.pong(value);
    }
    assert_eq!(raw.stats().rtt_min, Some(SHORT));
    raw.send(&window_update(1, Flags::SYN, 0));
    raw.accept().unwrap();
    raw.sent();
    raw.pass(SHORT);
    assert_eq!(move_window(&mut raw, 1, INITIAL_WINDOW), 2 * INITIAL_WINDOW);
}

#[test]
fn on_a_long_path_the_window_grows_each_round_trip_and_fourfold_while_small() {
    let rtt = millis(50);
    let (mut raw, _) = measured_over(rtt, Config::default());
    let mut window = INITIAL_WINDOW;
    for expected in [1 << 20, 4 << 20, 8 << 20, 16 << 20, 16 << 20] {
        // The first half of the burst that the window allows.
        window += move_window(&mut raw, 1, window / 2) - window / 2;
        assert_eq!(window, expected);
        raw.pass(rtt);
    }
}

#[test]
fn the_window_keeps_its_size_when_the_peer_or_the_application_is_the_limit() {
    let (mut raw, _) = measured(Config::default());
    for _ in 0..4 {
        raw.pass(SHORT * 4);
        assert_eq!(move_window(&mut raw, 1, INITIAL_WINDOW), INITIAL_WINDOW);
    }
}

#[test]
fn the_window_does_not_grow_on_a_burst_shorter_than_itself() {
    let (mut raw, _) = measured(Config::default());
    for _ in 0..3 {
        assert_eq!(move_window(&mut raw, 1, INITIAL_WINDOW / 4), INITIAL_WINDOW / 4);
    }
    assert_eq!(raw.stats().window_growth, 0);
}

#[test]
fn the_window_does_not_grow_on_bytes_that_were_only_received() {
    let (mut raw, _) = measured(Config::default());
    raw.send(&data(1, Flags::NONE, &vec![1; WINDOW]));
    raw.pass(secs(1));
    assert_eq!((raw.frames(), raw.stats().window_growth), (vec![], 0));
}

#[test]
fn the_window_does_not_grow_on_bytes_that_were_thrown_away() {
    let (mut raw, stream) = measured(Config::default());
    raw.drop_stream(stream);
    raw.sent();
    for _ in 0..3 {
        raw.send(&data(1, Flags::NONE, &vec![1; WINDOW]));
        raw.sent();
    }
    assert_eq!(raw.stats().window_growth, 0);
}

#[test]
fn windows_grow_within_the_budget_of_the_connection_and_give_it_back() {
    let config = Config::builder().max_receive_window_total(300_000).build().unwrap();
    let (mut raw, first) = measured(config);
    raw.send(&window_update(3, Flags::SYN, 0));
    let second = raw.accept().unwrap();
    raw.sent();
    raw.pass(SHORT);
    assert_eq!(move_window(&mut raw, 1, INITIAL_WINDOW), 2 * INITIAL_WINDOW);
    assert_eq!(move_window(&mut raw, 3, INITIAL_WINDOW), INITIAL_WINDOW + 300_000 - INITIAL_WINDOW);
    assert_eq!(raw.stats().window_growth, 300_000);
    raw.send(&[1, 3].map(|id| window_update(id, Flags::FIN, 0)).concat());
    raw.drop_stream(first);
    raw.drop_stream(second);
    raw.sent();
    assert_eq!(raw.stats().window_growth, 0);
}

#[test]
fn the_peer_may_use_a_grown_window_to_its_last_byte() {
    let (mut raw, stream) = measured(Config::default());
    raw.pass(SHORT);
    let window = move_window(&mut raw, 1, INITIAL_WINDOW);
    raw.send(&data(1, Flags::NONE, &vec![1; window as usize]));
    assert_eq!((raw.cause(), raw.read(stream).len()), (None, window as usize));
}

#[test]
fn reading_goes_on_while_the_transport_takes_nothing() {
    let (mut raw, stream) = Raw::accepted();
    raw.write(stream, b"stuck");
    assert!(raw.send_into_stall());
    let mut read = 0;
    for _ in 0..4 {
        raw.send(&[data(1, Flags::NONE, &[1; 65_536]), ping(true, 1)].concat());
        raw.write(stream, b"more");
        read += raw.read(stream).len();
    }
    assert_eq!((read, raw.untaken()), (WINDOW, 0));
    raw.end_stall();
    assert!(raw.frames().contains(&update(1, Flags::NONE, INITIAL_WINDOW)), "one for all four");
}

#[test]
fn both_ends_may_write_without_reading_and_nothing_is_lost() {
    let mut pair = Pair::new();
    let stream = pair.open();
    let (up, down) = (pattern(1, 600_000), pattern(2, 600_000));
    let (mut sent_up, mut sent_down) = (0, 0);
    let (mut got_up, mut got_down) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        sent_up += pair.client.write(stream, &up[sent_up..]);
        sent_down += pair.server.write(stream, &down[sent_down..]);
        pair.drive();
    }
    assert_eq!((sent_up, sent_down), (WINDOW, WINDOW), "both are blocked");
    while got_up.len() < up.len() || got_down.len() < down.len() {
        got_up.extend(pair.server.read(stream));
        got_down.extend(pair.client.read(stream));
        pair.drive();
        sent_up += pair.client.write(stream, &up[sent_up..]);
        sent_down += pair.server.write(stream, &down[sent_down..]);
        pair.drive();
    }
    assert!(got_up == up && got_down == down);
}

#[test]
fn a_round_trip_that_was_long_once_holds_nobody_up() {
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let mut raw = Raw::new(Side::Server, config);
    raw.pass(secs(20));
    raw.pong(1);
    raw.send(&[window_update(1, Flags::SYN, 0), window_update(3, Flags::SYN, 0)].concat());
    let streams = [raw.accept().unwrap(), raw.accept().unwrap()];
    for stream in streams {
        while raw.write(stream, &[0; 100_000]) > 0 {
            raw.sent();
        }
    }
    // The first writer waits for the rest of a window, for a round trip of 20 s.
    raw.send(&window_update(1, Flags::NONE, 10));
    let value = raw.ping();
    raw.sent();
    raw.pass(millis(5));
    raw.pong(value);
    raw.take_events();
    raw.send(&window_update(3, Flags::NONE, 10));
    raw.pass(millis(5));
    let mut events = raw.take_events();
    events.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(events, streams.map(Event::Writable));
}
