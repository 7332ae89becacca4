//! `yamux-tokio`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use futures::future::BoxFuture;

use super::Adapter;
use crate::{
    link::{BoxIo, Side},
    session::{ReadHalf, Session, Settings, StartSession, Stream, WriteHalf},
};

pub(super) struct Tokio;

impl Adapter for Tokio {
    fn name(&self) -> &'static str {
        "tokio"
    }
}

impl StartSession for Tokio {
    fn start(&self, io: BoxIo, side: Side, settings: Settings) -> io::Result<Box<dyn Session>> {
        let config = super::config(settings)?;
        let session = match side {
            Side::Client => yamux_tokio::Session::client(io, config),
            Side::Server => yamux_tokio::Session::server(io, config),
        };
        Ok(Box::new(TokioSession(session)))
    }
}

struct TokioSession(yamux_tokio::Session);

impl Session for TokioSession {
    fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async { boxed(self.0.open().await?) })
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async { boxed(self.0.accept().await?) })
    }

    fn ping(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async {
            self.0.ping().await?;
            Ok(())
        })
    }

    fn go_away(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(self.0.go_away().await?) })
    }

    fn close(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(self.0.close().await?) })
    }

    fn closed(&self) -> BoxFuture<'_, String> {
        Box::pin(async { self.0.closed().await.to_string() })
    }

    fn reset_code(&self, error: &io::Error) -> Option<u32> {
        super::reset_code(error)
    }
}

fn boxed(stream: yamux_tokio::Stream) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(TokioStream(stream)))
}

struct TokioStream(yamux_tokio::Stream);

impl Stream for TokioStream {
    fn reset(mut self: Box<Self>, code: u32) {
        self.0.reset(code);
    }

    fn split(self: Box<Self>) -> (ReadHalf, WriteHalf) {
        let (reader, writer) = self.0.into_split();
        (Box::new(reader), Box::new(writer))
    }
}

impl AsyncRead for TokioStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for TokioStream {
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
