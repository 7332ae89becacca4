//! The output of all streams on its way to the transport.

use alloc::vec::Vec;

use bytes::Bytes;

use super::streams::Key;
use crate::copying::{self, MIDDLE};
use crate::frame::{Flags, Frame, HEADER_LEN};
use crate::limits::{FRAME_BODY, FRAME_WEIGHT};

/// Frames in the order in which they will be sent, in one buffer for the whole connection.
///
/// A write appends its frame here directly, extending the frame before it when that one belongs to
/// the same stream: small writes share a header, and nothing is copied a second time or scheduled
/// later. When the transport is ready, the whole is swapped out as one batch.
///
/// A small message need not wait behind the bulk of others, nor the FIN that ends it: as long as their
/// stream has nothing in the buffer, they go ahead.
#[derive(Debug)]
pub(super) struct Staging {
    output: Output,
    /// The number of the batch being staged, from 1 on: a stream of batch 0 has sent nothing.
    batch: u64,
    /// The Data frame at the end of the buffer, which may still grow.
    open: Option<OpenFrame>,
    /// Small messages that go out ahead of the buffer.
    express: Vec<u8>,
    /// The Data frame at the end of those.
    express_open: Option<OpenFrame>,
    /// Bytes of stream data in this batch.
    data: usize,
    /// There is a FIN or RST in it.
    ends: bool,
    frames: u64,
}

/// What is lost of streams if a batch is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Debt {
    pub(super) data: bool,
    /// FIN or RST.
    pub(super) ends: bool,
}

/// Bytes to write: the buffer from `start` on, with `chunks` spliced in where their offsets say.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) buffer: Vec<u8>,
    /// What is before it is never sent: see [`copying`].
    pub(super) start: usize,
    pub(super) chunks: Vec<(usize, Bytes)>,
}

/// A Data frame whose body ends where the buffer ends. Its length is filled in when it is closed.
#[derive(Clone, Copy, Debug)]
struct OpenFrame {
    key: Key,
    start: usize,
}

impl Default for Staging {
    fn default() -> Self {
        Self {
            output: Output::default(),
            batch: 1,
            open: None,
            express: Vec::new(),
            express_open: None,
            data: 0,
            ends: false,
            frames: 0,
        }
    }
}

impl Staging {
    /// With less than this in line, a message may as well wait, in bytes.
    const BULK: usize = 16 * 1024;
    /// The largest message that overtakes bulk, in bytes.
    const EXPRESS_MAX: usize = 1024;
    /// How much may do so in a batch, in bytes: too little for bulk to notice.
    const EXPRESS_TOTAL: usize = 16 * 1024;

    /// Adds a frame without a body.
    pub(super) fn frame(&mut self, frame: Frame) {
        self.close_frame();
        self.output.buffer.extend_from_slice(&frame.encode());
        self.frames = self.frames.saturating_add(1);
    }

    /// Adds the frame that ends a stream.
    pub(super) fn end(&mut self, frame: Frame) {
        self.frame(frame);
        self.ends = true;
    }

    /// Adds the frame that ends a stream, ahead of the buffer.
    pub(super) fn express_end(&mut self, frame: Frame) {
        self.express_frame(frame);
        self.ends = true;
    }

    /// Adds data of a stream to the frame at the end of the buffer, by copy, if that is one of the
    /// stream and has room for it: small writes share a header.
    #[inline]
    pub(super) fn extend(&mut self, key: Key, data: &[u8]) -> bool {
        let fits = self.open.is_some_and(|open| {
            open.key == key && self.body_len(open).saturating_add(data.len()) <= FRAME_BODY
        });
        if fits {
            self.data = self.data.saturating_add(data.len());
            copying::append(&mut self.output.buffer, data);
        }
        fits
    }

    /// Adds data of a stream, by copy.
    pub(super) fn data(&mut self, key: Key, mut data: &[u8]) {
        self.data = self.data.saturating_add(data.len());
        while !data.is_empty() {
            let room = self.room_in_frame(key, data.len());
            let (now, later) = data.split_at(data.len().min(room));
            copying::append(&mut self.output.buffer, now);
            data = later;
        }
    }

    /// Adds data of a stream, without a copy.
    pub(super) fn chunk(&mut self, key: Key, mut data: Bytes) {
        self.data = self.data.saturating_add(data.len());
        while !data.is_empty() {
            let body = data.split_to(data.len().min(FRAME_BODY));
            let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
            self.frame(Frame::Data { stream: key.id, flags: Flags::NONE, length });
            self.output.chunks.push((self.output.buffer.len(), body));
        }
    }

    /// Whether so much is in line that a small message should not wait behind it.
    #[inline]
    pub(super) const fn has_bulk(&self) -> bool {
        self.data >= Self::BULK
    }

    /// Whether a frame with this much data overtakes bulk.
    pub(super) fn is_express(&self, len: usize) -> bool {
        let total = self.express.len().saturating_add(HEADER_LEN).saturating_add(len);
        len <= Self::EXPRESS_MAX && total <= Self::EXPRESS_TOTAL
    }

    /// Adds data that goes out ahead of the buffer, by copy: to the last frame there if that is of the
    /// same stream.
    pub(super) fn express(&mut self, key: Key, data: &[u8]) {
        let open = self.express_open.filter(|open| open.key == key);
        let start = open.map_or(self.express.len(), |open| open.start);
        if open.is_none() {
            self.express_frame(Frame::Data { stream: key.id, flags: Flags::NONE, length: 0 });
            self.express_open = Some(OpenFrame { key, start });
        }
        self.express.extend_from_slice(data);
        fill_in_length(&mut self.express, start);
        self.data = self.data.saturating_add(data.len());
    }

    fn express_frame(&mut self, frame: Frame) {
        self.express_open = None;
        self.express.extend_from_slice(&frame.encode());
        self.frames = self.frames.saturating_add(1);
    }

    /// What the batch owes to streams.
    pub(super) const fn debt(&self) -> Debt {
        Debt { data: self.data > 0, ends: self.ends }
    }

    /// The number of the batch being staged.
    pub(super) const fn batch(&self) -> u64 {
        self.batch
    }

    /// Bytes of stream data in the batch.
    pub(super) const fn data_len(&self) -> usize {
        self.data
    }

    /// Bytes that the batch counts as against [`STAGED_BYTES`]: those of its data, or more if there
    /// are many frames with little in them.
    ///
    /// [`STAGED_BYTES`]: crate::limits::STAGED_BYTES
    pub(super) fn weight(&self) -> usize {
        let frames = usize::try_from(self.frames).unwrap_or(usize::MAX);
        self.data.max(frames.saturating_mul(FRAME_WEIGHT))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.output.is_empty()
    }

    /// Swaps the batch for `empty`, adds to `head` what goes ahead of it, and begins the next; says how
    /// many frames it holds.
    pub(super) fn swap(&mut self, head: &mut Vec<u8>, empty: &mut Output) -> u64 {
        self.close_frame();
        head.append(&mut self.express);
        self.express_open = None;
        core::mem::swap(&mut self.output, empty);
        self.batch = self.batch.saturating_add(1);
        self.data = 0;
        self.ends = false;
        core::mem::take(&mut self.frames)
    }

    /// Throws the batch away, and gives back its chunks.
    pub(super) fn clear(&mut self) -> Vec<Bytes> {
        self.open = None;
        let mut output = Output::default();
        self.swap(&mut Vec::new(), &mut output);
        output.chunks.into_iter().map(|(_, chunk)| chunk).collect()
    }

    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            self.output = Output::default();
            self.express = Vec::new();
        }
    }

    #[cfg(feature = "driver")]
    pub(super) fn trim(&mut self) {
        if self.output.is_large() || is_large(&self.express) {
            self.shrink();
        }
    }

    /// Bytes that fit the frame at the end of the buffer, if that is one of `key`, or a new one.
    fn room_in_frame(&mut self, key: Key, expected: usize) -> usize {
        if let Some(open) = self.open.filter(|open| open.key == key) {
            let room = FRAME_BODY.saturating_sub(self.body_len(open));
            if room > 0 {
                return room;
            }
        }
        self.output.buffer.reserve(expected.saturating_add(HEADER_LEN));
        self.frame(Frame::Data { stream: key.id, flags: Flags::NONE, length: 0 });
        let start = self.output.buffer.len().saturating_sub(HEADER_LEN);
        self.open = Some(OpenFrame { key, start });
        FRAME_BODY
    }

    /// Fills in the length of the frame at the end of the buffer, which will not grow any more.
    fn close_frame(&mut self) {
        if let Some(open) = self.open.take() {
            fill_in_length(&mut self.output.buffer, open.start);
        }
    }

    fn body_len(&self, open: OpenFrame) -> usize {
        self.output.buffer.len().saturating_sub(open.start).saturating_sub(HEADER_LEN)
    }
}

/// Writes into the header at `start` that all behind it is its body.
fn fill_in_length(frames: &mut [u8], start: usize) {
    let length = frames.len().saturating_sub(start).saturating_sub(HEADER_LEN);
    if let Some(field) = frames.get_mut(Frame::length_field(start)) {
        field.copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

impl Output {
    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        if self.buffer.capacity() < copying::LARGE {
            self.buffer.clear();
            return;
        }
        self.start = copying::gap(self.buffer.as_ptr(), MIDDLE);
        self.buffer.truncate(self.start);
        self.buffer.resize(self.start, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.len() <= self.start
    }

    /// Larger than an idle connection should hold.
    #[cfg(feature = "driver")]
    pub(super) fn is_large(&self) -> bool {
        is_large(&self.buffer)
    }
}

/// Larger than an idle connection should hold.
#[cfg(feature = "driver")]
fn is_large(buffer: &Vec<u8>) -> bool {
    const SMALL: usize = 1024;
    buffer.capacity() > SMALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_is_sent_from_mid_page_on() {
        let mut output = Output::default();
        for (len, is_large) in [(100, false), (100_000, true), (200_000, true), (100, true)] {
            output.buffer.extend_from_slice(&alloc::vec![7; len]);
            output.clear();
            assert!(output.is_empty());
            let from = output.buffer.as_ptr().addr() + output.start;
            match is_large {
                true => assert_eq!(from % copying::PAGE, MIDDLE, "after {len}"),
                false => assert_eq!(output.start, 0, "after {len}"),
            }
        }
    }
}
