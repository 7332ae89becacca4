//! A driver between a transport of the test's making and a clock that the test moves.

#![allow(unreachable_pub, clippy::panic, reason = "as in the other tests")]

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::BytesMut;
use yamux_proto::driver::{Driver, Handle, Session, Timer, Transport, session};
use yamux_proto::{Config, Flags, Frame, Instant, Side, StreamId};

/// Whether somebody was woken.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<Raised>);

#[derive(Debug, Default)]
struct Raised(AtomicBool);

impl Wake for Raised {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Flag {
    /// Polls something that is to wake this flag.
    pub fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.0))))
    }

    /// Whether it was woken.
    pub fn is_set(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    fn raise(&self) {
        self.0.0.store(true, Ordering::SeqCst);
    }

    fn take(&self) -> bool {
        self.0.0.swap(false, Ordering::SeqCst)
    }
}

/// The value of a future that need not wait.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}

/// The other end of the transport.
#[derive(Debug)]
pub struct Pipe {
    pub input: VecDeque<u8>,
    pub output: Vec<u8>,
    /// Behind the input, zeros without end.
    pub endless: bool,
    pub takes_writes: bool,
    pub takes_flushes: bool,
    /// Takes several slices at once.
    pub vectored: bool,
    /// Claims to have taken a byte more than it was given.
    pub boasts: bool,
    /// How much each write brought, in bytes.
    pub writes: Vec<usize>,
    pub write_closed: bool,
    /// Every write fails.
    pub broken: bool,
    /// The input ends.
    pub ended: bool,
    /// A stream that writes a byte while anything is written.
    pub busy: Option<Handle>,
    reader: Option<Waker>,
}

#[derive(Clone, Debug)]
struct End(Arc<Mutex<Pipe>>);

impl Transport for End {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.lock().unwrap();
        let room = buf.capacity() - buf.len();
        let mut read: Vec<u8> = {
            let ready = pipe.input.len().min(room);
            pipe.input.drain(..ready).collect()
        };
        if pipe.endless {
            read.resize(room, 0);
        }
        if read.is_empty() && pipe.ended {
            return Poll::Ready(Ok(0));
        }
        if read.is_empty() {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        buf.extend_from_slice(&read);
        Poll::Ready(Ok(read.len()))
    }

    fn poll_write_vectored(
        &mut self,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.0.lock().unwrap().broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let busy = self.0.lock().unwrap().busy.take();
        if let Some(mut stream) = busy {
            assert!(stream.poll_write(&mut Context::from_waker(Waker::noop()), b"x").is_ready());
            self.0.lock().unwrap().busy = Some(stream);
        }
        let mut pipe = self.0.lock().unwrap();
        if !pipe.takes_writes {
            return Poll::Pending;
        }
        let count = if pipe.vectored { slices.len() } else { 1 };
        for slice in &slices[..count] {
            pipe.output.extend_from_slice(slice);
        }
        let written = slices[..count].iter().map(|slice| slice.len()).sum();
        pipe.writes.push(written);
        Poll::Ready(Ok(written + usize::from(pipe.boasts)))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.lock().unwrap().vectored
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.lock().unwrap().takes_flushes {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_flush(cx))?;
        self.0.lock().unwrap().write_closed = true;
        Poll::Ready(Ok(()))
    }
}

/// The time, and when the driver wants to be woken.
#[derive(Clone, Debug, Default)]
struct Clock {
    now: Arc<AtomicU64>,
    alarm: Arc<Mutex<Option<Instant>>>,
}

impl Timer for Clock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.now.load(Ordering::SeqCst))
    }

    fn poll_until(&mut self, _: &mut Context<'_>, at: Instant) -> Poll<()> {
        let passed = at <= self.now();
        *self.alarm.lock().unwrap() = (!passed).then_some(at);
        if passed { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// One end of a session.
pub struct Rig {
    session: Option<Session>,
    driver: Option<Pin<Box<Driver<End, Clock>>>>,
    end: End,
    clock: Clock,
    woken: Flag,
}

impl Rig {
    pub fn new(side: Side, config: Config) -> Self {
        let end = End(Arc::new(Mutex::new(Pipe {
            input: VecDeque::new(),
            output: Vec::new(),
            endless: false,
            takes_writes: true,
            takes_flushes: true,
            vectored: true,
            boasts: false,
            writes: Vec::new(),
            write_closed: false,
            broken: false,
            ended: false,
            busy: None,
            reader: None,
        })));
        let clock = Clock::default();
        let (session, driver) = session(end.clone(), clock.clone(), side, config);
        let driver = Some(Box::pin(driver));
        let mut rig = Self { session: Some(session), driver, end, clock, woken: Flag::default() };
        rig.woken.raise();
        rig.run();
        rig
    }

    pub fn session(&self) -> Session {
        self.session.clone().unwrap()
    }

    /// Drops the session's handle.
    pub fn leave(&mut self) {
        self.session = None;
    }

    pub fn transport(&self) -> MutexGuard<'_, Pipe> {
        self.end.0.lock().unwrap()
    }

    pub fn id(&self, id: u32) -> StreamId {
        StreamId::new(id).unwrap()
    }

    /// A stream that the peer has acknowledged.
    pub fn open(&mut self) -> Handle {
        let stream = ready(self.session().open()).unwrap();
        self.run();
        self.receive(Frame::WindowUpdate { stream: stream.id(), flags: Flags::ACK, delta: 0 });
        self.run();
        stream
    }

    /// A stream that the peer opened.
    pub fn accept(&mut self) -> Handle {
        self.accept_as(1)
    }

    /// A stream that the peer opened with this id.
    pub fn accept_as(&mut self, id: u32) -> Handle {
        self.receive(Frame::WindowUpdate { stream: self.id(id), flags: Flags::SYN, delta: 0 });
        self.run();
        let stream = ready(self.session().accept()).unwrap();
        self.run();
        stream
    }

    /// Whether the transport has taken these bytes, in one frame.
    pub fn has_sent(&self, bytes: &[u8]) -> bool {
        self.transport().output.windows(bytes.len()).any(|window| window == bytes)
    }

    pub fn receive(&self, frame: Frame) {
        self.receive_bytes(&frame.encode());
    }

    pub fn receive_bytes(&self, bytes: &[u8]) {
        let reader = {
            let mut pipe = self.transport();
            pipe.input.extend(bytes);
            pipe.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Polls something that nobody waits for.
    pub fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Polls the driver once, woken or not.
    pub fn poll_driver(&mut self) {
        if let Some(driver) = &mut self.driver {
            if self.woken.poll(|cx| driver.as_mut().poll(cx)).is_ready() {
                self.driver = None;
            }
        }
    }

    /// Polls the driver once if something woke it, and says whether that was so.
    pub fn turn(&mut self) -> bool {
        let turn = !self.is_done() && self.woken.take();
        if turn {
            self.poll_driver();
        }
        turn
    }

    /// Polls the driver for as long as something wakes it, and says how often that was.
    pub fn run(&mut self) -> usize {
        let mut polls = 0;
        while self.turn() {
            polls += 1;
            assert!(polls < 1000, "the driver wakes itself without end");
        }
        polls
    }

    pub fn drop_driver(&mut self) {
        self.driver = None;
    }

    pub fn is_done(&self) -> bool {
        self.driver.is_none()
    }

    /// Moves the clock; the alarm does not ring.
    pub fn advance(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap();
        self.clock.now.fetch_add(nanos, Ordering::SeqCst);
    }

    /// Lets time pass, from alarm to alarm.
    pub fn pass(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        loop {
            let alarm = *self.clock.alarm.lock().unwrap();
            let Some(at) = alarm.filter(|at| *at <= end && !self.is_done()) else { break };
            self.advance(at - self.clock.now());
            *self.clock.alarm.lock().unwrap() = None;
            self.woken.raise();
            self.run();
        }
        self.advance(end - self.clock.now());
    }
}
