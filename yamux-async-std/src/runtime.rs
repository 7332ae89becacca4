//! What the driver needs of an async-io runtime: bytes in and out, and an alarm.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::BytesMut;
use futures_io::{AsyncRead, AsyncWrite};
use yamux_proto::driver;

use crate::bell::Bell;
use crate::half_close::shut_down;

/// Any of the futures-io byte pipes.
#[derive(Debug)]
pub(crate) struct Transport<T> {
    io: T,
    /// The most that the next read may bring, in bytes: the memory must be initialised before each
    /// attempt, whatever comes of it, and so is as much as the last reads made use of.
    room: usize,
    /// Reads in a row that made little use of it.
    small: u8,
    /// Vectored writes in a row that took exactly the first buffer, which is all that most do that are
    /// no sockets: futures-io has no way to ask.
    first_only: u8,
    bell: Bell,
    /// The last attempt to read found nothing, and another one would, until the bell rings.
    is_drained: bool,
}

impl<T> Transport<T> {
    /// Enough for a few small messages.
    const ROOM_MIN: usize = 1024;
    /// As much as the driver's largest buffer has.
    const ROOM_MAX: usize = 272 * 1024;
    /// Small reads that are no exception: the last one of a burst often is one.
    const SMALL_MAX: u8 = 8;
    /// Writes that took the first buffer alone and were no accident.
    const FIRST_ONLY_MAX: u8 = 2;

    pub(crate) fn new(io: T) -> Self {
        let bell = Bell::new();
        Self { io, room: Self::ROOM_MIN, small: 0, first_only: 0, bell, is_drained: false }
    }

    /// Learns from a read that had `room`, which the buffer may have limited, and brought `read` bytes.
    fn learn(&mut self, room: usize, read: usize) {
        let is_small = read < room && read < self.room / 2;
        self.small = if is_small { self.small + 1 } else { 0 };
        if read == room {
            self.room = self.room.max((room * 4).min(Self::ROOM_MAX));
        } else if self.small == Self::SMALL_MAX {
            self.small = 0;
            self.room = (self.room / 2).max(Self::ROOM_MIN);
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static> driver::Transport for Transport<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        let cx = &mut self.bell.connect(cx);
        let rung = self.bell.take();
        if self.is_drained && !rung {
            return Poll::Pending;
        }
        let filled = buf.len();
        let room = self.room.min(buf.capacity() - filled);
        buf.resize(filled + room, 0);
        let poll = Pin::new(&mut self.io).poll_read(cx, &mut buf[filled..]);
        self.is_drained = poll.is_pending();
        let read = match &poll {
            Poll::Ready(Ok(read)) => *read,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        buf.truncate(filled + read);
        if poll.is_ready() {
            self.learn(room, read);
        }
        poll
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let cx = &mut self.bell.connect(cx);
        match bufs {
            // The plain call is the cheaper one.
            [buf] => Pin::new(&mut self.io).poll_write(cx, buf),
            _ => {
                let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
                let first_only = bufs.first().is_some_and(|first| first.len() == written);
                self.first_only = if first_only { self.first_only + 1 } else { 0 };
                Poll::Ready(Ok(written))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.first_only < Self::FIRST_ONLY_MAX
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(&mut self.bell.connect(cx))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_close(&mut self.bell.connect(cx)))?;
        Poll::Ready(shut_down(&self.io))
    }
}

/// The system's clock; the alarm is made when it is first set.
#[derive(Debug)]
pub(crate) struct Timer {
    origin: Instant,
    alarm: Option<(Instant, async_io::Timer)>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), alarm: None }
    }
}

impl driver::Timer for Timer {
    fn now(&self) -> yamux_proto::Instant {
        yamux_proto::Instant::ORIGIN + self.origin.elapsed()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: yamux_proto::Instant) -> Poll<()> {
        let deadline = self.origin + (deadline - yamux_proto::Instant::ORIGIN);
        let (set, alarm) =
            self.alarm.get_or_insert_with(|| (deadline, async_io::Timer::at(deadline)));
        if *set != deadline {
            alarm.set_at(deadline);
            *set = deadline;
        }
        Pin::new(alarm).poll(cx).map(drop)
    }
}

/// Runs a driver on the executor that the features chose.
#[cfg(any(feature = "async-std", feature = "smol"))]
pub(crate) fn spawn(driver: impl Future<Output = ()> + Send + 'static) {
    #[cfg(feature = "smol")]
    smol::spawn(driver).detach();
    #[cfg(not(feature = "smol"))]
    async_std::task::spawn(driver);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use yamux_proto::driver::Transport as _;

    use super::*;

    /// Has so many bytes to read, and notes how much it was asked for, and how often. Writes one buffer
    /// at a time, or several but for so many bytes; or nothing. Has one place for whoever waits.
    #[derive(Default)]
    struct Source {
        waiting: usize,
        asked: usize,
        attempts: usize,
        all_but: Option<usize>,
        is_full: bool,
        waiter: Option<Waker>,
    }

    impl Source {
        fn arrive(&mut self, bytes: usize) {
            self.waiting += bytes;
            if let Some(waiter) = self.waiter.take() {
                waiter.wake();
            }
        }
    }

    impl AsyncRead for Source {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.asked = buf.len();
            self.attempts += 1;
            let read = buf.len().min(self.waiting);
            self.waiting -= read;
            if read == 0 {
                self.waiter = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Ok(read))
        }
    }

    impl AsyncWrite for Source {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.is_full {
                self.waiter = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(match self.all_but {
                Some(left) => bufs.iter().map(|buf| buf.len()).sum::<usize>() - left,
                None => bufs[0].len(),
            }))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Writes a header and a body of ten bytes.
    fn write(transport: &mut Transport<Source>) {
        let bufs = [IoSlice::new(&[0; 12]), IoSlice::new(&[1; 10])];
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(transport.poll_write_vectored(cx, &bufs).is_ready());
    }

    #[test]
    fn a_pipe_that_takes_one_buffer_at_a_time_is_soon_known() {
        let mut transport = Transport::new(Source::default());
        write(&mut transport);
        assert!(transport.is_write_vectored(), "it may be full");
        write(&mut transport);
        assert!(!transport.is_write_vectored());
    }

    #[test]
    fn a_pipe_that_is_full_between_two_buffers_may_take_both_the_next_time() {
        let mut transport = Transport::new(Source::default());
        for left in [10, 0, 10, 3, 10] {
            transport.io.all_but = Some(left);
            write(&mut transport);
            assert!(transport.is_write_vectored());
        }
    }

    /// Reads all of so many bytes, and says how much was asked for in the attempt that found no more.
    fn asked_after(transport: &mut Transport<Source>, bytes: usize) -> usize {
        transport.io.waiting = 0;
        transport.io.arrive(bytes);
        let mut buf = BytesMut::with_capacity(1 << 20);
        let cx = &mut Context::from_waker(Waker::noop());
        while transport.poll_read(cx, &mut buf).is_ready() {}
        assert_eq!(buf.len(), bytes, "only what was read is in the buffer");
        transport.io.asked
    }

    #[test]
    fn no_more_is_initialised_than_reads_make_use_of() {
        let mut transport = Transport::new(Source::default());
        assert_eq!(asked_after(&mut transport, 100), 1024);
        assert_eq!(asked_after(&mut transport, 240_000), 256 * 1024);
        for _ in 0..7 {
            assert_eq!(
                asked_after(&mut transport, 100),
                256 * 1024,
                "it may be the end of a burst"
            );
        }
        for _ in 0..7 * 8 {
            asked_after(&mut transport, 100);
        }
        assert_eq!(asked_after(&mut transport, 100), 1024, "bulk is over");
    }

    #[test]
    fn a_buffer_with_little_room_is_filled_and_says_nothing() {
        let mut transport = Transport::new(Source::default());
        asked_after(&mut transport, 240_000);
        let cx = &mut Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            let mut buf = BytesMut::with_capacity(10);
            let room = buf.capacity();
            transport.io.arrive(100);
            let read = transport.poll_read(cx, &mut buf);
            assert!(matches!(read, Poll::Ready(Ok(read)) if read == room), "{read:?}");
            assert_eq!(buf.capacity(), room);
        }
        assert_eq!(asked_after(&mut transport, 100), 256 * 1024, "as before");
    }

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn wakes(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_pipe_that_was_empty_is_asked_again_when_it_has_woken_the_driver() {
        let mut transport = Transport::new(Source::default());
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let cx = &mut Context::from_waker(&waker);
        let mut buf = BytesMut::with_capacity(4096);
        for round in 1..4 {
            for _ in 0..10 {
                assert!(transport.poll_read(cx, &mut buf).is_pending());
            }
            assert_eq!(transport.io.attempts, 2 * round - 1, "one was enough");
            transport.io.arrive(100);
            assert_eq!(task.wakes(), round);
            assert!(transport.poll_read(cx, &mut buf).is_ready());
        }
    }

    #[test]
    fn a_driver_that_has_moved_to_another_task_is_woken_there() {
        let mut transport = Transport::new(Source::default());
        let tasks = [Arc::new(Task::default()), Arc::new(Task::default())];
        let mut buf = BytesMut::with_capacity(4096);
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            assert!(transport.poll_read(&mut Context::from_waker(&waker), &mut buf).is_pending());
        }
        assert_eq!(transport.io.attempts, 1);
        transport.io.arrive(100);
        assert_eq!(tasks.map(|task| task.wakes()), [0, 1]);
    }

    #[test]
    fn a_pipe_with_one_place_for_whoever_waits_is_read_all_the_same() {
        let mut transport = Transport::new(Source { is_full: true, ..Source::default() });
        let cx = &mut Context::from_waker(Waker::noop());
        let mut buf = BytesMut::with_capacity(4096);
        assert!(transport.poll_read(cx, &mut buf).is_pending());
        assert!(transport.poll_write_vectored(cx, &[IoSlice::new(&[0; 12])]).is_pending());
        transport.io.arrive(100);
        assert!(transport.poll_read(cx, &mut buf).is_ready());
    }
}
