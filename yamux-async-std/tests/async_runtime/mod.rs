//! What the shared tests need of an executor with futures-io: all of them share the traits, and each
//! test binary names its executor.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::AsyncWriteExt as _;
use futures::channel::oneshot;
use futures::future::{AbortHandle, abortable};
use futures_io::{AsyncRead, AsyncWrite};

use crate::behaviour::pipe::End;
use crate::executor;

pub(crate) use yamux_async_std as yamux;
pub(crate) use yamux_async_std::{Config, Driver, Session, Side, Stream};

pub(crate) mod prelude {
    pub(crate) use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
}

pub(crate) use executor::block_on;

pub(crate) fn client(io: End, config: Config) -> Session {
    start(io, Side::Client, config)
}

pub(crate) fn server(io: End, config: Config) -> Session {
    start(io, Side::Server, config)
}

fn start(io: End, side: Side, config: Config) -> Session {
    let (session, driver) = Session::with_driver(io, side, config);
    executor::start(driver);
    session
}

pub(crate) fn with_driver(io: End, side: Side, config: Config) -> (Session, Driver<End>) {
    Session::with_driver(io, side, config)
}

/// Spawns a future; its output comes by awaiting the result.
pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    let (sender, receiver) = oneshot::channel();
    executor::start(async move {
        let _ = sender.send(future.await);
    });
    async move { receiver.await.expect("the task panicked") }
}

/// A task that can be cancelled.
pub(crate) struct Task {
    abort: AbortHandle,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

pub(crate) fn task(future: impl Future<Output = ()> + Send + 'static) -> Task {
    let (future, abort) = abortable(future);
    let ended = spawn(async move {
        let _aborted = future.await;
    });
    Task { abort, ended: Box::pin(ended) }
}

pub(crate) async fn cancel(task: Task) {
    task.abort.abort();
    task.ended.await;
}

/// Lets others run for a moment.
pub(crate) async fn pause() {
    async_io::Timer::after(std::time::Duration::from_millis(1)).await;
}

/// Closes the write side.
pub(crate) async fn finish(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    stream.close().await
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Self::poll_read(&self, cx, buf)
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

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close_write();
        Poll::Ready(Ok(()))
    }
}
