//! What the peer sends, judged frame by frame.

use bytes::BytesMut;

use super::Connection;
use super::notes::Note;
use super::offences::Load;
use super::ping::Pong;
use super::restraint::Restraint;
use super::streams::{Entry, Key, Opening};
use crate::error::{ProtocolError, ResetError};
use crate::event::Event;
use crate::flow_control::INITIAL_WINDOW;
use crate::frame::{Flags, Frame, Item, Piece};
use crate::limits::{LATE_FRAMES, PENDING_REFUSALS};
use crate::stream::State;
use crate::stream_id::StreamId;
use crate::time::Instant;

/// Whom the body of the Data frame under way is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    /// Nobody: it is drained.
    Nobody,
    /// This stream, which ends with it if the frame carried FIN.
    Stream { key: Key, fin: bool },
}

/// The stream of a frame, and whether opening or acknowledging it was a point of the frame.
#[derive(Clone, Copy, Debug)]
struct Admitted {
    key: Key,
    effect: bool,
}

impl Connection {
    /// Takes what came from the transport; an incomplete header stays in `input` for the next time,
    /// and everything does while a limit keeps input waiting (see [`wants_input`]).
    ///
    /// [`wants_input`]: Self::wants_input
    pub fn handle_input(&mut self, now: Instant, input: &mut BytesMut) {
        self.tick(now);
        let before = input.len();
        if before > self.leftover {
            self.note_input(now);
        }
        if let Err(error) = self.receive(now, input) {
            self.fail(now, error);
        }
        if self.cause.is_some() {
            input.clear();
        }
        self.leftover = input.len();
        let taken = before.saturating_sub(input.len());
        self.pool.count_input(taken);
        self.stats.bytes_received =
            self.stats.bytes_received.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        self.copy_lingering(false);
        self.settle_phase();
    }

    /// Whether [`handle_input`](Self::handle_input) would take anything: not while too many bytes
    /// are unread, too many refusals unsent, or a stream waits for a place in the accept queue. When
    /// that is over, call `handle_input` once more with what it left, even if that is nothing.
    pub fn wants_input(&self) -> bool {
        let held = self.backlog.holds_input()
            || self.unread > self.config.max_unread_bytes()
            || self.refusals.len() >= PENDING_REFUSALS;
        // After the end, only the end of the transport is still of interest.
        !held || self.cause.is_some()
    }

    /// Whether a frame that was held back waits to be taken up with the next input, even an empty
    /// one.
    pub fn has_deferred_input(&self) -> bool {
        self.backlog.has_deferred() && self.cause.is_none()
    }

    /// Takes what the input holds, as long as it is wanted.
    fn receive(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), ProtocolError> {
        if self.cause.is_some() || !self.wants_input() {
            return Ok(());
        }
        if let Some(frame) = self.backlog.take_deferred(now) {
            self.receive_frame(now, frame)?;
        }
        while self.cause.is_none() {
            if !self.wants_input() {
                self.stats.input_pauses = self.stats.input_pauses.saturating_add(1);
                break;
            }
            match self.decoder.next(input)? {
                None => break,
                Some(Item::Frame(frame)) => {
                    self.stats.frames_received = self.stats.frames_received.saturating_add(1);
                    if self.should_defer(frame) {
                        self.defer(now, frame);
                    } else {
                        self.receive_frame(now, frame)?;
                    }
                }
                Some(Item::Body(piece)) => self.receive_body(now, piece)?,
            }
        }
        Ok(())
    }

    /// Inlined, so that the frame is taken apart where it was put together, and never in memory; what
    /// its parts go to is not, as there are two places.
    #[inline(always)]
    fn receive_frame(&mut self, now: Instant, frame: Frame) -> Result<(), ProtocolError> {
        match frame {
            Frame::Data { stream, flags, length } => self.receive_data(now, stream, flags, length),
            Frame::WindowUpdate { stream, flags, delta } => {
                self.receive_window_update(now, stream, flags, delta)
            }
            Frame::Ping { request: true, value } => self.receive_ping(now, value),
            Frame::Ping { request: false, value } => self.receive_pong(now, value),
            Frame::GoAway { code } => self.receive_go_away(now, code),
        }
    }

    #[inline(never)]
    fn receive_data(
        &mut self,
        now: Instant,
        id: StreamId,
        flags: Flags,
        length: u32,
    ) -> Result<(), ProtocolError> {
        self.body = Body::Nobody;
        let Some(admitted) = self.admit(now, id, flags, Load::Data(length))? else { return Ok(()) };
        let key = admitted.key;
        let Some(entry) = self.streams.get_mut(key) else { return Ok(()) };
        if flags.contains(Flags::RST) {
            return self.receive_reset(now, key, 0);
        }
        if !entry.state.can_receive() {
            return self.late_load(now, Load::Data(length));
        }
        entry.recv.window.receive(length).map_err(|_| ProtocolError::WindowExceeded(id))?;
        let fin = flags.contains(Flags::FIN);
        if length > 0 {
            if entry.recv.note_frame(Restraint::is_small(length)) {
                self.restraint.note_small(now, key);
            }
            self.body = Body::Stream { key, fin };
            return Ok(());
        }
        let effect = (fin && self.receive_fin(key)) || admitted.effect;
        if effect { Ok(()) } else { self.frame_without_effect(now, key) }
    }

    #[inline(never)]
    fn receive_window_update(
        &mut self,
        now: Instant,
        id: StreamId,
        flags: Flags,
        delta: u32,
    ) -> Result<(), ProtocolError> {
        self.stats.window_updates_received = self.stats.window_updates_received.saturating_add(1);
        let Some(admitted) = self.admit(now, id, flags, Load::Window(delta))? else {
            return Ok(());
        };
        let key = admitted.key;
        if flags.contains(Flags::RST) {
            return self.receive_reset(now, key, delta);
        }
        let grown = self.grow_send_window(key, delta)?;
        let finished = flags.contains(Flags::FIN) && self.receive_fin(key);
        if grown || finished || admitted.effect {
            return Ok(());
        }
        match delta {
            0 => self.frame_without_effect(now, key),
            _ => self.late_load(now, Load::Window(delta)),
        }
    }

    /// What both carriers of stream frames have in common: opening, acknowledging, and finding the
    /// stream. `None` if the frame is for no stream that lives here.
    fn admit(
        &mut self,
        now: Instant,
        id: StreamId,
        flags: Flags,
        load: Load,
    ) -> Result<Option<Admitted>, ProtocolError> {
        if flags.contains(Flags::SYN) {
            return self.receive_syn(now, id, flags, load);
        }
        // The peer cannot know a stream whose SYN has not gone out.
        let known = |(_, entry): &(Key, &mut Entry)| entry.opening != Opening::SynDue;
        let Some((key, entry)) = self.streams.find_mut(id).filter(known) else {
            self.unknown_stream(now, id, load)?;
            return Ok(None);
        };
        // hashicorp/yamux never acknowledges a stream whose FIN came before its Accept, so any frame
        // shows that the peer has taken the stream; but for a reset, with which it refuses one.
        let refused = flags.contains(Flags::RST) && !flags.contains(Flags::ACK);
        let effect = match entry.opening {
            Opening::SynSent if refused => self.free_place(key, Opening::Unanswered),
            Opening::SynSent => self.free_place(key, Opening::Done),
            Opening::Unanswered if !refused => {
                entry.opening = Opening::Done;
                true
            }
            Opening::SynDue
            | Opening::Arrived
            | Opening::AckDue
            | Opening::Done
            | Opening::Unanswered => false,
        };
        Ok(Some(Admitted { key, effect }))
    }

    /// spec: Opening a stream. Nothing is registered before the whole frame is judged.
    fn receive_syn(
        &mut self,
        now: Instant,
        id: StreamId,
        flags: Flags,
        load: Load,
    ) -> Result<Option<Admitted>, ProtocolError> {
        if !self.streams.is_inbound(id) {
            return Err(ProtocolError::WrongParity(id));
        }
        if self.streams.find(id).is_some() {
            return Err(ProtocolError::DuplicateStream(id));
        }
        if matches!(load, Load::Data(body) if body > INITIAL_WINDOW) {
            return Err(ProtocolError::WindowExceeded(id));
        }
        self.streams.note_inbound(id);
        if flags.contains(Flags::RST) {
            self.count_reset(now)?;
            return Ok(None);
        }
        if self.refusing
            || self.backlog.len() >= self.config.accept_backlog()
            || self.streams.inbound() >= self.config.max_inbound_streams()
        {
            self.refuse(id);
            return Ok(None);
        }
        let key = self.streams.arrive(id, &self.config);
        self.expect_late_frames(LATE_FRAMES);
        let streams = &self.streams;
        self.backlog.push(key, |key| streams.get(key).is_some());
        self.emit(Event::Incoming);
        Ok(Some(Admitted { key, effect: true }))
    }

    /// An honest peer learns of the limits only by running into them, at full speed if it is busy. So a
    /// refused SYN is no offence, just as a ping that gets its answer is none; if the peer does not read
    /// its refusals, [`PENDING_REFUSALS`] holds up the input.
    fn refuse(&mut self, id: StreamId) {
        self.refusals.push_back(id);
        self.stats.streams_refused = self.stats.streams_refused.saturating_add(1);
        self.notes.take_down(Note::Refused(id));
        // Until the RST arrives, the peer may fill the stream's window.
        self.expect_late_frames(LATE_FRAMES);
        self.expect_late_data(INITIAL_WINDOW);
    }

    fn receive_body(&mut self, now: Instant, piece: Piece<'_>) -> Result<(), ProtocolError> {
        let Body::Stream { key, fin } = self.body else { return Ok(()) };
        let (len, last) = (piece.as_slice().len(), piece.is_last());
        let counted = u64::try_from(len).unwrap_or(u64::MAX);
        self.stats.data_received = self.stats.data_received.saturating_add(counted);
        // The application may have reset or dropped the stream since the header came.
        let Some(entry) = self.streams.get_mut(key).filter(|entry| entry.state.can_receive())
        else {
            self.stats.data_discarded = self.stats.data_discarded.saturating_add(counted);
            return Ok(());
        };
        if entry.held.recv || entry.opening == Opening::Arrived {
            self.unread = self.unread.saturating_add(len);
            if entry.recv.push(piece, &mut self.pool) {
                self.pool.note_slice(key);
            }
            if core::mem::take(&mut entry.recv.blocked) {
                self.emit(Event::Readable(key));
            }
        } else {
            drop(piece);
            self.discard(now, key, len)?;
        }
        if last && fin {
            self.receive_fin(key);
        }
        Ok(())
    }

    /// The application has dropped its handle and the peer still sends: take it, within limits, so
    /// that the peer is neither stalled for ever nor robbed of the response it has not read.
    fn discard(&mut self, now: Instant, key: Key, bytes: usize) -> Result<(), ProtocolError> {
        let counted = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.stats.data_discarded = self.stats.data_discarded.saturating_add(counted);
        let limit = self.config.linger_bytes();
        let Some(entry) = self.streams.get_mut(key) else { return Ok(()) };
        let discarded = u32::try_from(bytes).unwrap_or(u32::MAX);
        entry.recv.discarded = entry.recv.discarded.saturating_add(discarded);
        if entry.recv.discarded > limit {
            // An honest peer cannot know that the application has left. What makes resets an attack
            // is that they are cheap: not so after a whole window of data, nor on streams of ours.
            if limit < INITIAL_WINDOW && self.streams.is_inbound(key.id) {
                self.count_reset(now)?;
            }
            self.reset_stream(key, ResetError::Locally(0));
        } else if entry.recv.window.consume(bytes) {
            self.announce(key);
        }
        Ok(())
    }

    /// spec: Closing a stream, half close. False if the peer had finished before.
    fn receive_fin(&mut self, key: Key) -> bool {
        let finished = self.streams.change(key, State::receive_fin);
        if finished {
            self.wake_reader(key);
            if self.streams.get(key).is_some_and(|entry| entry.state.is_ended()) {
                self.wake_writer(key);
            }
            self.release_if_over(key);
        }
        finished
    }

    fn receive_reset(&mut self, now: Instant, key: Key, code: u32) -> Result<(), ProtocolError> {
        if !self.streams.reset(key, ResetError::ByPeer(code)) {
            return self.late_frame(now);
        }
        self.stats.resets_received = self.stats.resets_received.saturating_add(1);
        self.notes.take_down(Note::Reset { id: key.id, code });
        let Some(entry) = self.streams.get(key) else { return Ok(()) };
        // What was accepted keeps its place until the application lets go of it, however soon the
        // peer does: only what was not costs nothing to open and reset again.
        if entry.opening == Opening::Arrived {
            // A message that is complete can still be read, as it could without the reset.
            if !entry.state.is_stopped() {
                self.forget(key);
            }
            return self.count_reset(now);
        }
        self.wake_both(key);
        self.release_if_over(key);
        Ok(())
    }

    fn receive_ping(&mut self, now: Instant, value: u32) -> Result<(), ProtocolError> {
        self.stats.pings_received = self.stats.pings_received.saturating_add(1);
        if self.ping.receive_ping(value).is_err() {
            self.stats.pings_dropped = self.stats.pings_dropped.saturating_add(1);
            self.glitch(now)?;
        }
        Ok(())
    }

    fn receive_pong(&mut self, now: Instant, value: u32) -> Result<(), ProtocolError> {
        match self.ping.receive_pong(now, value) {
            Pong::Expected(rtt) => self.emit(Event::Pong { value, rtt }),
            Pong::Late => {}
            Pong::Unasked => self.glitch(now)?,
        }
        Ok(())
    }

    /// Copies what slices of old read buffers still wait, so that the buffers can go.
    pub(super) fn copy_lingering(&mut self, all: bool) {
        while let Some((key, at)) = self.pool.lingering(all) {
            if let Some(entry) = self.streams.get_mut(key) {
                entry.recv.compact(at);
            }
        }
    }
}
