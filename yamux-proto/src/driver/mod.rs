//! The async layer that every adapter shares: who waits for what, and when I/O happens.
//!
//! It knows tasks and wakers, and no runtime. An adapter gives it a [`Transport`] and a [`Timer`],
//! spawns the [`Driver`], and wraps [`Session`] and [`Handle`] in the traits of its runtime.
//!
//! A minimal adapter: a pipe in memory and a clock. Neither wakes anybody, so all is polled in a loop.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::future::{Future, poll_fn};
//! use std::io::{self, IoSlice};
//! use std::pin::{Pin, pin};
//! use std::sync::{Arc, Mutex};
//! use std::task::{Context, Poll, Waker};
//!
//! use bytes::BytesMut;
//! use yamux_proto::driver::{StreamError, Timer, Transport, session};
//! use yamux_proto::{Config, Instant, Side};
//!
//! #[derive(Clone, Default)]
//! struct Bytes(Arc<Mutex<VecDeque<u8>>>);
//! struct Pipe { input: Bytes, output: Bytes }
//!
//! impl Transport for Pipe {
//!     fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
//!         let mut input = self.input.0.lock().unwrap();
//!         let read = input.len().min(buf.capacity() - buf.len());
//!         buf.extend(input.drain(..read));
//!         if read == 0 { Poll::Pending } else { Poll::Ready(Ok(read)) }
//!     }
//!
//!     fn poll_write_vectored(
//!         &mut self,
//!         _: &mut Context<'_>,
//!         bufs: &[IoSlice<'_>],
//!     ) -> Poll<io::Result<usize>> {
//!         let mut output = self.output.0.lock().unwrap();
//!         bufs.iter().for_each(|buf| output.extend(buf.iter()));
//!         Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
//!     }
//!
//!     fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
//!         Poll::Ready(Ok(()))
//!     }
//!
//!     fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
//!         Poll::Ready(Ok(()))
//!     }
//! }
//!
//! struct Clock(std::time::Instant);
//!
//! impl Timer for Clock {
//!     fn now(&self) -> Instant {
//!         Instant::ORIGIN + self.0.elapsed()
//!     }
//!
//!     fn poll_until(&mut self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
//!         if self.now() < deadline { Poll::Pending } else { Poll::Ready(()) }
//!     }
//! }
//!
//! let (up, down) = (Bytes::default(), Bytes::default());
//! let clock = || Clock(std::time::Instant::now());
//! let near = Pipe { input: down.clone(), output: up.clone() };
//! let far = Pipe { input: up, output: down };
//! let (client, mut client_driver) = session(near, clock(), Side::Client, Config::default());
//! let (server, mut server_driver) = session(far, clock(), Side::Server, Config::default());
//!
//! let mut work = pin!(async {
//!     let mut stream = client.open().await?;
//!     poll_fn(|cx| stream.poll_write(cx, b"hello")).await?;
//!     let mut stream = server.accept().await?;
//!     poll_fn(|cx| stream.poll_read_chunk(cx, 64)).await
//! });
//! let cx = &mut Context::from_waker(Waker::noop());
//! let read: Result<_, StreamError> = loop {
//!     if let Poll::Ready(read) = work.as_mut().poll(cx) {
//!         break read;
//!     }
//!     let _ = Pin::new(&mut client_driver).poll(cx);
//!     let _ = Pin::new(&mut server_driver).poll(cx);
//! };
//! assert_eq!(read?.as_deref(), Some(&b"hello"[..]));
//! # Ok::<(), StreamError>(())
//! ```

#![allow(
    clippy::disallowed_types,
    reason = "wakers, locks and std's errors are what this layer adds to the core"
)]

mod error;
mod halves;
mod outcome;
mod pass;
mod read_buffer;
mod run;
mod send;
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
pub use halves::{RecvHandle, SendHandle};
pub use run::Driver;
pub use session::{AcceptTurn, OpenTurn, Session};
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

    /// Whether [`poll_write_vectored`](Self::poll_write_vectored) may take more than the first of its
    /// `bufs`. If not, small ones are copied together, or headers would be writes of their own, and
    /// with some transports packets, TLS records or messages.
    fn is_write_vectored(&self) -> bool {
        true
    }

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
