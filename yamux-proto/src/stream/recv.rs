//! The receiving half of a stream: its window, and the bytes that wait for the application.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::{Buf, Bytes};

use super::tail::Tail;
use crate::connection::Key;
use crate::flow_control::RecvWindow;
use crate::frame::Piece;

/// What the peer may send on a stream, and what it has sent.
#[derive(Debug)]
pub(crate) struct RecvHalf {
    pub(crate) window: RecvWindow,
    /// Present only while data waits, so that an idle stream costs nothing for it.
    queue: Option<Box<Queue>>,
    /// The application's last read found nothing.
    pub(crate) blocked: bool,
    /// Nothing has come yet, or the last frame was small.
    terse: bool,
    /// Bytes thrown away since the application dropped its handle.
    pub(crate) discarded: u32,
}

/// Bytes in the order in which they arrived.
///
/// Large pieces are slices of the transport's read buffer, and so is a small one right behind a
/// large one, most often the start of a frame; other small ones are copied together. A slice keeps
/// its whole buffer alive, so what the application leaves unread while [`Pool::GRACE`] more input
/// arrives is copied out after all, and what is left of a copy that was mostly read is copied again:
/// whatever the fragmentation, unread bytes hold at most twice their size, and a constant for each
/// stream.
#[derive(Debug, Default)]
struct Queue {
    chunks: VecDeque<Chunk>,
    /// Chunks at the front that are known to own their memory.
    owned: usize,
    /// Small pieces behind the chunks.
    tail: Tail,
    len: usize,
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    memory: Memory,
}

/// Whose memory a chunk keeps alive.
#[derive(Clone, Copy, Debug)]
enum Memory {
    /// The transport's read buffer, of which it was sliced at this count of input.
    Shared(u64),
    /// Its own, of this many bytes.
    Own(usize),
}

impl Chunk {
    fn owned(bytes: Bytes) -> Self {
        Self { memory: Memory::Own(bytes.len()), bytes }
    }

    /// Lets go of memory of its own that is mostly read.
    fn slim(&mut self) {
        let Memory::Own(held) = self.memory else { return };
        if is_wasteful(held, self.bytes.len()) {
            *self = Self::owned(Bytes::copy_from_slice(&self.bytes));
        }
    }
}

/// Whether `len` bytes that are left keep much more memory alive than they need.
const fn is_wasteful(held: usize, len: usize) -> bool {
    held > SLICE_MIN && len <= held / 2
}

/// Pieces at least this long are not copied, in bytes.
pub(crate) const SLICE_MIN: usize = 4096;

/// Small pieces are copied together up to this size, in bytes.
const TAIL_MAX: usize = 16 * 1024;

impl RecvHalf {
    pub(crate) const fn new(window: RecvWindow) -> Self {
        Self { window, queue: None, blocked: false, terse: true, discarded: 0 }
    }

    /// Whether the frame that comes is a message of its own: small, and not the end of a large one.
    #[inline]
    pub(crate) const fn note_frame(&mut self, is_small: bool) -> bool {
        let is_message = is_small && self.terse;
        self.terse = is_small;
        is_message
    }

    /// Bytes that wait for the application.
    pub(crate) fn unread(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len)
    }

    /// Bytes that wait in one piece at the front.
    pub(crate) fn front_len(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| match queue.chunks.front() {
            Some(chunk) => chunk.bytes.len(),
            None => queue.tail.len(),
        })
    }

    /// Takes a piece of a Data frame. True if it is a slice, which `pool` wants to hear of.
    pub(crate) fn push(&mut self, piece: Piece<'_>, pool: &mut Pool) -> bool {
        let queue = self.queue.get_or_insert_with(|| pool.queues.pop().unwrap_or_default());
        let len = piece.as_slice().len();
        queue.len = queue.len.saturating_add(len);
        if len >= SLICE_MIN || queue.ends_in_slice() {
            queue.seal_tail();
            queue
                .chunks
                .push_back(Chunk { bytes: piece.take(), memory: Memory::Shared(pool.input) });
            return true;
        }
        if queue.tail.len().saturating_add(len) > TAIL_MAX {
            queue.seal_tail();
        }
        queue.tail.push(piece.as_slice());
        false
    }

    /// Hands up to `max` waiting bytes to `sink`, piece by piece, and says how many.
    pub(crate) fn read(
        &mut self,
        max: usize,
        pool: &mut Pool,
        sink: &mut dyn FnMut(&[u8]),
    ) -> usize {
        let Some(queue) = self.queue.as_mut() else { return 0 };
        let mut left = max.min(queue.len);
        let read = left;
        while left > 0 {
            // What a sink that panics has taken is gone.
            let taken = queue.read_front(left, sink);
            queue.len = queue.len.saturating_sub(taken);
            left = left.saturating_sub(taken);
        }
        self.settle(0, pool);
        read
    }

    /// Takes up to `max` waiting bytes in one piece, without a copy.
    pub(crate) fn read_chunk(&mut self, max: usize, pool: &mut Pool) -> Bytes {
        let Some(queue) = self.queue.as_mut() else { return Bytes::new() };
        let bytes = queue.take_front(max);
        self.settle(bytes.len(), pool);
        bytes
    }

    /// Throws away what waits and says how much it was.
    pub(crate) fn discard(&mut self, pool: &mut Pool) -> usize {
        let unread = self.unread();
        if let Some(queue) = self.queue.as_mut() {
            queue.chunks.clear();
            queue.owned = 0;
            queue.tail.clear();
        }
        self.settle(unread, pool);
        unread
    }

    /// Copies what was sliced from the input up to the count `at`.
    pub(crate) fn compact(&mut self, at: u64) {
        let Some(queue) = self.queue.as_mut() else { return };
        // Slices are in order, so that every chunk is looked at once.
        let owned = queue.owned.min(queue.chunks.len());
        for chunk in queue.chunks.range_mut(owned..) {
            match chunk.memory {
                Memory::Shared(since) if since > at => return,
                Memory::Shared(_) => *chunk = Chunk::owned(Bytes::copy_from_slice(&chunk.bytes)),
                Memory::Own(_) => {}
            }
            queue.owned = queue.owned.saturating_add(1);
        }
    }

    fn settle(&mut self, taken: usize, pool: &mut Pool) {
        let Some(queue) = self.queue.as_mut() else { return };
        queue.len = queue.len.saturating_sub(taken);
        if queue.len == 0 {
            pool.put_back(self.queue.take());
        }
    }
}

impl Queue {
    /// Room for eight times as many chunks is no matter.
    const CHUNKS_FEW: usize = 32;

    /// Whether the last piece is a large slice, which pays for one more piece of any size.
    fn ends_in_slice(&self) -> bool {
        let is_large = |chunk: &Chunk| {
            matches!(chunk.memory, Memory::Shared(_)) && chunk.bytes.len() >= SLICE_MIN
        };
        self.tail.is_empty() && self.chunks.back().is_some_and(is_large)
    }

    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            let memory = Memory::Own(self.tail.held());
            let mut chunk = Chunk { bytes: self.tail.take(), memory };
            chunk.slim();
            self.chunks.push_back(chunk);
        }
    }

    /// Lets go of the tail's memory if it is mostly read, as [`Chunk::slim`] does.
    fn slim_tail(&mut self) {
        if !self.tail.is_empty() && is_wasteful(self.tail.held(), self.tail.len()) {
            self.tail.shrink();
        }
    }

    /// Hands at most `max` bytes of the first piece to `sink`; at least one, as `max` is and the
    /// queue holds one.
    fn read_front(&mut self, max: usize, sink: &mut dyn FnMut(&[u8])) -> usize {
        let Some(chunk) = self.chunks.front_mut() else {
            let front = self.tail.front(max);
            let len = front.len();
            sink(front);
            self.tail.consume(len);
            self.slim_tail();
            return len;
        };
        let len = chunk.bytes.len().min(max);
        sink(chunk.bytes.get(..len).unwrap_or_default());
        chunk.bytes.advance(len);
        if chunk.bytes.is_empty() {
            self.pop_chunk();
        } else {
            chunk.slim();
        }
        len
    }

    /// The first piece without a copy, or at most `max` bytes of it; but a few small ones that were
    /// copied together are copied once more, so that the memory they were in serves the next.
    fn take_front(&mut self, max: usize) -> Bytes {
        if self.chunks.is_empty() {
            if self.tail.len().min(max) < SLICE_MIN {
                let mut taken = Bytes::new();
                self.read_front(max, &mut |piece| taken = Bytes::copy_from_slice(piece));
                return taken;
            }
            self.seal_tail();
        }
        let Some(chunk) = self.chunks.front_mut() else { return Bytes::new() };
        if chunk.bytes.len() > max {
            let taken = chunk.bytes.split_to(max);
            chunk.slim();
            return taken;
        }
        self.pop_chunk()
    }

    /// Bytes of memory that it keeps while it is empty.
    fn memory(&self) -> usize {
        self.tail.held().saturating_add(self.chunks.capacity().saturating_mul(size_of::<Chunk>()))
    }

    fn pop_chunk(&mut self) -> Bytes {
        self.owned = self.owned.saturating_sub(1);
        let bytes = self.chunks.pop_front().map(|chunk| chunk.bytes).unwrap_or_default();
        if self.chunks.capacity() / 8 > self.chunks.len().max(Self::CHUNKS_FEW) {
            self.chunks.shrink_to(self.chunks.len().saturating_mul(2));
        }
        bytes
    }
}

/// Empty queues for reuse, and a record of who holds slices of the transport's read buffers.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    #[allow(clippy::vec_box, reason = "a queue moves into its stream by its box")]
    queues: Vec<Box<Queue>>,
    /// Nothing has come since memory was given back: no empty queue is worth keeping.
    quiet: bool,
    /// Bytes that have come from the transport.
    input: u64,
    /// Who got a slice, and at which count of input; in order.
    slices: VecDeque<(u64, Key)>,
}

impl Pool {
    /// Input that may follow a slice before it is copied out if it still waits, in bytes. At four
    /// read buffers, an application that keeps up never pays for the copy.
    const GRACE: u64 = 1024 * 1024;

    /// The memory that an empty queue may keep, in bytes, and how many queues are kept for reuse that
    /// keep no more: one for each of many streams that are sent a small message at the same time, and
    /// some for bulk.
    const KEPT: [(usize, usize); 2] = [(1024, 1024), (32 * 1024, 64)];

    /// Counts bytes from the transport.
    pub(crate) fn count_input(&mut self, bytes: usize) {
        self.quiet &= bytes == 0;
        self.input = self.input.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Remembers that `key` holds a slice of recent input.
    pub(crate) fn note_slice(&mut self, key: Key) {
        let slice = (self.input, key);
        if self.slices.back() != Some(&slice) {
            self.slices.push_back(slice);
        }
    }

    /// A stream whose slices have lingered, and the count of input up to which it must let go of
    /// them; `all` takes what came last as lingering too.
    pub(crate) fn lingering(&mut self, all: bool) -> Option<(Key, u64)> {
        let (at, key) = *self.slices.front()?;
        if !all && at.saturating_add(Self::GRACE) > self.input {
            return None;
        }
        self.slices.pop_front();
        Some((key, at))
    }

    /// Gives memory back that only speed asked for.
    pub(crate) fn shrink(&mut self) {
        self.quiet = true;
        self.queues = Vec::new();
        self.slices.shrink_to_fit();
    }

    fn put_back(&mut self, queue: Option<Box<Queue>>) {
        let Some(queue) = queue.filter(|_| !self.quiet) else { return };
        let kept = self.queues.len();
        if Self::KEPT.iter().any(|(memory, most)| queue.memory() <= *memory && kept < *most) {
            self.queues.push(queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many empty queues with room for so many chunks are kept.
    fn kept(queues: usize, chunks: usize) -> usize {
        let mut pool = Pool::default();
        for _ in 0..queues {
            let chunks = VecDeque::with_capacity(chunks);
            pool.put_back(Some(Box::new(Queue { chunks, ..Queue::default() })));
        }
        pool.queues.len()
    }

    #[test]
    fn empty_queues_are_kept_by_the_memory_that_they_keep() {
        assert_eq!(kept(2000, 0), 1024);
        let bulk = 32 * 1024 / size_of::<Chunk>();
        assert_eq!(kept(2000, bulk), 64);
        assert_eq!(kept(2000, bulk + 1), 0);
    }
}
