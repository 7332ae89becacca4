//! The lock of a session; loom's in its place where `tests/loom.rs` looks at every order of events.

#[cfg(loom)]
pub(super) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(super) use std::sync::{Arc, Mutex, MutexGuard};

/// Locks, whether or not a thread that held the lock panicked: the state behind it is changed only by
/// calls that leave it whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
