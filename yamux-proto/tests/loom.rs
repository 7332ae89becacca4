//! The lock and the wakers between handles, driver and transport, in every order in which threads can
//! take their turns. Whoever misses a wake waits for ever, and loom says so.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p yamux-proto --features driver --test loom
//! ```

#![cfg(all(loom, feature = "driver"))]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![allow(clippy::disallowed_types, reason = "threads and wakers are the point")]

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use loom::future::block_on;
use loom::sync::{Arc, Mutex};
use loom::thread;
use yamux_proto::driver::{Driver, Handle, Session, Timer, Transport, session};
use yamux_proto::{Config, Flags, Frame, Instant, Side, StreamId};

/// What stands between the driver and a peer on another thread.
#[derive(Default)]
struct Pipe {
    input: Vec<u8>,
    /// The transport takes nothing until the peer says so.
    full: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone)]
struct End(Arc<Mutex<Pipe>>);

impl End {
    fn new(full: bool) -> Self {
        Self(Arc::new(Mutex::new(Pipe { full, ..Pipe::default() })))
    }

    fn receive(&self, frame: Frame, body: &[u8]) {
        let reader = {
            let mut pipe = self.0.lock().unwrap();
            pipe.input.extend_from_slice(&frame.encode());
            pipe.input.extend_from_slice(body);
            pipe.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn make_room(&self) {
        let writer = {
            let mut pipe = self.0.lock().unwrap();
            pipe.full = false;
            pipe.writer.take()
        };
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}

impl Transport for End {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.lock().unwrap();
        let read = pipe.input.len();
        if read == 0 {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        buf.extend_from_slice(&std::mem::take(&mut pipe.input));
        Poll::Ready(Ok(read))
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.lock().unwrap();
        if pipe.full {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A clock that stands still: no alarm makes up for a wake that was missed.
struct Frozen;

impl Timer for Frozen {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }

    fn poll_until(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

/// Looks at every order of events, as far as three of the threads' turns are cut short.
fn explore(scene: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(scene);
}

fn start(full: bool) -> (End, Session, thread::JoinHandle<()>) {
    let end = End::new(full);
    let config = Config::builder().keepalive_interval(None).build().unwrap();
    let (session, driver) = session(end.clone(), Frozen, Side::Server, config);
    (end, session, run(driver))
}

fn run(driver: Driver<End, Frozen>) -> thread::JoinHandle<()> {
    thread::spawn(move || block_on(driver))
}

fn stream() -> StreamId {
    StreamId::new(1).unwrap()
}

fn read(stream: &mut Handle, expected: usize) {
    let mut left = expected;
    while left > 0 {
        left -= block_on(poll_fn(|cx| stream.poll_read(cx, left, |_| ()))).unwrap();
    }
}

fn write_and_flush(session: &Session) {
    let mut stream = block_on(session.open()).unwrap();
    let written = block_on(poll_fn(|cx| stream.poll_write(cx, b"hello"))).unwrap();
    assert_eq!(written, 5);
    block_on(poll_fn(|cx| stream.poll_flush(cx))).unwrap();
}

#[test]
fn what_is_written_is_flushed() {
    explore(|| {
        let (_, session, driver) = start(false);
        write_and_flush(&session);
        session.abort();
        driver.join().unwrap();
    });
}

#[test]
fn what_arrives_is_accepted_and_read() {
    explore(|| {
        let (end, session, driver) = start(false);
        let peer = thread::spawn(move || {
            end.receive(Frame::Data { stream: stream(), flags: Flags::SYN, length: 2 }, b"a");
            end.0.lock().unwrap().input.push(b'b');
            end.receive(Frame::WindowUpdate { stream: stream(), flags: Flags::FIN, delta: 0 }, b"");
        });
        let mut stream = block_on(session.accept()).unwrap();
        read(&mut stream, 2);
        assert_eq!(block_on(poll_fn(|cx| stream.poll_read(cx, 1, |_| ()))).unwrap(), 0);
        session.abort();
        peer.join().unwrap();
        driver.join().unwrap();
    });
}

#[test]
fn a_flush_waits_for_a_transport_that_is_full() {
    explore(|| {
        let (end, session, driver) = start(true);
        let peer = thread::spawn(move || end.make_room());
        write_and_flush(&session);
        session.abort();
        peer.join().unwrap();
        driver.join().unwrap();
    });
}

#[test]
fn everybody_hears_of_the_end() {
    explore(|| {
        let (_, session, driver) = start(false);
        let waiter = {
            let session = session.clone();
            thread::spawn(move || assert!(block_on(session.accept()).is_err()))
        };
        session.abort();
        block_on(session.closed());
        waiter.join().unwrap();
        driver.join().unwrap();
    });
}
