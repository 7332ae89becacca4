//! The memory that the transport reads into.

use bytes::{Buf, BytesMut};

use crate::copying;

/// A read buffer that grows with the traffic, and is used again as soon as nobody holds a slice of
/// it.
///
/// While readers are a little behind, slices of the last buffer are still held when the next read is
/// due. A second buffer takes its turn then, so that the memory of both stays in the cache; only a
/// reader that falls further behind makes for fresh allocations.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    pub(super) bytes: BytesMut,
    spare: BytesMut,
    /// How much room a read should have.
    target: usize,
    /// Where in a page the buffer begins, if it is large. Each time somewhere else: where the kernel has
    /// what is read, nobody knows, and a start that is bad for one copy may be so for all: see
    /// [`copying`].
    offset: usize,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        let (bytes, spare) = (BytesMut::new(), BytesMut::new());
        Self { bytes, spare, target: 0, offset: 0 }
    }
}

impl ReadBuffer {
    /// The room for the first read, in bytes, and what an idle connection keeps.
    const SMALL: usize = 4 * 1024;
    /// The room for reads while they fill it, in bytes: for an initial window, the headers of its
    /// frames, and what went before in the same batch, so that a read does not end just short of the
    /// last one.
    const LARGE: usize = 261 * 1024;
    /// From one start in a page to the next: an odd number of cache lines, so that all have their turn,
    /// and the golden section of a page, so that one after another is far away.
    const STRIDE: usize = 39 * 64;

    /// Makes room for the next read, and says how much there is.
    #[inline]
    pub(super) fn make_room(&mut self) -> usize {
        let room = self.room();
        if room > 0 && room >= self.target / 4 {
            return room;
        }
        self.renew();
        self.room()
    }

    fn room(&self) -> usize {
        self.bytes.capacity().saturating_sub(self.bytes.len())
    }

    fn renew(&mut self) {
        self.target = self.target.max(Self::SMALL);
        self.offset = self.offset.wrapping_add(Self::STRIDE) % copying::PAGE;
        if !self.bytes.try_reclaim(self.needed()) {
            self.replace();
        } else if self.bytes.is_empty() {
            begin_at(self.offset, &mut self.bytes);
        }
    }

    /// Room for the next read, and for the gap before it.
    fn needed(&self) -> usize {
        let page = if self.target < copying::LARGE { 0 } else { copying::PAGE };
        self.target.saturating_add(page)
    }

    /// Learns from a read that had `room` and brought `read` bytes.
    pub(super) fn learn(&mut self, room: usize, read: usize) {
        if read >= room && room >= self.target / 4 {
            self.target = self.target.saturating_mul(2).min(Self::LARGE);
        }
    }

    /// Gives back what an idle connection does not need.
    pub(super) fn shrink(&mut self) {
        self.target = Self::SMALL;
        self.trim();
    }

    /// Gives back the memory, but keeps in mind how much there was to read. The few bytes of a header
    /// whose rest has not come are no reason to keep a large buffer.
    pub(super) fn trim(&mut self) {
        self.spare = BytesMut::new();
        if self.bytes.len() <= Self::SMALL {
            self.bytes = BytesMut::from(&*self.bytes);
        }
    }

    /// Goes on in the other buffer, with the bytes that are left in this one.
    fn replace(&mut self) {
        let needed = self.needed().saturating_add(self.bytes.len());
        self.spare.clear();
        if !self.spare.try_reclaim(needed) {
            self.spare = BytesMut::with_capacity(needed);
        }
        begin_at(self.offset.wrapping_sub(self.bytes.len()), &mut self.spare);
        self.spare.extend_from_slice(&self.bytes);
        self.bytes.clear();
        core::mem::swap(&mut self.bytes, &mut self.spare);
    }
}

/// Has an empty buffer begin at `offset` in a page, if it is large.
fn begin_at(offset: usize, buffer: &mut BytesMut) {
    if buffer.capacity() >= copying::LARGE {
        let gap = copying::gap(buffer.as_ptr(), offset);
        buffer.resize(gap, 0);
        buffer.advance(gap);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// What the transport does: it fills the room it finds, up to `read` bytes.
    fn read(buffer: &mut ReadBuffer, read: usize) -> usize {
        let room = buffer.make_room();
        let start = buffer.bytes.as_ptr().addr() + buffer.bytes.len();
        let read = read.min(room);
        buffer.bytes.extend_from_slice(&vec![7; read]);
        buffer.learn(room, read);
        start
    }

    #[test]
    fn grows_with_what_there_is_to_read() {
        let mut buffer = ReadBuffer::default();
        assert_eq!(buffer.make_room(), ReadBuffer::SMALL);
        for _ in 0..10 {
            read(&mut buffer, usize::MAX);
            buffer.bytes.clear();
        }
        let room = buffer.make_room();
        assert!((ReadBuffer::LARGE / 4..ReadBuffer::LARGE + 2 * copying::PAGE).contains(&room));
    }

    #[test]
    fn a_part_of_a_header_keeps_no_large_buffer() {
        for left in [0, 1, 11] {
            let mut buffer = ReadBuffer::default();
            for _ in 0..10 {
                read(&mut buffer, usize::MAX);
                buffer.bytes.advance(buffer.bytes.len() - left);
            }
            assert!(buffer.bytes.try_reclaim(ReadBuffer::LARGE / 2), "it is large");
            buffer.trim();
            assert_eq!(&*buffer.bytes, &[7; 11][..left]);
            assert!(!buffer.bytes.try_reclaim(ReadBuffer::SMALL), "it is small");
            assert!(buffer.make_room() >= ReadBuffer::LARGE);
            buffer.shrink();
            assert!((ReadBuffer::SMALL..2 * ReadBuffer::SMALL).contains(&buffer.make_room()));
        }
    }

    #[test]
    fn a_large_buffer_begins_anywhere_in_a_page() {
        let mut buffer = ReadBuffer::default();
        let (mut held, mut starts) = (Vec::new(), HashSet::new());
        for round in 0..200 {
            let start = read(&mut buffer, usize::MAX);
            if buffer.bytes.capacity() >= ReadBuffer::LARGE / 2 {
                assert_eq!(start % copying::PAGE, buffer.offset, "in round {round}");
                starts.insert(start % copying::PAGE);
            }
            // Some rounds hold a slice, so that the other buffer takes its turn, with what is left.
            let held_back = if round % 4 == 0 { 7 } else { 0 };
            let taken = buffer.bytes.split_to(buffer.bytes.len() - held_back).freeze();
            match round % 4 {
                0 => held.push(taken),
                1 => held.clear(),
                _ => {}
            }
        }
        assert_eq!(buffer.target, ReadBuffer::LARGE);
        assert_eq!(starts.len(), copying::PAGE / 64, "all in their turn");
    }
}
