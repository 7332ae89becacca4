//! `yamux-async-std`, spawned on async-std. The transport underneath stays Tokio's.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::compat::{
    Compat, FuturesAsyncReadCompatExt, FuturesAsyncWriteCompatExt, TokioAsyncReadCompatExt,
};

use super::Adapter;
use crate::{
    link::{BoxIo, Side},
    session::{ReadHalf, Session, Settings, StartSession, Stream, WriteHalf},
};

pub(super) struct AsyncStd;

impl Adapter for AsyncStd {
    fn name(&self) -> &'static str {
        "async-std"
    }
}

impl StartSession for AsyncStd {
    fn start(&self, io: BoxIo, side: Side, settings: Settings) -> io::Result<Box<dyn Session>> {
        let config = super::config(settings)?;
        let session = match side {
            Side::Client => yamux_async_std::Session::client(io.compat(), config),
            Side::Server => yamux_async_std::Session::server(io.compat(), config),
        };
        Ok(Box::new(AsyncStdSession(session)))
    }
}

struct AsyncStdSession(yamux_async_std::Session);

impl Session for AsyncStdSession {
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

fn boxed(stream: yamux_async_std::Stream) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(AsyncStdStream(stream.compat())))
}

struct AsyncStdStream(Compat<yamux_async_std::Stream>);

impl Stream for AsyncStdStream {
    fn reset(mut self: Box<Self>, code: u32) {
        self.0.get_mut().reset(code);
    }

    fn split(self: Box<Self>) -> (ReadHalf, WriteHalf) {
        let (reader, writer) = self.0.into_inner().into_split();
        (Box::new(reader.compat()), Box::new(writer.compat_write()))
    }
}

impl AsyncRead for AsyncStdStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for AsyncStdStream {
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
