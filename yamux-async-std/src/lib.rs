//! Yamux stream multiplexing for async-std, smol and any other executor.
//!
//! **async-std is discontinued** ([RUSTSEC-2025-0052]): it gets no more fixes, its maintainers point to
//! [smol]. This crate works on it, for programs that still run there. New programs should take smol
//! (`default-features = false, features = ["smol"]`), or any executor at all
//! ([`Session::with_driver`] with `default-features = false`), and then have no async-std in their
//! dependency tree; or Tokio, with the crate `yamux-tokio`, whose API is the same.
//!
//! [RUSTSEC-2025-0052]: https://rustsec.org/advisories/RUSTSEC-2025-0052
//! [smol]: https://docs.rs/smol
//!
//! One connection, any `AsyncRead + AsyncWrite` of futures-io (TCP, TLS, a Unix socket, a pipe), becomes
//! a [`Session`] of many bidirectional [`Stream`]s, each with flow control of its own. Either side opens
//! streams, so a service behind NAT dials out once and is reached over that connection. The wire
//! format is that of Go's [hashicorp/yamux], which Consul, Nomad, Vault and libp2p speak.
//!
//! [hashicorp/yamux]: https://github.com/hashicorp/yamux
//!
//! ```
//! use async_std::net::{TcpListener, TcpStream};
//! use futures::{AsyncReadExt, AsyncWriteExt};
//! use yamux_async_std::{Config, Session};
//!
//! # #[async_std::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let near = TcpStream::connect(listener.local_addr()?).await?;
//! near.set_nodelay(true)?;
//! let (far, _) = listener.accept().await?;
//! far.set_nodelay(true)?;
//! let client = Session::client(near, Config::default());
//! let server = Session::server(far, Config::default());
//!
//! async_std::task::spawn(async move {
//!     while let Ok(mut stream) = server.accept().await {
//!         let mut request = String::new();
//!         stream.read_to_string(&mut request).await?;
//!         stream.write_all(request.to_uppercase().as_bytes()).await?;
//!         stream.close().await?;
//!     }
//!     Ok::<_, std::io::Error>(())
//! });
//!
//! let mut stream = client.open().await?;
//! stream.write_all(b"hello").await?;
//! stream.close().await?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "HELLO");
//! client.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Stopping without cutting anything off
//! After [`go_away`](Session::go_away) the peer opens no more streams, and `accept` fails once those
//! that had come are accepted. When what is being served has come to its end, there is nothing left
//! that [`close`](Session::close) could cut off.
//!
//! # Requests that may be cancelled
//! A future that a timeout or `select!` drops takes its stream with it, and a dropped stream is a
//! finished one. [`Stream::reset_on_drop`] makes that a reset: the peer does not take half a request for
//! a whole one, and hears by [`Stream::closed`] that nobody waits for its answer any more. A task that
//! is done with a stream which its peer has not finished takes it back with `reset_on_drop(None)`.
//! [`Config::reset_unfinished`] is the first half of that, for all streams.
//!
//! # When the peer disappears
//! The keepalive finds out: after 40 s of silence by default ([`Config::keepalive_interval`] and
//! [`Config::keepalive_timeout`]) the session ends, every pending call with it, and
//! [`closed`](Session::closed) says why. With a transport that takes no more bytes it ends after
//! [`Config::write_stall_timeout`]. A new session over a new connection takes its place; streams do not
//! move.
//!
//! # On TCP, set `TCP_NODELAY`
//! Sessions coalesce small writes themselves. With Nagle's algorithm left on, a request that waits for
//! its answer can wait 40 ms for a delayed acknowledgement as well.
//!
//! # Features
//! - `async-std` (default): `Session::client` and `Session::server` spawn on async-std;
//! - `smol`: they spawn on smol, also if both features are on;
//! - `tracing`: a debug event when a session ends, with the cause, and a trace event for each stream
//!   that is refused or reset by the peer, in a span `yamux` within the one that was current when the
//!   session began.
//!
//! Needs Rust 1.85.

mod bell;
mod half_close;
mod runtime;
mod session;
mod stream;

pub use session::{Driver, Incoming, Opener, Session};
pub use stream::{RecvHalf, SendHalf, Stream};
pub use yamux_proto::driver::{SessionError, StreamError};
pub use yamux_proto::{
    Config, ConfigBuilder, ConfigError, FrameError, GoAwayCode, ProtocolError, Side, Stats,
    StreamId,
};

/// The README's program compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
