//! What every adapter promises, written once.
//!
//! A test binary brings a module `runtime` that says how to run and spawn futures and which adapter to
//! use, and includes this module.

mod closing;
mod delivery;
mod hostile;
pub(crate) mod pipe;
mod pressure;
mod sessions;
mod streams;
mod terminal;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::runtime::{self, Session, yamux::Config};

/// Runs a test on the runtime, and turns a hang into a failure. What counts is that the test still gets
/// its turns: a slow machine may take as long as it needs.
fn run(test: impl Future<Output = ()> + Send + 'static) {
    const SILENCE: Duration = Duration::from_secs(240);
    let turns = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&turns);
    let (done, outcome) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut test = pin!(test);
        runtime::block_on(poll_fn(|cx| {
            counter.fetch_add(1, Relaxed);
            test.as_mut().poll(cx)
        }));
        let _ = done.send(());
    });
    let mut seen = 0;
    while outcome.recv_timeout(SILENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
        let before = std::mem::replace(&mut seen, turns.load(Relaxed));
        assert!(seen != before, "the test hangs");
    }
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A client and a server over a pipe of 64 KiB.
fn pair() -> (Session, Session) {
    pair_over(64 * 1024)
}

fn pair_over(capacity: usize) -> (Session, Session) {
    let (near, far) = pipe::pipe(capacity);
    (runtime::client(near, Config::default()), runtime::server(far, Config::default()))
}

/// A client over a pipe whose other end the test plays by hand.
fn raw(capacity: usize) -> (Session, pipe::End) {
    let (near, far) = pipe::pipe(capacity);
    (runtime::client(near, Config::default()), far)
}

/// Bytes that differ from their neighbours and from other seeds'.
fn pattern(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u8) ^ ((at >> 8) as u8).wrapping_mul(31) ^ seed).collect()
}
