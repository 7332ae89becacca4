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
/// is found or stored waits for memory that seldom. The latest blocks are at hand, one for each side,
/// and a session of few streams needs no others.
///
/// The table is seeded, and the limit of inbound streams bounds it: all that a peer gains by choosing
/// ids is that streams have a block each, of 36 bytes.
#[derive(Debug, Default)]
pub(super) struct Index {
    latest: [Block; 2],
    others: HashMap<u32, Slots>,
}

#[derive(Debug)]
struct Block {
    number: u32,
    slots: Slots,
}

type Slots = [u32; BLOCK];

impl Default for Block {
    fn default() -> Self {
        Self { number: 0, slots: [NOBODY; BLOCK] }
    }
}

impl Index {
    #[inline]
    pub(super) fn get(&self, id: StreamId) -> Option<u32> {
        let slot = *self.slots(id)?.get(place(id))?;
        (slot != NOBODY).then_some(slot)
    }

    pub(super) fn insert(&mut self, id: StreamId, slot: u32) {
        let number = number(id);
        let latest = latest_of(&mut self.latest, id);
        if latest.number != number {
            let slots = self.others.remove(&number).unwrap_or([NOBODY; BLOCK]);
            let before = core::mem::replace(latest, Block { number, slots });
            if !is_empty(&before.slots) {
                self.others.insert(before.number, before.slots);
            }
        }
        if let Some(place) = latest.slots.get_mut(place(id)) {
            *place = slot;
        }
    }

    pub(super) fn remove(&mut self, id: StreamId) {
        let number = number(id);
        let latest = latest_of(&mut self.latest, id);
        let is_latest = latest.number == number;
        let slots = if is_latest { Some(&mut latest.slots) } else { self.others.get_mut(&number) };
        let Some(slots) = slots else { return };
        if let Some(place) = slots.get_mut(place(id)) {
            *place = NOBODY;
        }
        if !is_latest && is_empty(slots) {
            self.others.remove(&number);
        }
    }

    #[inline]
    fn slots(&self, id: StreamId) -> Option<&Slots> {
        let [even, odd] = &self.latest;
        let latest = if id.get() & 1 == 0 { even } else { odd };
        if latest.number == number(id) {
            return Some(&latest.slots);
        }
        self.others.get(&number(id))
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.others.capacity()
    }

    pub(super) fn shrink(&mut self) {
        self.others.shrink_to_fit();
    }
}

/// The latest block of the side whose id this is.
const fn latest_of(latest: &mut [Block; 2], id: StreamId) -> &mut Block {
    let [even, odd] = latest;
    if id.get() & 1 == 0 { even } else { odd }
}

fn is_empty(slots: &Slots) -> bool {
    slots.iter().all(|slot| *slot == NOBODY)
}

/// The block of an id. The two sides, of odd and of even ids, have blocks of their own.
const fn number(id: StreamId) -> u32 {
    let id = id.get();
    id >> LOG_BLOCK >> 1 << 1 | id & 1
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
        let places: BTreeMap<_, _> = numbers.map(|n| ((number(id(n)), place(id(n))), n)).collect();
        assert_eq!(places.len(), 201);
        assert!(places.keys().all(|(_, place)| *place < BLOCK));
    }

    #[test]
    fn an_id_is_found_until_it_is_taken_out() {
        let mut index = Index::default();
        (1..=40).for_each(|n| index.insert(id(n), n + 100));
        assert_eq!(index.others.len(), 4, "two more are at hand");
        (1..=40).for_each(|n| assert_eq!(index.get(id(n)), Some(n + 100)));
        assert_eq!((index.get(id(41)), index.get(id(1000))), (None, None));

        (1..=40).filter(|n| n % 5 != 0).for_each(|n| index.remove(id(n)));
        (1..=40).for_each(|n| assert_eq!(index.get(id(n)), (n % 5 == 0).then_some(n + 100)));
        (1..=8).for_each(|n| index.remove(id(n * 5)));
        assert_eq!(index.others.len(), 0, "no block without a stream");
        index.shrink();
        assert_eq!(index.capacity(), 0);
    }

    #[test]
    fn few_streams_need_no_table() {
        let mut index = Index::default();
        for n in 1..=1000 {
            index.insert(id(n), n);
            index.remove(id(n));
        }
        assert_eq!(index.capacity(), 0);
    }

    #[test]
    fn ids_in_any_order_keep_their_slots() {
        let mut index = Index::default();
        let mut model = BTreeMap::new();
        // An odd factor: every id below 1,024 has its turn, one far from the next, and then again.
        for n in 0..5000_u32 {
            let number = n * 619 % 1024 + 1;
            if n % 3 == 0 {
                index.remove(id(number));
                model.remove(&number);
            } else {
                index.insert(id(number), n);
                model.insert(number, n);
            }
            assert_eq!(index.get(id(number)), model.get(&number).copied());
        }
        (1..=1024).for_each(|n| assert_eq!(index.get(id(n)), model.get(&n).copied()));
    }
}
