//! What a session runs over.

mod congestion;
pub mod memory;
pub mod namespaces;
pub mod path;
pub mod smol_tcp;
pub mod tcp;

use std::{future::Future, io};

use tokio::io::{AsyncRead, AsyncWrite};

pub use self::{memory::Memory, namespaces::Namespaces, path::Path, smol_tcp::SmolTcp, tcp::Tcp};

/// A byte pipe in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static> Io for T {}

/// A place to connect two ends of the process, once for a session or once for each raw stream.
pub trait Link: Clone + Send + Sync + 'static {
    /// One end of a connection.
    type Io: Io;
    /// The connecting side.
    type Dialer: Dial<Io = Self::Io>;
    /// The accepting side.
    type Listener: Listen<Io = Self::Io>;

    /// Opens the listener and says how to reach it.
    fn bind(&self) -> impl Future<Output = io::Result<(Self::Dialer, Self::Listener)>> + Send;

    /// One connection: its dialling and its accepting end.
    fn connect(&self) -> impl Future<Output = io::Result<(Self::Io, Self::Io)>> + Send {
        async {
            let (dialer, mut listener) = self.bind().await?;
            tokio::try_join!(dialer.dial(), listener.accept())
        }
    }
}

/// The connecting side of a [`Link`].
pub trait Dial: Clone + Send + Sync + 'static {
    /// One end of a connection.
    type Io: Io;

    /// Connects.
    fn dial(&self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// The accepting side of a [`Link`].
pub trait Listen: Send + 'static {
    /// One end of a connection.
    type Io: Io;

    /// Waits for a connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}
