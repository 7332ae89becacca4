//! A stream of another implementation as one that the conversations use.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::session::{ReadHalf, Stream, WriteHalf};

/// Both peers in Rust reset a stream that is dropped before it is shut down, and have no other way.
pub(super) struct DropResets<T>(pub(super) T);

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for DropResets<T> {
    fn reset(self: Box<Self>, _code: u32) {}

    fn split(self: Box<Self>) -> (ReadHalf, WriteHalf) {
        let (reader, writer) = tokio::io::split(self.0);
        (Box::new(reader), Box::new(writer))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for DropResets<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for DropResets<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The error of a call that an implementation does not have.
pub(super) fn unsupported() -> io::Error {
    io::ErrorKind::Unsupported.into()
}
