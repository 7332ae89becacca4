//! Small pieces of received data, copied together.

use alloc::vec::Vec;

use bytes::{Buf, Bytes};

/// A byte queue in one allocation, which it keeps when all has been read.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    /// Bytes at the front that have been read.
    read: usize,
}

impl Tail {
    /// What is added to the memory at the least, in bytes.
    const ROOM_MIN: usize = 64;

    /// Bytes that wait.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.read)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that it keeps alive.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    #[inline]
    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.bytes.capacity().saturating_sub(self.bytes.len()) < piece.len() {
            self.make_room(piece.len());
        }
        self.bytes.extend_from_slice(piece);
    }

    /// The next bytes, at most `max`.
    #[inline]
    pub(super) fn front(&self, max: usize) -> &[u8] {
        let end = self.bytes.len().min(self.read.saturating_add(max));
        self.bytes.get(self.read..end).unwrap_or_default()
    }

    /// Counts bytes of [`front`](Self::front) as read.
    #[inline]
    pub(super) fn consume(&mut self, bytes: usize) {
        self.read = self.read.saturating_add(bytes);
        if self.is_empty() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.read = 0;
    }

    /// Moves what waits to an allocation of its size.
    pub(super) fn shrink(&mut self) {
        self.forget_read();
        self.bytes.shrink_to_fit();
    }

    /// All that waits, without a copy.
    pub(super) fn take(&mut self) -> Bytes {
        let mut bytes = Bytes::from(core::mem::take(&mut self.bytes));
        bytes.advance(core::mem::take(&mut self.read));
        bytes
    }

    /// Uses the room of what was read, and adds some if that is not worth the move: every byte is moved
    /// a few times at most. Adds half as much as waits, and not as much again, so that a quarter of it
    /// can be read before [`shrink`](Self::shrink) is due.
    #[cold]
    fn make_room(&mut self, needed: usize) {
        self.forget_read();
        let more = needed.max(self.bytes.len() / 2).max(Self::ROOM_MIN);
        self.bytes.reserve_exact(more);
    }

    fn forget_read(&mut self) {
        self.bytes.drain(..self.read);
        self.read = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of all lengths come and go; the queue is never long, nor ever empty for long.
    #[test]
    fn bytes_keep_their_order_and_the_memory_serves_again() {
        let (mut tail, mut sent, mut received) = (Tail::default(), 0_u32, 0_u32);
        for round in 0_u32..10_000 {
            let piece: Vec<u8> = (sent..sent + round % 97).map(|at| (at % 251) as u8).collect();
            sent += round % 97;
            tail.push(&piece);
            let front = tail.front((round * 7 % 91) as usize).to_vec();
            for byte in &front {
                assert_eq!(u32::from(*byte), received % 251);
                received += 1;
            }
            tail.consume(front.len());
            assert_eq!(tail.len(), (sent - received) as usize);
            if tail.len() > 1000 {
                tail.consume(500);
                received += 500;
            }
        }
        assert!(tail.held() <= 8192, "{} bytes for {}", tail.held(), tail.len());
        let rest = tail.take();
        assert_eq!(rest.first().map(|byte| u32::from(*byte)), Some(received % 251));
        assert_eq!((rest.len(), tail.len()), ((sent - received) as usize, 0));
    }

    #[test]
    fn it_holds_no_more_than_half_as_much_again() {
        let mut tail = Tail::default();
        for _ in 0..200 {
            tail.push(&[1; 100]);
            tail.consume(40);
            tail.push(&[2]);
            let most = tail.len() + (tail.len() / 2).max(Tail::ROOM_MIN) + 40;
            assert!(tail.held() <= most, "{} bytes for {}", tail.held(), tail.len());
        }
    }

    #[test]
    fn it_shrinks_to_what_waits() {
        let mut tail = Tail::default();
        tail.push(&[1; 4000]);
        tail.push(&[2; 100]);
        tail.consume(4000);
        tail.shrink();
        assert_eq!((tail.front(200), tail.held()), (&[2; 100][..], 100));
    }
}
