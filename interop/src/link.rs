//! The transports underneath: TCP, a Unix socket, TLS, and TCP with a delay.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::{delay, tls::Identity, unix};

/// A connected transport.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Io for T {}

/// A connected transport of whatever kind.
pub type BoxIo = Box<dyn Io>;

/// Which side of a Yamux session: the client has the odd stream ids. The server also listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Odd stream ids.
    Client,
    /// Even stream ids.
    Server,
}

impl Side {
    /// The other side.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A kind of transport.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    /// TCP over loopback, without Nagle's algorithm.
    Tcp,
    /// A Unix socket.
    Unix,
    /// TLS over TCP over loopback.
    Tls,
    /// TCP over loopback with this much delay in each direction, added on our side.
    Slow(Duration),
}

impl Link {
    /// What the Go peer calls the network.
    pub fn network(self) -> &'static str {
        match self {
            Self::Tcp | Self::Slow(_) => "tcp",
            Self::Unix => "unix",
            Self::Tls => "tls",
        }
    }

    /// An address for the other side to listen on; `scratch` is where socket files go.
    pub fn listen_address(self, scratch: &Path) -> String {
        match self {
            Self::Tcp | Self::Slow(_) | Self::Tls => "127.0.0.1:0".to_owned(),
            Self::Unix => socket_path(scratch).display().to_string(),
        }
    }

    /// Listens on a fresh address.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn listen(self, scratch: &Path) -> Result<Listener> {
        let socket = match self {
            Self::Tcp | Self::Slow(_) | Self::Tls => {
                Socket::Tcp(TcpListener::bind("127.0.0.1:0").await?)
            }
            Self::Unix => Socket::Unix(unix::Listener::bind(socket_path(scratch))?),
        };
        Ok(Listener { link: self, socket })
    }

    /// Connects to an address that the other side listens on.
    ///
    /// # Errors
    /// When nobody listens there, or the TLS handshake fails.
    pub async fn connect(self, address: &str, identity: &Identity) -> Result<BoxIo> {
        match self {
            Self::Tcp => Ok(Box::new(connect_tcp(address).await?)),
            Self::Slow(by) => Ok(delay::both_ways(connect_tcp(address).await?, by)),
            Self::Unix => unix::connect(address).await,
            Self::Tls => {
                let connector = TlsConnector::from(Arc::clone(&identity.client));
                let name = ServerName::try_from("localhost").context("a valid name")?;
                Ok(Box::new(connector.connect(name, connect_tcp(address).await?).await?))
            }
        }
    }
}

/// A listening socket that takes one connection.
#[derive(Debug)]
pub struct Listener {
    link: Link,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(unix::Listener),
}

impl Listener {
    /// The address for the other side to dial.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> Result<String> {
        match &self.socket {
            Socket::Tcp(listener) => Ok(listener.local_addr()?.to_string()),
            Socket::Unix(listener) => Ok(listener.address()),
        }
    }

    /// Waits for the connection.
    ///
    /// # Errors
    /// When the system refuses, or the TLS handshake fails.
    pub async fn accept(self, identity: &Identity) -> Result<BoxIo> {
        match (self.socket, self.link) {
            (Socket::Unix(listener), _) => listener.accept().await,
            (Socket::Tcp(listener), Link::Tcp) => Ok(Box::new(accept_tcp(&listener).await?)),
            (Socket::Tcp(listener), Link::Slow(by)) => {
                Ok(delay::both_ways(accept_tcp(&listener).await?, by))
            }
            (Socket::Tcp(listener), Link::Tls) => {
                let acceptor = TlsAcceptor::from(Arc::clone(&identity.server));
                Ok(Box::new(acceptor.accept(accept_tcp(&listener).await?).await?))
            }
            (Socket::Tcp(_), Link::Unix) => bail!("a Unix link listens on a Unix socket"),
        }
    }
}

async fn connect_tcp(address: &str) -> Result<TcpStream> {
    let address: SocketAddr = address.parse().with_context(|| format!("address {address:?}"))?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn accept_tcp(listener: &TcpListener) -> Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn socket_path(scratch: &Path) -> PathBuf {
    scratch.join("socket")
}
