//! What the driver needs of an async-io runtime: bytes in and out, and an alarm.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::BytesMut;
use futures_io::{AsyncRead, AsyncWrite};
use yamux_proto::driver;

use crate::half_close::shut_down;

/// Any of the futures-io byte pipes.
#[derive(Debug)]
pub(crate) struct Transport<T>(pub(crate) T);

/// The most that is read at once, in bytes: the memory must be initialised before each read, which is
/// cheap as long as it stays in the first cache.
const READ_MAX: usize = 64 * 1024;

impl<T: AsyncRead + AsyncWrite + Unpin + 'static> driver::Transport for Transport<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        let filled = buf.len();
        buf.resize(buf.capacity().min(filled + READ_MAX), 0);
        let read = Pin::new(&mut self.0).poll_read(cx, &mut buf[filled..]);
        buf.truncate(match &read {
            Poll::Ready(Ok(read)) => filled + read,
            Poll::Ready(Err(_)) | Poll::Pending => filled,
        });
        read
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match bufs {
            // The plain call is the cheaper one.
            [buf] => Pin::new(&mut self.0).poll_write(cx, buf),
            _ => Pin::new(&mut self.0).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_close(cx))?;
        Poll::Ready(shut_down(&self.0))
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
