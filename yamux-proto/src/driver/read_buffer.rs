//! The memory that the transport reads into.

use bytes::BytesMut;

/// A read buffer that grows with the traffic, and is used again as soon as nobody holds a slice of
/// it.
///
/// While readers are a little behind, slices of the last buffer are still held when the next read is
/// due. A second buffer takes its turn then, so that the memory of both stays in the cache; only a
/// reader that falls further behind makes for fresh allocations.
#[derive(Debug, Default)]
pub(super) struct ReadBuffer {
    pub(super) bytes: BytesMut,
    spare: BytesMut,
    /// How much room a read should have.
    target: usize,
}

impl ReadBuffer {
    /// The room for the first read, in bytes, and what an idle connection keeps.
    const SMALL: usize = 4 * 1024;
    /// The room for reads while they fill it, in bytes: for an initial window and the headers of its
    /// frames, so that a read does not end just short of the last one.
    const LARGE: usize = 257 * 1024;

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
        if !self.bytes.try_reclaim(self.target) {
            self.replace();
        }
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

    /// Gives back the memory, but keeps in mind how much there was to read.
    pub(super) fn trim(&mut self) {
        self.spare = BytesMut::new();
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }

    /// Goes on in the other buffer, with the bytes that are left in this one.
    fn replace(&mut self) {
        let needed = self.target.saturating_add(self.bytes.len());
        self.spare.clear();
        if !self.spare.try_reclaim(needed) {
            self.spare = BytesMut::with_capacity(needed);
        }
        self.spare.extend_from_slice(&self.bytes);
        self.bytes.clear();
        core::mem::swap(&mut self.bytes, &mut self.spare);
    }
}
