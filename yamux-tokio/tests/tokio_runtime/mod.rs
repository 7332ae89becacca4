//! What the shared tests need of Tokio.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::JoinHandle;

use crate::behaviour::pipe::End;

pub(crate) use yamux_tokio as yamux;
pub(crate) use yamux_tokio::{Config, Driver, Session, Side, Stream};

pub(crate) mod prelude {
    pub(crate) use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
}

pub(crate) type Task = JoinHandle<()>;

pub(crate) fn client(io: End, config: Config) -> Session {
    Session::client(io, config)
}

pub(crate) fn server(io: End, config: Config) -> Session {
    Session::server(io, config)
}

pub(crate) fn with_driver(io: End, side: Side, config: Config) -> (Session, Driver<End>) {
    Session::with_driver(io, side, config)
}

/// Spawns a future; its output comes by awaiting the result.
pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    let task = tokio::spawn(future);
    async move { task.await.unwrap() }
}

/// Spawns a future that can be cancelled.
pub(crate) fn task(future: impl Future<Output = ()> + Send + 'static) -> Task {
    tokio::spawn(future)
}

pub(crate) async fn cancel(task: Task) {
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

/// Lets others run for a moment.
pub(crate) async fn pause() {
    tokio::task::yield_now().await;
}

/// Shuts the write side down.
pub(crate) async fn finish(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    stream.shutdown().await
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Self::poll_read(&self, cx, buf.initialize_unfilled());
        read.map_ok(|len| buf.advance(len))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Self::poll_write(&self, cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close_write();
        Poll::Ready(Ok(()))
    }
}
