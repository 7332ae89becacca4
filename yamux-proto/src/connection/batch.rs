//! Bytes on their way to the transport.

use alloc::vec::Vec;
use core::fmt;

use bytes::Buf;

use super::staging::Output;
use crate::frame::Frame;

/// A batch of bytes for the transport, in segments for one vectored write.
///
/// Reading it as a [`Buf`] yields the bytes in order. The same value goes to every
/// [`Connection::poll_transmit`](crate::Connection::poll_transmit), so that its memory is used again.
#[derive(Default)]
pub struct Transmit {
    /// Control frames, ahead of the rest.
    pub(super) head: Vec<u8>,
    pub(super) body: Output,
    head_at: usize,
    buffer_at: usize,
    chunk_at: usize,
    remaining: usize,
}

impl Transmit {
    /// The segments that remain, in order.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        let head = self.head.get(self.head_at..).unwrap_or_default();
        let mut from = self.buffer_at;
        let chunks = self.body.chunks.get(self.chunk_at..).unwrap_or_default();
        let spliced = chunks.iter().flat_map(move |(at, chunk)| {
            let before = self.body.buffer.get(from..*at).unwrap_or_default();
            from = *at;
            [before, chunk.as_ref()]
        });
        let rest_at = chunks.last().map_or(self.buffer_at, |(at, _)| *at);
        let rest = self.body.buffer.get(rest_at..).unwrap_or_default();
        [head].into_iter().chain(spliced).chain([rest]).filter(|segment| !segment.is_empty())
    }

    /// Whether the first segment goes ahead of the rest.
    #[cfg(feature = "driver")]
    pub(crate) fn has_head(&self) -> bool {
        self.head_at < self.head.len()
    }

    /// Whether there may be more segments than control frames and one buffer.
    #[cfg(feature = "driver")]
    pub(crate) fn has_chunks(&self) -> bool {
        !self.body.chunks.is_empty()
    }

    /// Gives back memory that an idle connection does not need.
    pub fn shrink(&mut self) {
        if !self.has_remaining() {
            *self = Self::default();
        }
    }

    /// Gives back a large buffer.
    #[cfg(feature = "driver")]
    pub(crate) fn trim(&mut self) {
        if self.body.is_large() {
            self.shrink();
        }
    }

    pub(super) fn clear(&mut self) {
        self.head.clear();
        self.body.clear();
        (self.head_at, self.buffer_at, self.chunk_at, self.remaining) = (0, self.body.start, 0, 0);
    }

    pub(super) fn seal(&mut self) {
        let chunks = self.body.chunks.iter().map(|(_, chunk)| chunk.len());
        let chunks = chunks.fold(0, usize::saturating_add);
        self.buffer_at = self.body.start;
        let buffer = self.body.buffer.len().saturating_sub(self.buffer_at);
        self.remaining = self.head.len().saturating_add(buffer).saturating_add(chunks);
    }

    pub(super) fn push(&mut self, frame: Frame) {
        self.head.extend_from_slice(&frame.encode());
    }
}

impl Buf for Transmit {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.segments().next().unwrap_or_default()
    }

    fn advance(&mut self, mut count: usize) {
        debug_assert!(count <= self.remaining, "no more than remains can be taken");
        self.remaining = self.remaining.saturating_sub(count);
        if self.remaining == 0 {
            // Chunks go as soon as they are written: to drop one may run anything.
            self.clear();
            return;
        }
        let mut step = |at: &mut usize, end: usize| {
            let taken = count.min(end.saturating_sub(*at));
            *at = at.saturating_add(taken);
            count = count.saturating_sub(taken);
        };
        step(&mut self.head_at, self.head.len());
        while let Some((at, chunk)) = self.body.chunks.get_mut(self.chunk_at) {
            step(&mut self.buffer_at, *at);
            let mut taken = 0;
            step(&mut taken, chunk.len());
            chunk.advance(taken);
            if !chunk.is_empty() {
                return;
            }
            self.chunk_at = self.chunk_at.saturating_add(1);
        }
        step(&mut self.buffer_at, self.body.buffer.len());
    }
}

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}
