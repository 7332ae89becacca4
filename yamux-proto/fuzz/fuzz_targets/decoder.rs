//! The decoder sees the same frames and bodies however its input is split.
//!
//! Input: the length of a piece, then the bytes.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use yamux_proto::{Decoder, Frame, FrameError, Item};

#[derive(Debug, Default, PartialEq)]
struct Seen {
    frames: Vec<Frame>,
    bodies: Vec<u8>,
    ends: usize,
    error: Option<FrameError>,
}

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let (mut decoder, mut input, mut seen) = (Decoder::default(), BytesMut::new(), Seen::default());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match decoder.next(&mut input) {
                Ok(None) => break,
                Ok(Some(Item::Frame(frame))) => {
                    assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
                    seen.frames.push(frame);
                }
                Ok(Some(Item::Body(body))) => {
                    seen.ends += usize::from(body.is_last());
                    seen.bodies.extend_from_slice(&body.take());
                }
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            }
        }
    }
    seen
}

fuzz_target!(|data: &[u8]| {
    let Some((size, bytes)) = data.split_first() else { return };
    let whole = decode(std::iter::once(bytes));
    assert_eq!(decode(bytes.chunks(usize::from(*size).max(1))), whole);
});
