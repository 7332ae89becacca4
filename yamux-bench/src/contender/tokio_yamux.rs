//! Nervos' `tokio-yamux` at its defaults, but for limits that let every workload run.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
};
use tokio_yamux::{Config, Control, Session, StreamHandle};

use super::{Accept, Contender, Open};
use crate::{
    link::{Io, Link},
    runtime::spawn,
};

/// `tokio-yamux` 0.3.
#[derive(Debug)]
pub struct TokioYamux;

impl<L: Link> Contender<L> for TokioYamux {
    type Stream = Stream;
    type Opener = Opener;
    type Acceptor = Acceptor;

    async fn connect(link: &L) -> io::Result<(Opener, Acceptor)> {
        let (client, server) = link.connect().await?;
        let config =
            Config { accept_backlog: 4_000_000, max_stream_count: 4_000_000, ..Config::default() };
        let (opener, _) = drive(Session::new_client(client, config));
        let (_, acceptor) = drive(Session::new_server(server, config));
        Ok((opener, acceptor))
    }
}

/// Starts the task that polls a session, which is a stream of inbound streams.
fn drive<T: Io>(mut session: Session<T>) -> (Opener, Acceptor) {
    let control = session.control();
    let (accepted, acceptor) = mpsc::unbounded_channel();
    spawn(async move {
        while let Some(Ok(stream)) = session.next().await {
            let _ = accepted.send(stream);
        }
    });
    (Opener(control), Acceptor(acceptor))
}

/// The handle that asks the session for a stream.
#[derive(Clone)]
pub struct Opener(Control);

impl Open for Opener {
    type Stream = Stream;

    async fn open(&mut self) -> io::Result<Stream> {
        self.0.open_stream().await.map(Stream::new).map_err(io::Error::other)
    }
}

/// Receives streams from the task.
#[derive(Debug)]
pub struct Acceptor(mpsc::UnboundedReceiver<StreamHandle>);

impl Accept for Acceptor {
    type Stream = Stream;

    async fn accept(&mut self) -> io::Result<Stream> {
        let stream = self.0.recv().await.ok_or(io::ErrorKind::NotConnected)?;
        Ok(Stream::new(stream))
    }
}

/// A stream that also reads while it waits to write.
///
/// The library takes in the peer's Window Updates only from inside `poll_read`, so that a stream
/// which only writes would wait for ever once its window is used up.
#[derive(Debug)]
pub struct Stream {
    inner: StreamHandle,
    /// Bytes that arrived while writing.
    early: Vec<u8>,
}

impl Stream {
    fn new(inner: StreamHandle) -> Self {
        Self { inner, early: Vec::new() }
    }

    /// Lets the library take in what has arrived; pending once that is nothing.
    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 4_096];
        let mut buf = ReadBuf::new(&mut space);
        // An error is left for the next read or write to report.
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf));
        if result.is_err() || buf.filled().is_empty() {
            return Poll::Pending;
        }
        self.early.extend_from_slice(buf.filled());
        Poll::Ready(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let count = self.early.len().min(buf.remaining());
        buf.put_slice(&self.early[..count]);
        self.early.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        if written.is_pending() {
            while self.poll_read_ahead(cx).is_ready() {}
            // The window may have opened just now.
            return Pin::new(&mut self.inner).poll_write(cx, buf);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
