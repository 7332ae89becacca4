//! The link itself: every stream is a connection of its own.

use std::io;

use super::{Accept, Contender, Open};
use crate::link::{Dial, Link, Listen};

/// No multiplexer: what the transport alone can do.
#[derive(Debug)]
pub struct Raw;

impl<L: Link> Contender<L> for Raw {
    type Stream = L::Io;
    type Opener = RawOpener<L::Dialer>;
    type Acceptor = RawAcceptor<L::Listener>;

    const STREAM_IS_CONNECTION: bool = true;

    async fn connect(link: &L) -> io::Result<(Self::Opener, Self::Acceptor)> {
        let (dialer, listener) = link.bind().await?;
        Ok((RawOpener(dialer), RawAcceptor(listener)))
    }
}

/// Opens a stream by dialling.
#[derive(Clone, Debug)]
pub struct RawOpener<D>(D);

impl<D: Dial> Open for RawOpener<D> {
    type Stream = D::Io;

    async fn open(&mut self) -> io::Result<D::Io> {
        self.0.dial().await
    }
}

/// Accepts a stream by accepting a connection.
#[derive(Debug)]
pub struct RawAcceptor<L>(L);

impl<L: Listen> Accept for RawAcceptor<L> {
    type Stream = L::Io;

    async fn accept(&mut self) -> io::Result<L::Io> {
        self.0.accept().await
    }
}
