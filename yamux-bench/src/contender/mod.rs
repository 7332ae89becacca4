//! One way to get streams over a link: raw connections, our library, or a rival's.

pub mod async_smux;
pub mod h2;
pub mod ours;
pub mod ours_async_std;
pub mod raw;
pub mod rust_yamux;
pub mod tokio_yamux;

use std::{future::Future, io};

use serde::{Deserialize, Serialize};

pub use self::{
    async_smux::AsyncSmux, h2::H2, ours::Ours, ours_async_std::OursAsyncStd, raw::Raw,
    rust_yamux::RustYamux, tokio_yamux::TokioYamux,
};
use crate::{
    link::{Io, Link, SmolTcp},
    measure::{Budget, Measurement},
    workload::Workload,
};

/// A multiplexer, or the lack of one, over links of type `L`.
pub trait Contender<L: Link>: 'static {
    /// A stream at either end.
    type Stream: Io;
    /// The end that opens streams.
    type Opener: Open<Stream = Self::Stream>;
    /// The end that accepts them.
    type Acceptor: Accept<Stream = Self::Stream>;

    /// Whether an end tells the other that it opened or accepted a stream only with its first bytes.
    const LAZY: bool = false;

    /// Whether every stream is a connection of its own, so that there is no session to keep.
    const STREAM_IS_CONNECTION: bool = false;

    /// Sets up both ends, with whatever tasks they need, over `link`.
    fn connect(link: &L)
    -> impl Future<Output = io::Result<(Self::Opener, Self::Acceptor)>> + Send;
}

/// The end that opens streams.
pub trait Open: Clone + Send + 'static {
    /// What it opens.
    type Stream;

    /// Opens a stream.
    fn open(&mut self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// The end that accepts streams.
pub trait Accept: Send + 'static {
    /// What it accepts.
    type Stream;

    /// Waits for the peer's next stream.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// The contenders by name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// The bare link: one connection a stream.
    Raw,
    /// Rust Yamux: `yamux-tokio` on Tokio, `yamux-async-std` on smol.
    Ours,
    /// Rust Yamux without copies, by `write_chunk` and `read_chunk`; for bulk.
    OursChunks,
    /// Parity's `yamux`, the one that libp2p uses.
    RustYamux,
    /// Nervos' `tokio-yamux`.
    TokioYamux,
    /// HTTP/2: `h2`.
    H2,
    /// The smux protocol: `async_smux`.
    AsyncSmux,
    /// Go's hashicorp/yamux, at both ends, in a process of its own.
    GoHashicorp,
    /// Go's libp2p/go-yamux, at both ends, in a process of its own.
    GoLibp2p,
}

impl Name {
    /// Every contender, in the order of the tables.
    pub const ALL: [Self; 9] = [
        Self::Raw,
        Self::Ours,
        Self::OursChunks,
        Self::RustYamux,
        Self::TokioYamux,
        Self::H2,
        Self::AsyncSmux,
        Self::GoHashicorp,
        Self::GoLibp2p,
    ];

    /// The name used in tables, records and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Ours => "ours",
            Self::OursChunks => "ours-chunks",
            Self::RustYamux => "rust-yamux",
            Self::TokioYamux => "tokio-yamux",
            Self::H2 => "h2",
            Self::AsyncSmux => "async-smux",
            Self::GoHashicorp => "go-hashicorp",
            Self::GoLibp2p => "go-libp2p",
        }
    }

    /// Whether it runs in this process, on one of our runtimes.
    pub fn is_rust(self) -> bool {
        !self.is_go()
    }

    /// Whether it runs in the Go program.
    pub fn is_go(self) -> bool {
        matches!(self, Self::GoHashicorp | Self::GoLibp2p)
    }

    /// Whether it is somebody else's multiplexer.
    pub fn is_rival(self) -> bool {
        !matches!(self, Self::Raw | Self::Ours | Self::OursChunks)
    }

    /// Runs `workload` over `link` with this contender.
    ///
    /// # Errors
    /// Those of the workload, and that the contender does not run in this process.
    pub async fn run<L: Link, W: Workload>(
        self,
        workload: &W,
        link: &L,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        match self {
            Self::Raw => workload.run::<Raw, L>(link, budget).await,
            Self::Ours => workload.run::<Ours, L>(link, budget).await,
            Self::RustYamux => workload.run::<RustYamux, L>(link, budget).await,
            Self::TokioYamux => workload.run::<TokioYamux, L>(link, budget).await,
            Self::H2 => workload.run::<H2, L>(link, budget).await,
            Self::AsyncSmux => workload.run::<AsyncSmux, L>(link, budget).await,
            Self::OursChunks | Self::GoHashicorp | Self::GoLibp2p => {
                anyhow::bail!("{} has no such streams in this process", self.name())
            }
        }
    }

    /// Runs `workload` on smol, where only the contenders with traits of `futures-io` can.
    ///
    /// # Errors
    /// Those of the workload, and that the contender is none of those.
    pub async fn run_on_smol<W: Workload>(
        self,
        workload: &W,
        link: &SmolTcp,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        match self {
            Self::Raw => workload.run::<Raw, _>(link, budget).await,
            Self::Ours => workload.run::<OursAsyncStd, _>(link, budget).await,
            Self::OursChunks
            | Self::RustYamux
            | Self::TokioYamux
            | Self::H2
            | Self::AsyncSmux
            | Self::GoHashicorp
            | Self::GoLibp2p => anyhow::bail!("{} does not run on smol here", self.name()),
        }
    }
}
