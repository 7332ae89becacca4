//! `yamux-async-std`, spawned on async-std. The transport underneath stays Tokio's.

use std::io;

use futures::future::BoxFuture;
use tokio_util::compat::{
    Compat, FuturesAsyncReadCompatExt, FuturesAsyncWriteCompatExt, TokioAsyncReadCompatExt,
};

use super::{Adapter, conversational};
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
        Ok(Box::new(match side {
            Side::Client => yamux_async_std::Session::client(io.compat(), config),
            Side::Server => yamux_async_std::Session::server(io.compat(), config),
        }))
    }
}

conversational!(yamux_async_std::Session, |stream| stream.compat());

impl Stream for Compat<yamux_async_std::Stream> {
    fn reset(mut self: Box<Self>, code: u32) {
        self.get_mut().reset(code);
    }

    fn split(self: Box<Self>) -> (ReadHalf, WriteHalf) {
        let (reader, writer) = self.into_inner().into_split();
        (Box::new(reader.compat()), Box::new(writer.compat_write()))
    }
}
