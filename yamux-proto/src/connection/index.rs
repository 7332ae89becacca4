//! Which slot a stream's id stands for.

use hashbrown::HashMap;

use crate::stream_id::StreamId;

/// So many ids of one side, one after the other, lie together.
const BLOCK: usize = 1 << LOG_BLOCK;
const LOG_BLOCK: u32 = 3;

/// No slot.
const NOBODY: u32 = u32::MAX;

/// From ids to slots, in blocks.
///
/// Each side counts its ids up. Streams that were opened one after the other share a block, so that a
/// million of them lie in an eighth of the places that single ids would be scattered over, and what
/// is found or stored waits for memory that seldom.
///
/// The table is seeded, and the limit of inbound streams bounds it: all that a peer gains by choosing
/// ids is that streams have a block each, of 36 bytes.
#[derive(Debug, Default)]
pub(super) struct Index {
    blocks: HashMap<u32, [u32; BLOCK]>,
    len: usize,
}

impl Index {
    pub(super) fn get(&self, id: StreamId) -> Option<u32> {
        let slot = *self.blocks.get(&block(id))?.get(place(id))?;
        (slot != NOBODY).then_some(slot)
    }

    pub(super) fn insert(&mut self, id: StreamId, slot: u32) {
        let block = self.blocks.entry(block(id)).or_insert([NOBODY; BLOCK]);
        if let Some(place) = block.get_mut(place(id)) {
            let new = core::mem::replace(place, slot) == NOBODY;
            self.len = self.len.saturating_add(usize::from(new));
        }
    }

    pub(super) fn remove(&mut self, id: StreamId) {
        let Some(slots) = self.blocks.get_mut(&block(id)) else { return };
        if let Some(place) = slots.get_mut(place(id)) {
            let old = core::mem::replace(place, NOBODY) != NOBODY;
            self.len = self.len.saturating_sub(usize::from(old));
        }
        if slots.iter().all(|slot| *slot == NOBODY) {
            self.blocks.remove(&block(id));
        }
    }

    /// Ids that are there.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.blocks.capacity()
    }

    pub(super) fn shrink(&mut self) {
        self.blocks.shrink_to_fit();
    }
}

/// The block of an id. The two sides, of odd and of even ids, have blocks of their own.
const fn block(id: StreamId) -> u32 {
    let number = id.get();
    number >> LOG_BLOCK >> 1 << 1 | number & 1
}

/// The place in its block.
const fn place(id: StreamId) -> usize {
    (id.get() >> 1) as usize % BLOCK
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;

    fn id(number: u32) -> StreamId {
        StreamId::new(number).unwrap()
    }

    #[test]
    fn every_id_has_a_place_of_its_own() {
        let numbers = (1..=100).chain(u32::MAX - 100..=u32::MAX);
        let places: BTreeMap<_, _> = numbers.map(|n| ((block(id(n)), place(id(n))), n)).collect();
        assert_eq!(places.len(), 201);
        assert!(places.keys().all(|(_, place)| *place < BLOCK));
    }

    #[test]
    fn an_id_is_found_until_it_is_taken_out() {
        let mut index = Index::default();
        (1..=40).for_each(|n| index.insert(id(n), n + 100));
        assert_eq!((index.len(), index.blocks.len()), (40, 6));
        (1..=40).for_each(|n| assert_eq!(index.get(id(n)), Some(n + 100)));
        assert_eq!((index.get(id(41)), index.get(id(1000))), (None, None));

        (1..=40).filter(|n| n % 5 != 0).for_each(|n| index.remove(id(n)));
        (1..=40).for_each(|n| assert_eq!(index.get(id(n)), (n % 5 == 0).then_some(n + 100)));
        (1..=8).for_each(|n| index.remove(id(n * 5)));
        assert_eq!((index.len(), index.blocks.len()), (0, 0), "no block without a stream");
        index.shrink();
        assert_eq!(index.capacity(), 0);
    }
}
