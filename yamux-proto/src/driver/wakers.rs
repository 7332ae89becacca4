//! Who waits for what, and who is to be woken once the lock is free.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::mem;
use core::panic::AssertUnwindSafe;
use core::task::{Context, Waker};
use std::panic;

/// The waiters of one stream: its reader and its writer may be two tasks.
#[derive(Debug, Default)]
pub(super) struct StreamWakers {
    pub(super) read: Option<Waker>,
    pub(super) write: Option<Waker>,
}

/// Wakers collected under the lock, to be woken or dropped after it is released: either may run
/// anything, and the last waker of a task may own what the task holds of this very session.
///
/// Most calls wake one task at most, and must not allocate for it.
#[derive(Debug, Default)]
pub(super) enum Wakes {
    #[default]
    None,
    One(Waker),
    /// Keeps its memory for the next time.
    Many(Box<Many>),
}

#[derive(Debug, Default)]
pub(super) struct Many {
    due: Vec<Waker>,
    /// Not to be woken.
    spent: Vec<Waker>,
}

impl Wakes {
    #[inline]
    pub(super) fn push(&mut self, waker: Option<Waker>) {
        match (waker, &mut *self) {
            (None, _) => {}
            (Some(waker), Self::None) => *self = Self::One(waker),
            (Some(waker), Self::One(_)) => self.change(|many| many.due.push(waker)),
            (Some(waker), Self::Many(many)) => many.due.push(waker),
        }
    }

    /// Keeps the waker of `cx` in `slot`, without a clone if it is there already.
    pub(super) fn register(&mut self, slot: &mut Option<Waker>, cx: &Context<'_>) {
        if !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            let old = slot.replace(cx.waker().clone());
            self.drop_later(old);
        }
    }

    pub(super) fn drop_later(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.change(|many| many.spent.push(waker));
        }
    }

    #[cold]
    fn change(&mut self, change: impl FnOnce(&mut Many)) {
        let mut many = match mem::take(self) {
            Self::None => Box::default(),
            Self::One(first) => Box::new(Many { due: vec![first], spent: Vec::new() }),
            Self::Many(many) => many,
        };
        change(&mut many);
        *self = Self::Many(many);
    }

    /// Gives back the memory that only many wakers need.
    pub(super) fn shrink(&mut self) {
        *self = Self::None;
    }

    /// Wakes them all, in the order in which they came.
    #[inline]
    pub(super) fn wake(&mut self) {
        if !matches!(self, Self::None) {
            self.wake_all();
        }
    }

    fn wake_all(&mut self) {
        match self {
            Self::None => {}
            Self::One(_) => mem::take(self).wake_and_go(),
            Self::Many(many) => many.wake(),
        }
    }

    /// [`wake`](Self::wake), for the last time: nothing is left to be dropped.
    #[inline]
    pub(super) fn wake_and_go(self) {
        match self {
            Self::None => {}
            Self::One(waker) => waker.wake(),
            Self::Many(mut many) => many.wake(),
        }
    }
}

impl Many {
    fn wake(&mut self) {
        let mut due = Due(self.due.drain(..));
        for waker in due.0.by_ref() {
            waker.wake();
        }
        drop(due);
        self.spent.clear();
    }
}

/// If a waker panics, the others are woken all the same: nobody else knows of them any more.
struct Due<'a>(vec::Drain<'a, Waker>);

impl Drop for Due<'_> {
    fn drop(&mut self) {
        for waker in self.0.by_ref() {
            // One panic is under way, and a second one would end the process.
            drop(panic::catch_unwind(AssertUnwindSafe(|| waker.wake())));
        }
    }
}

/// Tasks that wait for the same thing, first come first served.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    waiters: VecDeque<Waiter>,
    tickets: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    waker: Waker,
    may_idle: bool,
}

/// A place in a [`WaitQueue`].
#[derive(Debug, Default)]
pub(super) struct Ticket {
    number: Option<u64>,
    /// Nobody may be polling whoever holds it: its turn is the next one's too.
    may_idle: bool,
}

impl Ticket {
    /// A place that is kept while nobody asks for it.
    pub(super) const fn idling() -> Self {
        Self { number: None, may_idle: true }
    }

    pub(super) const fn is_taken(&self) -> bool {
        self.number.is_some()
    }
}

impl WaitQueue {
    /// Waits in line, or keeps the place it has.
    pub(super) fn wait(&mut self, ticket: &mut Ticket, cx: &Context<'_>, wakes: &mut Wakes) {
        if let Some(waiter) = self.find(ticket).and_then(|index| self.waiters.get_mut(index)) {
            if !waiter.waker.will_wake(cx.waker()) {
                wakes.drop_later(Some(mem::replace(&mut waiter.waker, cx.waker().clone())));
            }
            return;
        }
        self.tickets = self.tickets.saturating_add(1);
        let (number, waker) = (self.tickets, cx.waker().clone());
        self.waiters.push_back(Waiter { number, waker, may_idle: ticket.may_idle });
        ticket.number = Some(number);
    }

    /// Leaves the line for good. A turn that came and was not used goes to the next in line, unless
    /// `served` says that it was.
    pub(super) fn leave(&mut self, ticket: &mut Ticket, served: bool, wakes: &mut Wakes) {
        match self.find(ticket) {
            Some(index) => {
                wakes.drop_later(self.waiters.remove(index).map(|waiter| waiter.waker));
            }
            None if ticket.is_taken() && !served => self.notify_one(wakes),
            None => {}
        }
        ticket.number = None;
    }

    /// Wakes the first in line that is sure to be polled, and who stands before it.
    pub(super) fn notify_one(&mut self, wakes: &mut Wakes) {
        while let Some(waiter) = self.waiters.pop_front() {
            wakes.push(Some(waiter.waker));
            if !waiter.may_idle {
                return;
            }
        }
    }

    pub(super) fn notify_all(&mut self, wakes: &mut Wakes) {
        for waiter in self.waiters.drain(..) {
            wakes.push(Some(waiter.waker));
        }
    }

    pub(super) fn shrink(&mut self) {
        self.waiters.shrink_to_fit();
    }

    fn find(&self, ticket: &Ticket) -> Option<usize> {
        let number = ticket.number?;
        self.waiters.binary_search_by_key(&number, |waiter| waiter.number).ok()
    }
}
