//! Loopback TCP.

use std::{io, net::SocketAddr};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Dial, Link, Listen, congestion};

/// Loopback TCP with `TCP_NODELAY` on both ends.
#[derive(Clone, Debug, Default)]
pub struct Tcp {
    /// The congestion control to ask for; `None` leaves the kernel's default.
    pub congestion: Option<String>,
}

impl Tcp {
    /// Loopback TCP under the first of cubic and reno that this process may use.
    ///
    /// Where neither can be had the kernel's default stays, which may be BBR: BBR paces loopback
    /// by its own estimate of the path, so that bulk figures say more about it than about the
    /// contenders.
    pub fn unpaced() -> Self {
        let usable = |name: &&str| {
            TcpSocket::new_v4().is_ok_and(|it| congestion::set(&SockRef::from(&it), name).is_ok())
        };
        Self { congestion: ["cubic", "reno"].into_iter().find(usable).map(str::to_owned) }
    }

    /// The congestion control that sockets of this link really get.
    ///
    /// # Errors
    /// Those of the socket calls, or that the kernel does not know the algorithm asked for.
    pub fn congestion_in_force(&self) -> io::Result<String> {
        congestion::get(&SockRef::from(&self.socket()?))
    }

    /// A socket with these settings, in the network namespace of the calling thread.
    pub(super) fn socket(&self) -> io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        if let Some(name) = &self.congestion {
            congestion::set(&SockRef::from(&socket), name)?;
        }
        socket.set_nodelay(true)?;
        Ok(socket)
    }
}

impl Link for Tcp {
    type Io = TcpStream;
    type Dialer = TcpDialer;
    type Listener = TcpListener;

    async fn bind(&self) -> io::Result<(TcpDialer, TcpListener)> {
        // Accepted sockets inherit the listener's congestion control and its TCP_NODELAY.
        let socket = self.socket()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(4_096)?;
        Ok((TcpDialer { link: self.clone(), address: listener.local_addr()? }, listener))
    }
}

/// Connects to one loopback listener.
#[derive(Clone, Debug)]
pub struct TcpDialer {
    link: Tcp,
    address: SocketAddr,
}

impl Dial for TcpDialer {
    type Io = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        self.link.socket()?.connect(self.address).await
    }
}

impl Listen for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
