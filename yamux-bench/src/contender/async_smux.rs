//! `async_smux`, another protocol of the same purpose, at its defaults.

use std::io;

use async_smux::{MuxAcceptor, MuxBuilder, MuxConnector, MuxStream};

use super::{Accept, Contender, Open};
use crate::{link::Link, runtime::spawn};

/// `async_smux` 0.4. It has no flow control between streams.
#[derive(Debug)]
pub struct AsyncSmux;

impl<L: Link> Contender<L> for AsyncSmux {
    type Stream = MuxStream<L::Io>;
    type Opener = Opener<L>;
    type Acceptor = Acceptor<L>;

    async fn connect(link: &L) -> io::Result<(Opener<L>, Acceptor<L>)> {
        let (client, server) = link.connect().await?;
        let (connector, unused, worker) = MuxBuilder::client().with_connection(client).build();
        spawn(async move {
            // The client's acceptor lives as long as its session.
            let _unused = unused;
            worker.await
        });
        let (unused, acceptor, worker) = MuxBuilder::server().with_connection(server).build();
        spawn(async move {
            let _unused = unused;
            worker.await
        });
        Ok((Opener(connector), Acceptor(acceptor)))
    }
}

/// Opens streams.
pub struct Opener<L: Link>(MuxConnector<L::Io>);

impl<L: Link> Clone for Opener<L> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<L: Link> Open for Opener<L> {
    type Stream = MuxStream<L::Io>;

    async fn open(&mut self) -> io::Result<Self::Stream> {
        self.0.connect().map_err(io::Error::other)
    }
}

/// Accepts streams.
pub struct Acceptor<L: Link>(MuxAcceptor<L::Io>);

impl<L: Link> Accept for Acceptor<L> {
    type Stream = MuxStream<L::Io>;

    async fn accept(&mut self) -> io::Result<Self::Stream> {
        self.0.accept().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
