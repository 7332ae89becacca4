//! Whether a transport has anything new to say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// The waker that a transport gets in the task's place, and what it tells of it: nothing, as long as it
/// has not been rung.
///
/// Streams wake the driver more often than the transport does. To ask the transport each time is a
/// system call on these runtimes, which remember of no socket that it was empty.
///
/// It goes to writes and flushes as well as to reads: a pipe that has one place for whoever waits would
/// else ring nothing when input arrives.
#[derive(Debug)]
pub(crate) struct Bell {
    wire: Arc<Wire>,
    /// Of the wire.
    waker: Waker,
}

#[derive(Debug, Default)]
struct Wire {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        let wire = Arc::new(Wire::default());
        Self { waker: Arc::clone(&wire).into(), wire }
    }

    /// What a transport is polled with, to wake the task of `cx`.
    pub(crate) fn connect(&self, cx: &Context<'_>) -> Context<'_> {
        let mut task = self.wire.lock();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            let old = task.replace(cx.waker().clone());
            drop(task);
            // To drop a waker may run anything.
            drop(old);
        }
        Context::from_waker(&self.waker)
    }

    /// Whether it was rung since the last time.
    pub(crate) fn take(&self) -> bool {
        self.wire.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wire {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wire {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // First: who is connected after the task was looked up sees it.
        self.rung.store(true, Ordering::Release);
        let task = self.lock().clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}
