//! Network namespaces are Linux's: elsewhere there is no long path under the kernel's own TCP.

use std::io;

use anyhow::bail;
use tokio::net::{TcpListener, TcpStream};

use super::{Link, Path, Tcp, tcp::TcpDialer};

/// Stands for TCP over a [`Path`] between two network namespaces.
#[derive(Clone, Debug)]
pub struct Namespaces {
    /// The path between them.
    pub path: Path,
    /// The sockets' settings.
    pub tcp: Tcp,
}

impl Namespaces {
    /// Whether this process may make namespaces.
    ///
    /// # Errors
    /// That it may not.
    pub fn check() -> anyhow::Result<()> {
        bail!("network namespaces need Linux")
    }
}

impl Link for Namespaces {
    type Io = TcpStream;
    type Dialer = TcpDialer;
    type Listener = TcpListener;

    async fn bind(&self) -> io::Result<(TcpDialer, TcpListener)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
