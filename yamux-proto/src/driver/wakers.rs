//! Who waits for what, and who is to be woken once the lock is free.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::task::{Context, Waker};

/// The waiters of one stream: its reader and its writer may be two tasks.
#[derive(Debug, Default)]
pub(super) struct StreamWakers {
    pub(super) read: Option<Waker>,
    pub(super) write: Option<Waker>,
}

/// Keeps the waker of `cx`, without a clone if it is the one that is kept already.
pub(super) fn register(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// Wakers collected under the lock, to be woken after it is released: a waker may run anything.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    /// Most calls wake one task at most; that must not allocate.
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Wakes {
    pub(super) fn push(&mut self, waker: Option<Waker>) {
        match waker {
            Some(waker) if self.first.is_none() => self.first = Some(waker),
            Some(waker) => self.rest.push(waker),
            None => {}
        }
    }

    pub(super) fn shrink(&mut self) {
        self.rest = Vec::new();
    }

    /// Wakes them all, in the order in which they came.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.first.take() {
            waker.wake();
        }
        if !self.rest.is_empty() {
            for waker in self.rest.drain(..) {
                waker.wake();
            }
        }
    }
}

/// Tasks that wait for the same thing, first come first served.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    waiters: VecDeque<(u64, Waker)>,
    tickets: u64,
}

/// A place in a [`WaitQueue`].
#[derive(Debug, Default)]
pub(super) struct Ticket(Option<u64>);

impl Ticket {
    pub(super) const fn is_taken(&self) -> bool {
        self.0.is_some()
    }
}

impl WaitQueue {
    /// Waits in line, or keeps the place it has.
    pub(super) fn wait(&mut self, ticket: &mut Ticket, cx: &Context<'_>) {
        if let Some(index) = self.find(ticket) {
            if let Some((_, waker)) = self.waiters.get_mut(index) {
                waker.clone_from(cx.waker());
            }
            return;
        }
        self.tickets = self.tickets.saturating_add(1);
        self.waiters.push_back((self.tickets, cx.waker().clone()));
        ticket.0 = Some(self.tickets);
    }

    /// Leaves the line for good. A turn that came and was not used goes to the next in line, unless
    /// `served` says that it was.
    pub(super) fn leave(&mut self, ticket: &mut Ticket, served: bool, wakes: &mut Wakes) {
        match self.find(ticket) {
            Some(index) => {
                self.waiters.remove(index);
            }
            None if ticket.0.is_some() && !served => self.notify_one(wakes),
            None => {}
        }
        ticket.0 = None;
    }

    pub(super) fn notify_one(&mut self, wakes: &mut Wakes) {
        wakes.push(self.waiters.pop_front().map(|(_, waker)| waker));
    }

    pub(super) fn notify_all(&mut self, wakes: &mut Wakes) {
        for (_, waker) in self.waiters.drain(..) {
            wakes.push(Some(waker));
        }
    }

    fn find(&self, ticket: &Ticket) -> Option<usize> {
        let number = ticket.0?;
        self.waiters.binary_search_by_key(&number, |(number, _)| *number).ok()
    }
}
