//! Every stream of a connection: a slab of entries, and an index from ids to slots.

use alloc::vec::Vec;

use super::index::Index;
use crate::config::Config;
use crate::error::ResetError;
use crate::flow_control::RecvWindow;
use crate::stream::{RecvHalf, SendHalf, State};
use crate::stream_id::{Side, StreamId};

/// A stream's place in the slab. The serial number tells it from the slot's other tenants, whose id
/// may be the same: a peer can use an id again.
///
/// Two numbers travel in registers. Three would be copied in memory, by loads that span the stores
/// which wrote them; the processor cannot forward those, and a frame would wait for it several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) id: StreamId,
    /// The serial number, and below it the slot.
    pub(crate) place: u64,
}

impl Key {
    fn new(id: StreamId, slot: u32, serial: u32) -> Self {
        Self { id, place: u64::from(serial) << u32::BITS | u64::from(slot) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    pub(crate) const fn slot(self) -> u32 {
        self.place as u32
    }

    const fn serial(self) -> u32 {
        (self.place >> u32::BITS) as u32
    }
}

/// All there is to one stream.
#[derive(Debug)]
pub(crate) struct Entry {
    id: StreamId,
    serial: u32,
    pub(crate) state: State,
    pub(crate) opening: Opening,
    /// A Window Update for this stream is in line for transmission.
    pub(crate) announcing: bool,
    /// The application may still read, and may still write.
    pub(crate) held: Held,
    pub(crate) send: SendHalf,
    pub(crate) recv: RecvHalf,
}

/// How far the opening of a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Ours; SYN is in line for transmission.
    SynDue,
    /// Ours; the peer has not answered.
    SynSent,
    /// The peer's; the application has not accepted it.
    Arrived,
    /// The peer's; accepted, and ACK is in line for transmission.
    AckDue,
    /// Either's; nothing more to say.
    Done,
    /// Ours; it ended before the peer answered.
    Unanswered,
}

/// Which halves the application holds a handle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) recv: bool,
    pub(crate) send: bool,
}

impl Held {
    pub(crate) const NONE: Self = Self { recv: false, send: false };
    pub(crate) const BOTH: Self = Self { recv: true, send: true };
}

impl Entry {
    pub(crate) fn new(id: StreamId, opening: Opening, held: Held, config: &Config) -> Self {
        let window = RecvWindow::new(config.initial_receive_window());
        Self {
            id,
            serial: 0,
            state: State::Open,
            opening,
            announcing: false,
            held,
            send: SendHalf::new(),
            recv: RecvHalf::new(window),
        }
    }

    fn key(&self, slot: u32) -> Key {
        Key::new(self.id, slot, self.serial)
    }

    /// Whether our SYN still awaits an answer.
    pub(crate) const fn awaits_ack(&self) -> bool {
        matches!(self.opening, Opening::SynDue | Opening::SynSent)
    }

    /// Whether the peer has yet to be told that this side opened or took the stream.
    pub(crate) const fn is_unannounced(&self) -> bool {
        matches!(self.opening, Opening::SynDue | Opening::AckDue)
    }

    /// Whether the peer has shown that it has taken the stream.
    pub(crate) const fn is_acked(&self) -> bool {
        !self.awaits_ack() && !matches!(self.opening, Opening::Unanswered)
    }
}

/// The slab, the index, and the counts that limits are checked against.
#[derive(Debug)]
pub(crate) struct Streams {
    side: Side,
    entries: Vec<Option<Entry>>,
    vacant: Vec<u32>,
    index: Index,
    next: Option<StreamId>,
    serial: u32,
    /// The highest id that the peer has opened.
    highest_inbound: Option<StreamId>,
    inbound: usize,
    unacked: usize,
    awaiting_peer: usize,
}

impl Streams {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            side,
            entries: Vec::new(),
            vacant: Vec::new(),
            index: Index::default(),
            next: Some(StreamId::first(side)),
            serial: 0,
            highest_inbound: None,
            inbound: 0,
            unacked: 0,
            awaiting_peer: 0,
        }
    }

    /// Opens the next stream of this side, or says that there are no more ids.
    pub(crate) fn open(&mut self, config: &Config) -> Option<Key> {
        let id = self.next?;
        self.next = id.next();
        self.unacked = self.unacked.saturating_add(1);
        Some(self.insert(Entry::new(id, Opening::SynDue, Held::BOTH, config)))
    }

    /// Whether this side may open another stream, ever.
    pub(crate) const fn has_ids(&self) -> bool {
        self.next.is_some()
    }

    /// Registers a stream that the peer opened.
    pub(crate) fn arrive(&mut self, id: StreamId, config: &Config) -> Key {
        self.inbound = self.inbound.saturating_add(1);
        self.insert(Entry::new(id, Opening::Arrived, Held::NONE, config))
    }

    /// Remembers that the peer opened a stream of this id, whatever became of it.
    pub(crate) fn note_inbound(&mut self, id: StreamId) {
        self.highest_inbound = self.highest_inbound.max(Some(id));
    }

    pub(crate) fn find(&self, id: StreamId) -> Option<Key> {
        let slot = self.index.get(id)?;
        let entry = self.entries.get(as_index(slot))?.as_ref()?;
        Some(entry.key(slot))
    }

    pub(crate) fn find_mut(&mut self, id: StreamId) -> Option<(Key, &mut Entry)> {
        let slot = self.index.get(id)?;
        let entry = self.entries.get_mut(as_index(slot))?.as_mut()?;
        Some((entry.key(slot), entry))
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries
            .get(as_index(key.slot()))?
            .as_ref()
            .filter(|entry| entry.serial == key.serial())
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries
            .get_mut(as_index(key.slot()))?
            .as_mut()
            .filter(|entry| entry.serial == key.serial())
    }

    /// Forgets a stream and returns it.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Entry> {
        self.free_place(key, Opening::Unanswered);
        let entry = self
            .entries
            .get_mut(as_index(key.slot()))?
            .take_if(|entry| entry.serial == key.serial())?;
        self.index.remove(key.id);
        self.vacant.push(key.slot());
        if self.is_inbound(key.id) {
            self.inbound = self.inbound.saturating_sub(1);
        }
        if entry.state.awaits_peer() {
            self.awaiting_peer = self.awaiting_peer.saturating_sub(1);
        }
        Some(entry)
    }

    /// Frees the place among the unacknowledged that a stream of ours holds, for what became of its
    /// opening; true if it held one.
    pub(crate) fn free_place(&mut self, key: Key, became: Opening) -> bool {
        let Some(entry) = self.get_mut(key).filter(|entry| entry.awaits_ack()) else {
            return false;
        };
        entry.opening = became;
        self.unacked = self.unacked.saturating_sub(1);
        true
    }

    /// Applies an event of the state machine and keeps the counts true; the event's own answer.
    pub(crate) fn change(&mut self, key: Key, event: impl FnOnce(&mut State) -> bool) -> bool {
        let Some(entry) = self.get_mut(key) else { return false };
        let before = entry.state.awaits_peer();
        let changed = event(&mut entry.state);
        match (before, entry.state.awaits_peer()) {
            (false, true) => self.awaiting_peer = self.awaiting_peer.saturating_add(1),
            (true, false) => self.awaiting_peer = self.awaiting_peer.saturating_sub(1),
            (false, false) | (true, true) => {}
        }
        changed
    }

    /// See [`State::reset`].
    pub(crate) fn reset(&mut self, key: Key, why: ResetError) -> bool {
        self.change(key, |state| state.reset(why))
    }

    pub(crate) fn is_inbound(&self, id: StreamId) -> bool {
        id.opener() != self.side
    }

    /// Whether a stream of this id was ever opened, so that frames for it may merely be late.
    pub(crate) fn was_opened(&self, id: StreamId) -> bool {
        if self.is_inbound(id) {
            self.highest_inbound.is_some_and(|highest| id <= highest)
        } else {
            self.next.is_none_or(|next| id < next)
        }
    }

    /// Streams that are known, whatever their state.
    pub(crate) fn len(&self) -> usize {
        self.entries.len().saturating_sub(self.vacant.len())
    }

    /// Whether nothing more will come or go on any stream.
    pub(crate) fn all_ended(&self) -> bool {
        self.entries.iter().flatten().all(|entry| entry.state.is_ended())
    }

    /// Streams on which this side could still send.
    pub(crate) fn unfinished(&self) -> Vec<Key> {
        self.keys(|entry| entry.state.can_send())
    }

    /// Streams that the application has let go of, of which the peer has been told all it need know.
    pub(crate) fn left_behind(&self) -> Vec<Key> {
        let left = |entry: &Entry| {
            let unsaid = entry.announcing && entry.is_unannounced();
            entry.held == Held::NONE && entry.opening != Opening::Arrived && !unsaid
        };
        self.keys(left)
    }

    fn keys(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Key> {
        let entries = (0_u32..).zip(&self.entries);
        let entries = entries.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)));
        entries.filter(|(_, entry)| wanted(entry)).map(|(slot, entry)| entry.key(slot)).collect()
    }

    /// Streams of the peer that are known.
    pub(crate) const fn inbound(&self) -> usize {
        self.inbound
    }

    /// Streams of ours that the peer has not acknowledged.
    pub(crate) const fn unacked(&self) -> usize {
        self.unacked
    }

    /// Streams whose FIN we sent and whose other end is still open.
    pub(crate) const fn awaiting_peer(&self) -> usize {
        self.awaiting_peer
    }

    /// Gives back the memory of many more streams than are left.
    pub(crate) fn shrink(&mut self) {
        if self.entries.len() < self.len().saturating_mul(4) {
            return;
        }
        let used = self.entries.iter().rposition(Option::is_some);
        self.entries.truncate(used.map_or(0, |last| last.saturating_add(1)));
        self.entries.shrink_to_fit();
        // The slots in front are used first, so that those behind can go the next time.
        let slots = (0_u32..).zip(&self.entries);
        self.vacant = slots.filter(|(_, entry)| entry.is_none()).map(|(slot, _)| slot).collect();
        self.vacant.reverse();
        self.index.shrink();
    }

    /// Slots that there are, used or not.
    #[cfg(feature = "driver")]
    pub(crate) fn slots(&self) -> usize {
        self.entries.len()
    }

    fn insert(&mut self, mut entry: Entry) -> Key {
        self.serial = self.serial.wrapping_add(1);
        entry.serial = self.serial;
        let (id, serial) = (entry.id, entry.serial);
        let slot = match self.vacant.pop() {
            Some(slot) => {
                if let Some(place) = self.entries.get_mut(as_index(slot)) {
                    *place = Some(entry);
                }
                slot
            }
            None => {
                self.entries.push(Some(entry));
                u32::try_from(self.entries.len().saturating_sub(1)).unwrap_or(u32::MAX)
            }
        };
        self.index.insert(id, slot);
        Key::new(id, slot, serial)
    }
}

fn as_index(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use crate::error::OpenError;
    use crate::event::Event;
    use crate::time::Instant;

    #[test]
    fn a_stale_key_finds_nothing() {
        let config = Config::default();
        let mut streams = Streams::new(Side::Client);
        let old = streams.open(&config).unwrap();
        assert!(streams.remove(old).is_some());
        let new = streams.open(&config).unwrap();
        assert_eq!(new.slot(), old.slot(), "the slot is used again");
        assert!(streams.get(old).is_none());
        assert!(streams.get(new).is_some());
    }

    #[test]
    fn a_stale_key_finds_nothing_even_if_the_id_is_used_again() {
        let config = Config::default();
        let mut streams = Streams::new(Side::Client);
        let id = StreamId::new(2).unwrap();
        let old = streams.arrive(id, &config);
        streams.remove(old);
        let new = streams.arrive(id, &config);
        assert_eq!((new.slot(), new.id), (old.slot(), old.id));
        assert!(streams.get(old).is_none());
        assert_eq!(streams.find(id), Some(new));
    }

    #[test]
    fn one_stream_that_stays_keeps_no_memory_of_the_others() {
        let config = Config::default();
        let mut streams = Streams::new(Side::Client);
        let mut keys: Vec<_> = (0..1000).map(|_| streams.open(&config).unwrap()).collect();
        let stays = keys.remove(100);
        keys.into_iter().for_each(|key| drop(streams.remove(key)));
        streams.shrink();
        assert_eq!((streams.entries.capacity(), streams.vacant.len()), (101, 100));
        assert!(streams.get(stays).is_some() && streams.index.capacity() < 10);
        // Others come in front of it, and when it goes all that was behind them goes.
        let others = [(); 2].map(|()| streams.open(&config).unwrap());
        assert_eq!(others.map(Key::slot), [0, 1]);
        streams.remove(stays);
        streams.shrink();
        assert_eq!((streams.entries.capacity(), streams.vacant.len()), (2, 0));
        others.into_iter().for_each(|key| drop(streams.remove(key)));
        streams.shrink();
        assert_eq!((streams.entries.capacity(), streams.index.capacity()), (0, 0));
    }

    #[test]
    fn ids_run_out_after_the_last_of_a_side() {
        let config = Config::default();
        let mut streams = Streams::new(Side::Server);
        streams.next = StreamId::new(u32::MAX - 1);
        assert!(streams.open(&config).is_some());
        assert!(streams.open(&config).is_none());
    }

    #[test]
    fn those_who_wait_to_open_hear_that_the_ids_have_run_out() {
        let mut connection = Connection::new(Side::Client, Config::default(), Instant::ORIGIN);
        while connection.open() != Err(OpenError::Backlog) {}
        // The peer answers one stream, and the last id goes to one of those who wait.
        let key = connection.streams.find(StreamId::first(Side::Client)).unwrap();
        connection.streams.free_place(key, Opening::Done);
        connection.streams.next = StreamId::new(u32::MAX);
        while connection.poll_event().is_some() {}
        assert_eq!(connection.open().map(StreamId::get), Ok(u32::MAX));
        assert_eq!(connection.poll_event(), Some(Event::Outbound));
        assert_eq!(connection.open(), Err(OpenError::IdsExhausted));
    }

    #[test]
    fn counts_follow_the_streams() {
        let config = Config::default();
        let mut streams = Streams::new(Side::Client);
        let ours = streams.open(&config).unwrap();
        let theirs = streams.arrive(StreamId::new(2).unwrap(), &config);
        assert_eq!((streams.unacked(), streams.inbound(), streams.len()), (1, 1, 2));
        assert!(streams.change(ours, State::send_fin));
        assert_eq!(streams.awaiting_peer(), 1);
        streams.remove(ours);
        streams.remove(theirs);
        assert_eq!((streams.unacked(), streams.inbound(), streams.len()), (0, 0, 0));
        assert_eq!(streams.awaiting_peer(), 0);
    }
}
