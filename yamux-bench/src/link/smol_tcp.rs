//! Loopback TCP on smol's reactor.

use std::{
    io,
    net::{SocketAddr, TcpStream as StdStream},
};

use smol::{
    Async,
    net::{TcpListener, TcpStream},
};
use socket2::SockRef;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use super::{Dial, Link, Listen, Tcp, congestion};

/// [`Tcp`] for programs on smol or async-std: the same sockets with the same options.
#[derive(Clone, Debug)]
pub struct SmolTcp(pub Tcp);

impl SmolTcp {
    fn set_up(&self, stream: TcpStream) -> io::Result<Compat<TcpStream>> {
        stream.set_nodelay(true)?;
        if let Some(name) = &self.0.congestion {
            congestion::set(&SockRef::from(&stream), name)?;
        }
        Ok(stream.compat())
    }
}

impl Link for SmolTcp {
    type Io = Compat<TcpStream>;
    type Dialer = SmolDialer;
    type Listener = SmolListener;

    async fn bind(&self) -> io::Result<(SmolDialer, SmolListener)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok((
            SmolDialer { link: self.clone(), address },
            SmolListener { link: self.clone(), listener },
        ))
    }
}

/// Connects to one loopback listener.
#[derive(Clone, Debug)]
pub struct SmolDialer {
    link: SmolTcp,
    address: SocketAddr,
}

impl Dial for SmolDialer {
    type Io = Compat<TcpStream>;

    async fn dial(&self) -> io::Result<Compat<TcpStream>> {
        let stream = Async::<StdStream>::connect(self.address).await?;
        self.link.set_up(stream.into())
    }
}

/// Accepts what dials.
#[derive(Debug)]
pub struct SmolListener {
    link: SmolTcp,
    listener: TcpListener,
}

impl Listen for SmolListener {
    type Io = Compat<TcpStream>;

    async fn accept(&mut self) -> io::Result<Compat<TcpStream>> {
        let (stream, _) = self.listener.accept().await?;
        self.link.set_up(stream)
    }
}
