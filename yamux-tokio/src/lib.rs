//! Yamux stream multiplexing for Tokio.
//!
//! One connection, any `AsyncRead + AsyncWrite` (TCP, TLS, a Unix socket, a pipe), becomes a
//! [`Session`] of many bidirectional [`Stream`]s, each with flow control of its own. Either side opens
//! streams, so a service behind NAT dials out once and is reached over that connection. The wire
//! format is that of Go's [hashicorp/yamux], which Consul, Nomad, Vault and libp2p speak.
//!
//! [hashicorp/yamux]: https://github.com/hashicorp/yamux
//!
//! ```
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use yamux_tokio::{Config, Session};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (near, far) = tokio::io::duplex(64 * 1024);
//! let client = Session::client(near, Config::default());
//! let server = Session::server(far, Config::default());
//!
//! tokio::spawn(async move {
//!     while let Ok(mut stream) = server.accept().await {
//!         let mut request = String::new();
//!         stream.read_to_string(&mut request).await?;
//!         stream.write_all(request.to_uppercase().as_bytes()).await?;
//!         stream.shutdown().await?;
//!     }
//!     Ok::<_, std::io::Error>(())
//! });
//!
//! let mut stream = client.open().await?;
//! stream.write_all(b"hello").await?;
//! stream.shutdown().await?;
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
//! that had come are accepted. What is being served is served to its end, and then there is nothing
//! left that [`close`](Session::close) could cut off.
//!
//! ```
//! use std::io;
//!
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::task::JoinSet;
//! use yamux_tokio::{Config, Session, SessionError, Stream};
//!
//! async fn serve(session: Session) -> Result<(), SessionError> {
//!     let mut serving = JoinSet::new();
//!     loop {
//!         tokio::select! {
//!             accepted = session.accept() => match accepted {
//!                 Ok(stream) => { serving.spawn(handle(stream)); }
//!                 Err(_) => break,
//!             },
//!             Some(_) = serving.join_next() => {}
//!         }
//!     }
//!     while serving.join_next().await.is_some() {}
//!     session.close().await
//! }
//!
//! async fn handle(mut stream: Stream) {
//!     stream.reset_on_drop(1); // or an answer that failed half way would look complete
//!     if let Err(error) = answer(&mut stream).await {
//!         eprintln!("stream {}: {error}", stream.id());
//!     }
//! }
//!
//! async fn answer(stream: &mut Stream) -> io::Result<()> {
//!     let mut request = Vec::new();
//!     stream.read_to_end(&mut request).await?;
//!     stream.write_all(&request).await?;
//!     stream.shutdown().await
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (near, far) = tokio::io::duplex(64 * 1024);
//! # let client = Session::client(near, Config::default());
//! let session = Session::server(far, Config::default());
//! let serving = tokio::spawn(serve(session.clone()));
//! # let mut stream = client.open().await?;
//! # stream.write_all(b"under way").await?;
//! # client.ping().await?;
//! session.go_away().await?;
//! # stream.shutdown().await?;
//! # let mut answer = Vec::new();
//! # stream.read_to_end(&mut answer).await?;
//! # assert_eq!(answer, b"under way");
//! serving.await??;
//! # Ok(())
//! # }
//! ```
//!
//! # Requests that may be cancelled
//! A future that a timeout or `select!` drops takes its stream with it, and a dropped stream is a
//! finished one. [`Stream::reset_on_drop`] makes that a reset: the peer does not take half a request for
//! a whole one, and hears by [`Stream::closed`] that nobody waits for its answer any more. A task that
//! is done with a stream which its peer has not finished takes it back with `reset_on_drop(None)`.
//! [`Config::reset_unfinished`] is the first half of that, for all streams.
//!
//! ```
//! use std::io;
//!
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use yamux_tokio::{Config, Session, StreamError};
//!
//! async fn call(session: &Session, request: &[u8]) -> io::Result<Vec<u8>> {
//!     let mut stream = session.open().await?;
//!     stream.reset_on_drop(7);
//!     stream.write_all(request).await?;
//!     stream.shutdown().await?;
//!     let mut answer = Vec::new();
//!     stream.read_to_end(&mut answer).await?;
//!     Ok(answer)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (near, far) = tokio::io::duplex(64 * 1024);
//! # let client = Session::client(near, Config::default());
//! # let server = Session::server(far, Config::default());
//! // Whatever cancels it: here, that the server has heard of it.
//! let mut stream = tokio::select! {
//!     answer = call(&client, b"hard question") => panic!("nobody answers: {answer:?}"),
//!     accepted = server.accept() => accepted?,
//! };
//! assert!(matches!(stream.closed().await, StreamError::Reset(7)));
//! # Ok(())
//! # }
//! ```
//!
//! # When the peer disappears
//! The keepalive finds out: after 40 s of silence by default ([`Config::keepalive_interval`] and
//! [`Config::keepalive_timeout`]) the session ends, every pending call with it, and
//! [`closed`](Session::closed) says why. With a transport that takes no more bytes it ends after
//! [`Config::write_stall_timeout`]. A new session over a new connection takes its place; streams do not
//! move. The example `reverse_tunnel` dials again in this way.
//!
//! # On TCP, set `TCP_NODELAY`
//! Sessions coalesce small writes themselves. With Nagle's algorithm left on, a request that waits for
//! its answer can wait 40 ms for a delayed acknowledgement as well.
//!
//! # Features
//! - `tracing`: a debug event when a session ends, with the cause, and a trace event for each stream
//!   that is refused or reset by the peer, in a span `yamux` within the one that was current when the
//!   session began.
//!
//! Needs Rust 1.85.

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
