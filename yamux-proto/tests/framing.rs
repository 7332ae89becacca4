//! Spec: Framing, Version, Type, Flag, StreamID and Length fields.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use bytes::{Buf, Bytes, BytesMut};
use pair::{Pair, Raw, data, go_away, header, hex, id, pattern, ping, update, window_update};
use proptest::prelude::*;
use yamux_proto::{
    Config, Connection, ConnectionError, Decoder, Flags, Frame, FrameError, GoAwayCode, Instant,
    Item, ProtocolError, ResetError, Side, StreamId, Transmit,
};

/// What a decoder reports, with the pieces of a body put together again.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Frame(Frame),
    Body { bytes: Vec<u8>, ended: bool },
    Error(FrameError),
}

fn decode(parts: &[&[u8]]) -> Vec<Seen> {
    let (mut decoder, mut input, mut seen) = (Decoder::default(), BytesMut::new(), Vec::new());
    for part in parts {
        input.extend_from_slice(part);
        loop {
            match decoder.next(&mut input) {
                Ok(None) => break,
                Ok(Some(Item::Frame(frame))) => seen.push(Seen::Frame(frame)),
                Ok(Some(Item::Body(piece))) => {
                    let (bytes, ended) = (piece.as_slice().to_vec(), piece.is_last());
                    match seen.last_mut() {
                        Some(Seen::Body { bytes: before, ended: over }) if !*over => {
                            before.extend(bytes);
                            *over = ended;
                        }
                        _ => seen.push(Seen::Body { bytes, ended }),
                    }
                }
                Err(error) => {
                    seen.push(Seen::Error(error));
                    return seen;
                }
            }
        }
    }
    seen
}

fn all_frames() -> Vec<u8> {
    [
        window_update(1, Flags::SYN, 0),
        data(1, Flags::NONE, b"hello"),
        ping(true, 7),
        data(1, Flags::FIN, b""),
        data(3, Flags::SYN | Flags::FIN, &pattern(1, 40)),
        go_away(0),
        window_update(u32::MAX, Flags::RST, u32::MAX),
    ]
    .concat()
}

#[test]
fn golden_bytes() {
    let stream = id(0x0102_0304);
    let table = [
        (Frame::Data { stream, flags: Flags::NONE, length: 5 }, "00 00 0000 01020304 00000005"),
        (Frame::Data { stream, flags: Flags::FIN, length: 0 }, "00 00 0004 01020304 00000000"),
        (
            Frame::WindowUpdate { stream, flags: Flags::SYN, delta: 0x0a0b_0c0d },
            "00 01 0001 01020304 0a0b0c0d",
        ),
        (
            Frame::WindowUpdate { stream, flags: Flags::ACK | Flags::RST, delta: 0 },
            "00 01 000a 01020304 00000000",
        ),
        (Frame::Ping { request: true, value: 0xdead_beef }, "00 02 0001 00000000 deadbeef"),
        (Frame::Ping { request: false, value: 1 }, "00 02 0002 00000000 00000001"),
        (Frame::GoAway { code: GoAwayCode::INTERNAL_ERROR }, "00 03 0000 00000000 00000002"),
    ];
    for (frame, bytes) in table {
        assert_eq!(frame.encode().to_vec(), hex(bytes), "{frame:?}");
        assert_eq!(Frame::decode(&hex(bytes).try_into().unwrap()), Ok(frame), "{bytes}");
    }
}

#[test]
fn what_is_no_header_is_an_error_that_says_why() {
    let table = [
        (header(1, 0, 0, 1, 0), FrameError::Version(1)),
        (header(255, 9, 0, 0, 0), FrameError::Version(255)),
        (header(0, 4, 0, 1, 0), FrameError::Type(4)),
        (header(0, 255, 0, 1, 0), FrameError::Type(255)),
        (header(0, 0, 0, 0, 0), FrameError::StreamZero),
        (header(0, 1, 1, 0, 0), FrameError::StreamZero),
    ];
    for (bytes, error) in table {
        assert_eq!(Frame::decode(&bytes.try_into().unwrap()), Err(error));
    }
}

#[test]
fn unknown_flag_bits_are_ignored() {
    let bytes: [u8; 12] = header(0, 1, 0xfff0 | Flags::SYN.bits(), 1, 0).try_into().unwrap();
    assert_eq!(Frame::decode(&bytes), Ok(update(1, Flags::SYN, 0)));
    let (mut raw, stream) = Raw::accepted();
    raw.send(&[header(0, 0, 0xfff0, 1, 2), b"ok".to_vec()].concat());
    assert_eq!(raw.read(stream), b"ok");
}

#[test]
fn unknown_go_away_codes_survive() {
    let mut raw = Raw::server();
    raw.send(&go_away(0xc0de));
    assert_eq!(raw.cause(), Some(ConnectionError::GoAway(GoAwayCode(0xc0de))));
}

#[test]
fn pings_and_go_aways_may_name_a_stream() {
    let mut raw = Raw::server();
    raw.send(&header(0, 2, 1, 77, 5));
    assert_eq!(raw.frames(), [Frame::Ping { request: false, value: 5 }]);
    raw.send(&header(0, 3, 0xffff, 77, 2));
    assert_eq!(raw.cause(), Some(ConnectionError::GoAway(GoAwayCode::INTERNAL_ERROR)));
}

#[test]
fn an_id_knows_its_opener() {
    assert_eq!(StreamId::new(0), None);
    assert_eq!((id(1).opener(), id(2).opener()), (Side::Client, Side::Server));
    assert_eq!(id(u32::MAX).opener(), Side::Client);
}

#[test]
fn any_split_in_two_gives_the_same_events() {
    let bytes = all_frames();
    let whole = decode(&[&bytes]);
    assert_eq!(whole.iter().filter(|seen| matches!(seen, Seen::Frame(_))).count(), 7);
    for at in 0..=bytes.len() {
        assert_eq!(decode(&[&bytes[..at], &bytes[at..]]), whole, "split at {at}");
    }
    let singles: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(decode(&singles), whole, "byte by byte");
}

#[test]
fn a_session_does_not_care_how_its_input_is_split() {
    let bytes = [
        window_update(1, Flags::SYN, 0),
        data(1, Flags::NONE, b"hello "),
        ping(true, 7),
        data(1, Flags::FIN, b"world"),
    ]
    .concat();
    for size in 1..bytes.len() {
        let mut raw = Raw::server();
        bytes.chunks(size).for_each(|piece| raw.send(piece));
        let stream = raw.accept().unwrap();
        assert_eq!(raw.read(stream), b"hello world", "pieces of {size}");
        assert!(raw.at_end(stream), "FIN takes effect behind the body");
        let answers = [Frame::Ping { request: false, value: 7 }, update(1, Flags::ACK, 0)];
        assert_eq!(raw.frames(), answers);
    }
}

#[test]
fn fin_on_a_data_frame_waits_for_the_end_of_its_body() {
    let (mut raw, stream) = Raw::accepted();
    let frame = data(1, Flags::FIN, b"abc");
    raw.send(&frame[..14]);
    assert_eq!(raw.read(stream), b"ab");
    assert!(!raw.at_end(stream), "the body has not ended");
    raw.send(&frame[14..]);
    assert_eq!(raw.read(stream), b"c");
    assert!(raw.at_end(stream));
}

/// What a stream opened by such a frame comes to.
fn open_with(frame: &[u8]) -> (Raw, Option<StreamId>) {
    let mut raw = Raw::server();
    raw.send(frame);
    assert_eq!(raw.cause(), None);
    let stream = raw.accept();
    (raw, stream)
}

#[test]
fn every_combination_of_flags_is_taken_on_both_carriers() {
    for bits in 0..16_u16 {
        let flags = Flags::from_bits(bits);
        for frame in [data(1, flags, b"body"), window_update(1, flags, 4)] {
            let has_body = frame.len() > 12;
            let (mut raw, stream) = open_with(&[frame, ping(true, 1)].concat());
            let opened = flags.contains(Flags::SYN) && !flags.contains(Flags::RST);
            assert_eq!(stream.is_some(), opened, "{flags:?}");
            let Some(stream) = stream else { continue };
            assert_eq!(raw.read(stream), if has_body { &b"body"[..] } else { b"" });
            assert_eq!(raw.at_end(stream), flags.contains(Flags::FIN), "{flags:?}");
            assert_eq!(raw.stats().pings_received, 1, "in step behind {flags:?}");
        }
    }
}

#[test]
fn every_combination_of_flags_has_its_effect_on_an_open_stream() {
    for bits in (0..16_u16).filter(|bits| bits & Flags::SYN.bits() == 0) {
        let flags = Flags::from_bits(bits);
        for frame in [data(1, flags, b"body"), window_update(1, flags, 4)] {
            let has_body = frame.len() > 12;
            let mut raw = Raw::client();
            let stream = raw.open().unwrap();
            raw.sent();
            raw.send(&frame);
            assert_eq!(raw.cause(), None);
            let refused = flags.contains(Flags::RST) && !flags.contains(Flags::ACK);
            assert_eq!(raw.stream(stream).unwrap().is_acked(), !refused, "{flags:?}");
            let code = if has_body { 0 } else { 4 };
            let reset = flags.contains(Flags::RST).then_some(ResetError::ByPeer(code));
            assert_eq!(raw.stream(stream).unwrap().reset_cause(), reset, "{flags:?}");
            if reset.is_none() {
                assert_eq!(raw.read(stream), if has_body { &b"body"[..] } else { b"" });
                assert_eq!(raw.at_end(stream), flags.contains(Flags::FIN), "{flags:?}");
            }
        }
    }
}

#[test]
fn a_body_that_nobody_wants_is_drained() {
    let mut raw = Raw::server();
    let body = pattern(1, 300_000);
    raw.send(&data(9, Flags::NONE, &body));
    raw.send(&data(1, Flags::RST, &body));
    raw.send(&data(1, Flags::SYN | Flags::RST, &body[..100]));
    raw.send(&ping(true, 3));
    assert_eq!(raw.frames(), [Frame::Ping { request: false, value: 3 }]);
    assert_eq!(raw.stats().unread, 0);
}

#[test]
fn our_frames_are_at_most_64_kib_coalesced_or_not() {
    let (mut raw, stream) = Raw::opened();
    let bytes = pattern(1, 200_000);
    assert_eq!(raw.write(stream, &bytes), 200_000);
    let sent = raw.sent();
    assert_eq!(
        sent.iter().map(|sent| sent.body.len()).collect::<Vec<_>>(),
        [65_536, 65_536, 65_536, 3392]
    );
    assert_eq!(sent.into_iter().flat_map(|sent| sent.body).collect::<Vec<_>>(), bytes);

    for piece in bytes[..60_000].chunks(500).chain(bytes[..10_000].chunks(500)) {
        if raw.write(stream, piece) == 0 {
            break;
        }
    }
    assert!(raw.sent().iter().all(|sent| sent.body.len() <= 65_536));
}

#[test]
fn a_long_chunk_is_cut_into_frames_too() {
    let (mut raw, stream) = Raw::opened();
    let mut chunk = Bytes::from(pattern(1, 150_000));
    let whole = chunk.clone();
    assert_eq!(raw.stream(stream).unwrap().write_chunk(&mut chunk), Ok(150_000));
    assert!(chunk.is_empty(), "what was taken left the front");
    let sent = raw.sent();
    assert!(sent.iter().all(|sent| sent.body.len() <= 65_536));
    assert_eq!(sent.into_iter().flat_map(|sent| sent.body).collect::<Vec<_>>(), whole);
}

#[test]
fn small_writes_share_one_frame() {
    let (mut raw, stream) = Raw::opened();
    for piece in [&b"one "[..], b"two ", b"three"] {
        raw.write(stream, piece);
    }
    let sent = raw.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].body, b"one two three");
}

#[test]
fn writes_of_two_streams_keep_their_order_in_a_batch() {
    let mut raw = Raw::client();
    let (a, b) = (raw.open().unwrap(), raw.open().unwrap());
    for (stream, text) in [(a, "a1"), (b, "b1"), (a, "a2")] {
        raw.write(stream, text.as_bytes());
    }
    let bodies: Vec<_> = raw.sent().into_iter().map(|sent| sent.body).collect();
    assert_eq!(bodies[2..], [b"a1", b"b1", b"a2"]);
}

#[test]
fn chunks_and_copies_of_a_stream_keep_their_order() {
    let mut pair = Pair::new();
    let stream = pair.open();
    let bytes = pattern(3, 30_000);
    let mut chunk = Bytes::copy_from_slice(&bytes[1000..21_000]);
    pair.client.write(stream, &bytes[..1000]);
    pair.client.stream(stream).unwrap().write_chunk(&mut chunk).unwrap();
    pair.client.write(stream, &bytes[21_000..]);
    pair.drive();
    assert_eq!(pair.server.read(stream), bytes);
}

/// The bytes of a batch with frames, copies and chunks in it, taken `step` bytes at a time.
fn batch_in_steps(step: usize) -> Vec<u8> {
    let now = Instant::ORIGIN;
    let mut connection = Connection::new(Side::Client, Config::default(), now);
    let (a, b) = (connection.open().unwrap(), connection.open().unwrap());
    for round in 0..3 {
        connection.stream(a).unwrap().write(&pattern(round, 100)).unwrap();
        let mut chunk = Bytes::from(pattern(round, 5000));
        connection.stream(b).unwrap().write_chunk(&mut chunk).unwrap();
    }
    let mut batch = Transmit::default();
    assert!(connection.poll_transmit(now, &mut batch));
    let mut taken = Vec::new();
    while batch.has_remaining() {
        assert_eq!(batch.segments().map(<[u8]>::len).sum::<usize>(), batch.remaining());
        let before = taken.len();
        taken.extend(batch.segments().flatten().take(step));
        batch.advance(taken.len() - before);
    }
    assert_eq!(batch.segments().count(), 0);
    taken
}

#[test]
fn a_batch_is_the_same_bytes_however_the_transport_takes_it() {
    let whole = batch_in_steps(usize::MAX);
    let bodies = 3 * (12 + 100 + 12 + 5000);
    assert_eq!(whole.len(), 3 * 12 + bodies, "a ping and two SYN ahead of the data");
    for step in [1, 7, 12, 100, 112, 5000, 5012, 6000] {
        assert!(batch_in_steps(step) == whole, "in steps of {step}");
    }
}

#[test]
fn a_long_chunk_goes_out_without_a_copy_and_a_short_one_shares_a_segment() {
    let now = Instant::ORIGIN;
    let mut connection = Connection::new(Side::Client, Config::default(), now);
    let stream = connection.open().unwrap();
    let (long, short) = (Bytes::from(pattern(1, 5000)), Bytes::from(pattern(2, 50)));
    for chunk in [&long, &short, &short] {
        connection.stream(stream).unwrap().write_chunk(&mut chunk.clone()).unwrap();
    }
    let mut batch = Transmit::default();
    assert!(connection.poll_transmit(now, &mut batch));
    let segments: Vec<_> = batch.segments().map(<[u8]>::as_ptr).collect();
    assert!(segments.contains(&long.as_ptr()) && !segments.contains(&short.as_ptr()));
    assert_eq!(segments.len(), 4, "control, a header, the long chunk, the short ones");
}

#[test]
fn a_long_body_is_read_without_a_copy() {
    let mut connection = Connection::new(Side::Server, Config::default(), Instant::ORIGIN);
    let body = pattern(1, 5000);
    let mut input = BytesMut::from(&data(1, Flags::SYN, &body)[..]);
    let place = input[12..].as_ptr();
    connection.handle_input(Instant::ORIGIN, &mut input);
    let stream = connection.accept().unwrap();
    let chunk = connection.stream(stream).unwrap().read_chunk(5000).unwrap().unwrap();
    assert!(chunk == body && chunk.as_ptr() == place);
}

#[test]
fn the_front_is_what_read_chunk_yields() {
    let (mut raw, stream) = Raw::accepted();
    assert_eq!(raw.stream(stream).unwrap().front_len(), 0);
    raw.send(&[data(1, Flags::NONE, b"crumb"), data(1, Flags::NONE, &[2; 9000])].concat());
    while let front @ 1.. = raw.stream(stream).unwrap().front_len() {
        let chunk = raw.stream(stream).unwrap().read_chunk(usize::MAX).unwrap().unwrap();
        assert_eq!(chunk.len(), front);
    }
    assert_eq!(raw.stats().unread, 0);
}

#[test]
fn a_violation_names_the_frame_error() {
    let mut raw = Raw::server();
    raw.send(&header(3, 0, 0, 1, 0));
    let error = ProtocolError::Frame(FrameError::Version(3));
    assert_eq!(raw.cause(), Some(ConnectionError::Protocol(error)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_of_any_bytes_gives_the_same_events(
        junk in prop::collection::vec(any::<u8>(), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes = [all_frames(), junk].concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let parts: Vec<&[u8]> = at.windows(2).map(|range| &bytes[range[0]..range[1]]).collect();
        prop_assert_eq!(decode(&parts), decode(&[&bytes]));
    }

    #[test]
    fn a_header_survives_decoding_and_encoding(bytes in any::<[u8; 12]>()) {
        let mut bytes = bytes;
        (bytes[0], bytes[1]) = (0, bytes[1] % 4);
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
        }
    }
}

/// What streams carry is nobody's business in a log.
#[test]
fn debug_output_tells_nothing_of_what_is_carried() {
    let now = Instant::ORIGIN;
    let mut client = Connection::new(Side::Client, Config::default(), now);
    let mut server = Connection::new(Side::Server, Config::default(), now);
    let (secret, len) = (Bytes::from("secret".repeat(2000)), 12_000);
    let id = client.open().unwrap();
    let mut stream = client.stream(id).unwrap();
    assert_eq!(stream.write(&secret), Ok(len));
    assert_eq!(stream.write_chunk(&mut secret.clone()), Ok(len));
    let staged = format!("{client:?}");

    let mut batch = Transmit::default();
    assert!(client.poll_transmit(now, &mut batch));
    let handed_out = format!("{batch:?}");
    let mut wire = BytesMut::from(&*batch.copy_to_bytes(batch.remaining()));
    let (mut decoder, mut input, mut decoded) = (Decoder::default(), wire.clone(), String::new());
    while let Ok(Some(item)) = decoder.next(&mut input) {
        decoded = format!("{item:?}");
    }
    server.handle_input(now, &mut wire);
    let received = format!("{server:?}");
    let viewed = format!("{:?}", server.stream(id).unwrap());

    assert!(decoded.contains("Piece"), "{decoded}");
    for output in [staged, handed_out, decoded, received, viewed] {
        assert!(output.len() < 200, "{output}");
        assert!(!output.contains("secret"), "{output}");
        assert!(!output.contains("115, 101, 99"), "{output}");
    }
}
