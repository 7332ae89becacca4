//! What the driver needs of Tokio: bytes in and out, and an alarm.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep_until};
use yamux_proto::driver;

/// Any of Tokio's byte pipes.
#[derive(Debug)]
pub(crate) struct Transport<T>(pub(crate) T);

impl<T: AsyncRead + AsyncWrite + Unpin> driver::Transport for Transport<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        // The future holds nothing but borrows, so that a new one can take over at each poll. It
        // reads into memory that is not initialised, which `poll_read` alone cannot without unsafe
        // code.
        let room = buf.capacity().saturating_sub(buf.len());
        pin!(self.0.read_buf(&mut bytes::BufMut::limit(buf, room))).poll(cx)
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

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Tokio's clock; the alarm is made when it is first set.
#[derive(Debug)]
pub(crate) struct Timer {
    origin: tokio::time::Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self { origin: tokio::time::Instant::now(), alarm: None }
    }
}

impl driver::Timer for Timer {
    fn now(&self) -> yamux_proto::Instant {
        yamux_proto::Instant::ORIGIN + self.origin.elapsed()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: yamux_proto::Instant) -> Poll<()> {
        let deadline = self.origin + (deadline - yamux_proto::Instant::ORIGIN);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        // A task that has used up its budget is not told of the time, and would have to ask again.
        pin!(unconstrained(alarm.as_mut())).poll(cx)
    }
}
