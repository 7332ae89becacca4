//! The codec alone: headers into bytes, bytes into frames.

use std::hint::black_box;

use bytes::BytesMut;
use yamux_proto::{Decoder, Flags, Frame, HEADER_LEN, Item, StreamId};

use crate::measure::{Budget, Measurement, Stopwatch, figure};

/// What the codec does.
#[derive(Clone, Copy, Debug)]
pub enum Codec {
    /// Writes headers.
    Encode,
    /// Reads frames that are headers alone, from a buffer that holds many.
    Decode,
}

/// Frames in the buffer that is decoded.
const FRAMES: usize = 4_096;

impl Codec {
    /// Does it within `budget`; one operation is one frame.
    ///
    /// # Errors
    /// That the bytes are no frames, which they are.
    pub fn run(self, budget: Budget) -> anyhow::Result<Measurement> {
        let mut pace = budget.share(FRAMES as u64).start(1);
        let bytes = encode_all();
        let mut frames = 0;
        let stopwatch = Stopwatch::start();
        while pace.more() {
            match self {
                Self::Encode => drop(black_box(encode_all())),
                Self::Decode => decode_all(&bytes)?,
            }
            frames += FRAMES as u64;
        }
        let measurement = stopwatch.stop(frames, figure::PER_SECOND);
        let each = measurement.elapsed().as_nanos() as f64 / frames.max(1) as f64;
        Ok(measurement.with(figure::NANOSECONDS, each))
    }
}

fn encode_all() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRAMES * HEADER_LEN);
    for stream in (1..=FRAMES as u32).filter_map(StreamId::new) {
        let frame = Frame::WindowUpdate { stream, flags: Flags::NONE, delta: 65_536 };
        bytes.extend_from_slice(&black_box(frame).encode());
    }
    bytes
}

fn decode_all(bytes: &[u8]) -> anyhow::Result<()> {
    let mut input = BytesMut::from(bytes);
    let mut decoder = Decoder::default();
    while let Some(Item::Frame(frame)) = decoder.next(&mut input)? {
        black_box(frame);
    }
    Ok(())
}
