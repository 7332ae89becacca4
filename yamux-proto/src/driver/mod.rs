//! The async layer that every adapter shares: who waits for what, and when I/O happens.
//!
//! It knows tasks and wakers, and no runtime. An adapter gives it a [`Transport`] and a [`Timer`],
//! spawns the [`Driver`], and wraps [`Session`] and [`Handle`] in the traits of its runtime.

#![allow(
    clippy::disallowed_types,
    reason = "wakers, locks and std's errors are what this layer adds to the core"
)]

mod error;
mod read_buffer;
mod run;
mod session;
mod shared;
mod stream;
mod sync;
mod tidy;
mod wakers;

use core::task::{Context, Poll};
use std::io::{self, IoSlice};

use bytes::BytesMut;

use crate::config::Config;
use crate::connection::Connection;
use crate::stream_id::Side;
use crate::time::Instant;

pub use error::{SessionError, StreamError};
pub use run::Driver;
pub use session::{AcceptTurn, Session};
pub use stream::Handle;

use shared::Shared;
use sync::Arc;

/// A reliable, ordered byte pipe, in the terms of `core::task`.
pub trait Transport {
    /// Appends what has arrived to `buf`, at most its spare capacity; 0 means that the input has
    /// ended.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Writes from the front of `bufs` and says how much.
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Pushes out what was written.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Flushes and closes the write side.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A clock, and one alarm.
pub trait Timer {
    /// The time on a monotonic clock.
    fn now(&self) -> Instant;

    /// Ready once `deadline` has passed. Otherwise the alarm is set when this returns, and wakes the
    /// task of `cx` at `deadline` by itself: the driver may not ask again until then. The alarm of an
    /// earlier call is forgotten.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;
}

/// A session over `transport`, and the future that must run for it to live. It is a future if both
/// are `Unpin`, which `Box::pin` makes of anything.
pub fn session<T: Transport, C: Timer>(
    transport: T,
    timer: C,
    side: Side,
    config: Config,
) -> (Session, Driver<T, C>) {
    let shared = Arc::new(Shared::new(Connection::new(side, config, timer.now())));
    (Session::new(Arc::clone(&shared)), Driver::new(shared, transport, timer))
}
