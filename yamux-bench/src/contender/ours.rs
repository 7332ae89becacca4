//! Rust Yamux on Tokio, at its defaults but for a limit on streams that lets every workload run.

use std::io;

use yamux_tokio::{Config, Session, Stream};

use super::{Accept, Contender, Open};
use crate::link::Link;

/// `yamux-tokio`.
#[derive(Debug)]
pub struct Ours;

impl<L: Link> Contender<L> for Ours {
    type Stream = Stream;
    type Opener = End;
    type Acceptor = End;

    async fn connect(link: &L) -> io::Result<(End, End)> {
        let (client, server) = link.connect().await?;
        let config =
            Config::builder().max_inbound_streams(4_000_000).build().map_err(io::Error::other)?;
        let client = Session::client(client, config.clone());
        Ok((End(client), End(Session::server(server, config))))
    }
}

/// A handle of the session.
#[derive(Clone, Debug)]
pub struct End(Session);

impl Open for End {
    type Stream = Stream;

    async fn open(&mut self) -> io::Result<Stream> {
        Ok(self.0.open().await?)
    }
}

impl Accept for End {
    type Stream = Stream;

    async fn accept(&mut self) -> io::Result<Stream> {
        Ok(self.0.accept().await?)
    }
}
