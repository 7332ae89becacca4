//! Network namespaces are Linux's: elsewhere there is no long path under the kernel's own TCP.

use std::io;

use anyhow::bail;
use tokio::net::{TcpListener, TcpStream};

use super::Namespaces;
use crate::link::{Link, tcp::TcpDialer};

pub(super) fn check() -> anyhow::Result<()> {
    bail!("network namespaces need Linux")
}

impl Link for Namespaces {
    type Io = TcpStream;
    type Dialer = TcpDialer;
    type Listener = TcpListener;

    async fn bind(&self) -> io::Result<(TcpDialer, TcpListener)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
