//! `yamux-tokio`.

use std::io;

use futures::future::BoxFuture;

use super::{Adapter, conversational};
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
        Ok(Box::new(match side {
            Side::Client => yamux_tokio::Session::client(io, config),
            Side::Server => yamux_tokio::Session::server(io, config),
        }))
    }
}

conversational!(yamux_tokio::Session, |stream| stream);

impl Stream for yamux_tokio::Stream {
    fn reset(mut self: Box<Self>, code: u32) {
        Self::reset(&mut self, code);
    }

    fn split(self: Box<Self>) -> (ReadHalf, WriteHalf) {
        let (reader, writer) = self.into_split();
        (Box::new(reader), Box::new(writer))
    }
}
