//! Rust Yamux on the traits of `futures-io`, as programs on smol and async-std use it.

use std::io;

use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};
use yamux_async_std::{Config, Session, Side, Stream};

use super::{Accept, Contender, Open};
use crate::{
    link::{Link, SmolTcp},
    runtime::spawn,
};

/// `yamux-async-std`, driven by the executor of the workload.
#[derive(Debug)]
pub struct OursAsyncStd;

impl Contender<SmolTcp> for OursAsyncStd {
    type Stream = Compat<Stream>;
    type Opener = End;
    type Acceptor = End;

    async fn connect(link: &SmolTcp) -> io::Result<(End, End)> {
        let (client, server) = link.connect().await?;
        let config =
            Config::builder().max_inbound_streams(4_000_000).build().map_err(io::Error::other)?;
        let ends = [(client, Side::Client), (server, Side::Server)].map(|(io, side)| {
            let (session, driver) = Session::with_driver(io.into_inner(), side, config.clone());
            spawn(driver);
            End(session)
        });
        Ok(ends.into())
    }
}

/// A handle of the session.
#[derive(Clone, Debug)]
pub struct End(Session);

impl Open for End {
    type Stream = Compat<Stream>;

    async fn open(&mut self) -> io::Result<Compat<Stream>> {
        Ok(self.0.open().await?.compat())
    }
}

impl Accept for End {
    type Stream = Compat<Stream>;

    async fn accept(&mut self) -> io::Result<Compat<Stream>> {
        Ok(self.0.accept().await?.compat())
    }
}
