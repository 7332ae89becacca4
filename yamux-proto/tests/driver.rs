//! The driver, polled by hand: no runtime, no clock, and nothing but its own wakes to go on.

#![cfg(feature = "driver")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![allow(clippy::disallowed_types, reason = "polling by hand is the point")]

use std::io::{self, IoSlice};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::BytesMut;
use yamux_proto::driver::{Timer, Transport, session};
use yamux_proto::{Config, Flags, Frame, Instant, Side, StreamId};

/// A transport that has all its input at once, and takes no output.
struct Stuck {
    input: Vec<u8>,
    unread: Arc<AtomicUsize>,
}

impl Transport for Stuck {
    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        let read = self.input.len().min(buf.capacity() - buf.len());
        if read == 0 {
            return Poll::Pending;
        }
        buf.extend_from_slice(&self.input.drain(..read).collect::<Vec<_>>());
        self.unread.store(self.input.len(), Ordering::Relaxed);
        Poll::Ready(Ok(read))
    }

    fn poll_write_vectored(
        &mut self,
        _: &mut Context<'_>,
        _: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A clock that stands still, and an alarm that never rings.
struct Frozen;

impl Timer for Frozen {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }

    fn poll_until(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls until the future no longer wakes itself.
fn settle(future: impl Future<Output = ()>) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = pin!(future);
    loop {
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        if poll.is_ready() || !woken.0.swap(false, Ordering::Relaxed) {
            return;
        }
    }
}

#[test]
fn reading_goes_on_while_the_transport_takes_nothing() {
    // More than the driver reads in a turn. Both sides may write more than the other has read, and
    // if both waited for that with reading, neither would move again.
    let stream = StreamId::new(1).unwrap();
    let body = vec![0; 250_000];
    let mut input = Frame::Data { stream, flags: Flags::SYN, length: 250_000 }.encode().to_vec();
    input.extend_from_slice(&body);
    let unread = Arc::new(AtomicUsize::new(input.len()));

    let transport = Stuck { input, unread: Arc::clone(&unread) };
    let (session, driver) = session(transport, Frozen, Side::Server, Config::default());
    settle(driver);
    assert_eq!(unread.load(Ordering::Relaxed), 0);
    drop(session);
}
