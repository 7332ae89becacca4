//! A path: a delay line in each direction that serialises at a rate and then takes time.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, Sleep, sleep_until},
};

use super::{Dial, Link, Listen};

/// Bytes waiting in front of the wire, as time on it: the sender's socket buffer. Timers tick in
/// milliseconds, so less than a few of them would leave the wire idle.
const QUEUE: Duration = Duration::from_millis(10);

/// Bytes that wait at the far end for a reader: the receiver's socket buffer.
const RECEIVE_BUFFER: usize = 8 * 1024 * 1024;

/// The largest piece that is put on any wire at once.
const PIECE: usize = 64 * 1024;

/// A path of a given rate and delay, shared by all connections over it.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Bytes a second in each direction.
    pub rate: f64,
    /// The time from one end to the other, half of a round trip.
    pub delay: Duration,
}

impl Path {
    /// 1 Gbit/s and 50 ms there and back.
    pub const GIGABIT_50_MS: Self = Self { rate: 125e6, delay: Duration::from_millis(25) };
    /// 10 Mbit/s and 20 ms there and back.
    pub const UPLINK: Self = Self { rate: 1.25e6, delay: Duration::from_millis(10) };

    /// The largest piece that is put on the wire at once: no more than the queue holds.
    fn piece(&self) -> usize {
        PIECE.min((self.rate * QUEUE.as_secs_f64()) as usize)
    }
}

impl Link for Path {
    type Io = PathIo;
    type Dialer = PathDialer;
    type Listener = PathListener;

    async fn bind(&self) -> io::Result<(PathDialer, PathListener)> {
        let (sender, receiver) = unbounded_channel();
        let wires = [Arc::new(Wire::new()), Arc::new(Wire::new())];
        Ok((PathDialer { path: *self, wires, sender }, PathListener(receiver)))
    }
}

/// Makes a path and hands its other end to the listener.
#[derive(Clone, Debug)]
pub struct PathDialer {
    path: Path,
    /// One in each direction.
    wires: [Arc<Wire>; 2],
    sender: UnboundedSender<PathIo>,
}

impl Dial for PathDialer {
    type Io = PathIo;

    async fn dial(&self) -> io::Result<PathIo> {
        let [there, back] = self.wires.each_ref().map(|wire| Line::new(self.path, wire));
        let (near, far) = (PathIo::new(&there, &back), PathIo::new(&back, &there));
        self.sender.send(far).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(near)
    }
}

/// Receives the other ends.
#[derive(Debug)]
pub struct PathListener(UnboundedReceiver<PathIo>);

impl Listen for PathListener {
    type Io = PathIo;

    async fn accept(&mut self) -> io::Result<PathIo> {
        self.0.recv().await.ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
    }
}

/// What sends the bytes of one direction, of every connection: when it will have sent all that
/// was queued.
#[derive(Debug)]
struct Wire(Mutex<Instant>);

impl Wire {
    fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// When it is free.
    fn free(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues what takes `time` to send; says when that has been sent.
    fn send(&self, now: Instant, time: Duration) -> Instant {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *free = now.max(*free) + time;
        *free
    }
}

/// One direction of one connection.
#[derive(Debug)]
struct Line {
    path: Path,
    wire: Arc<Wire>,
    /// What is queued, on the wire, or has arrived, with the time of its arrival.
    pieces: VecDeque<(Instant, Bytes)>,
    /// The bytes of `pieces`.
    held: usize,

    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Line {
    fn new(path: Path, wire: &Arc<Wire>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            path,
            wire: Arc::clone(wire),
            pieces: VecDeque::new(),
            held: 0,

            closed: false,
            reader: None,
            writer: None,
        }))
    }

    /// Bytes that fit between the two ends before the writer waits for the reader.
    fn capacity(&self) -> usize {
        (self.path.rate * (self.path.delay + QUEUE).as_secs_f64()) as usize + RECEIVE_BUFFER
    }

    fn send(&mut self, now: Instant, piece: &[u8]) {
        let sending = Duration::from_secs_f64(piece.len() as f64 / self.path.rate);
        let arrival = self.wire.send(now, sending) + self.path.delay;
        self.held += piece.len();
        self.pieces.push_back((arrival, Bytes::copy_from_slice(piece)));
        wake(&mut self.reader);
    }

    /// Fills `buf` with what has arrived; says whether that was anything.
    fn receive(&mut self, now: Instant, buf: &mut ReadBuf<'_>) -> bool {
        let before = buf.filled().len();
        while buf.remaining() > 0 {
            let Some((arrival, piece)) = self.pieces.front_mut() else {
                break;
            };
            if *arrival > now {
                break;
            }
            let count = piece.len().min(buf.remaining());
            buf.put_slice(&piece[..count]);
            piece.advance(count);
            self.held -= count;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        let received = buf.filled().len() > before;
        if received {
            wake(&mut self.writer);
        }
        received
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// One end of a path.
#[derive(Debug)]
pub struct PathIo {
    outgoing: Arc<Mutex<Line>>,
    incoming: Arc<Mutex<Line>>,
    write_timer: Pin<Box<Sleep>>,
    read_timer: Pin<Box<Sleep>>,
}

impl PathIo {
    fn new(outgoing: &Arc<Mutex<Line>>, incoming: &Arc<Mutex<Line>>) -> Self {
        Self {
            outgoing: Arc::clone(outgoing),
            incoming: Arc::clone(incoming),
            write_timer: Box::pin(sleep_until(Instant::now())),
            read_timer: Box::pin(sleep_until(Instant::now())),
        }
    }
}

impl Drop for PathIo {
    fn drop(&mut self) {
        for line in [&self.outgoing, &self.incoming] {
            let mut line = lock(line);
            line.closed = true;
            wake(&mut line.reader);
            wake(&mut line.writer);
        }
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Polls `timer` for `deadline`; pending means that the task will be woken then.
fn poll_at(timer: &mut Pin<Box<Sleep>>, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
    timer.as_mut().reset(deadline);
    timer.as_mut().poll(cx)
}

impl AsyncRead for PathIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut line = lock(&this.incoming);
        loop {
            if line.receive(Instant::now(), buf) {
                return Poll::Ready(Ok(()));
            }
            let Some(&(arrival, _)) = line.pieces.front() else {
                if line.closed {
                    return Poll::Ready(Ok(()));
                }
                line.reader = Some(cx.waker().clone());
                return Poll::Pending;
            };
            if poll_at(&mut this.read_timer, arrival, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for PathIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut line = lock(&this.outgoing);
        loop {
            if line.closed {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if line.held >= line.capacity() {
                line.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let now = Instant::now();
            let free = line.wire.free();
            if free <= now + QUEUE {
                let count = buf.len().min(line.path.piece());
                line.send(now, &buf[..count]);
                return Poll::Ready(Ok(count));
            }
            if poll_at(&mut this.write_timer, free - QUEUE, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = lock(&self.outgoing);
        line.closed = true;
        wake(&mut line.reader);
        Poll::Ready(Ok(()))
    }
}
