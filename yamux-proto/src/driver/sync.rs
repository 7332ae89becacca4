//! The lock of a session; loom's in its place where `tests/loom.rs` looks at every order of events.

#[cfg(loom)]
pub(super) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(super) use std::sync::{Arc, Mutex, MutexGuard};

use std::sync::PoisonError;
use std::sync::TryLockError::{Poisoned, WouldBlock};

/// Pauses before each further look at a lock that is taken.
///
/// Almost every call holds the lock for less than it takes to hand it over. A thread that looks at it
/// all the time, as std's mutex does, takes the cache line away from the one that works, and then the
/// two pass all that the lock guards to and fro, call by call. Looking seldom lets the other thread
/// make several calls in a row: a third more round trips on a hundred streams with two threads. The
/// pauses add up to about what it costs to fall asleep and be woken, which is the last resort.
///
/// Loom has no time to pass: there, a second look would be one more order to go through.
const PAUSES: &[u32] = if cfg!(loom) { &[] } else { &[64, 128, 256] };

/// Locks, whether or not a thread that held the lock panicked: the state behind it is changed only by
/// calls that leave it whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    try_lock(mutex).unwrap_or_else(|| contend(mutex))
}

#[cold]
fn contend<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    for pauses in PAUSES {
        (0..*pauses).for_each(|_| core::hint::spin_loop());
        if let Some(guard) = try_lock(mutex) {
            return guard;
        }
    }
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(WouldBlock) => None,
    }
}
