//! The Yamux protocol as a value.
//!
//! [Yamux] turns one reliable, ordered connection into many bidirectional streams with flow control
//! and keepalives. This crate is the protocol and nothing else: [`Connection`] takes bytes and the
//! time, and yields bytes and events. It does no I/O, looks at no clock, spawns nothing, and needs
//! only `alloc`. Applications use one of the adapters, `yamux-tokio` or `yamux-async-std`, which
//! share the runtime-free async layer behind the feature `driver`.
//!
//! [Yamux]: https://github.com/hashicorp/yamux/blob/master/spec.md
//!
//! ```
//! use bytes::{Buf, BytesMut};
//! use yamux_proto::{Config, Connection, Instant, Side, Transmit};
//!
//! let now = Instant::ORIGIN; // whatever monotonic clock you have
//! let mut client = Connection::new(Side::Client, Config::default(), now);
//! let mut server = Connection::new(Side::Server, Config::default(), now);
//!
//! let id = client.open()?;
//! client.stream(id)?.write(b"hello")?;
//!
//! let mut batch = Transmit::default();
//! let mut wire = BytesMut::new();
//! while client.poll_transmit(now, &mut batch) {
//!     wire.extend_from_slice(&batch.copy_to_bytes(batch.remaining()));
//!     client.handle_transmitted(now);
//! }
//! server.handle_input(now, &mut wire);
//! assert_eq!(server.accept(), Some(id));
//!
//! let mut hello = [0; 5];
//! assert_eq!(server.stream(id)?.read(&mut hello)?, 5);
//! assert_eq!(&hello, b"hello");
//!
//! // Done with it on this side: the place is free once the client is done as well.
//! server.stream(id)?.stop_reading();
//! server.stream(id)?.stop_writing();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where what the specification says is obeyed
//!
//! | spec heading | source | tests |
//! |---|---|---|
//! | Framing, Version, Type, Flag, StreamID, Length fields | `frame/` | `tests/framing.rs` |
//! | Opening a stream | `connection/receive.rs`, `connection/lifecycle.rs` | `tests/opening.rs` |
//! | Closing a stream | `stream/state.rs`, `stream/view.rs` | `tests/closing.rs` |
//! | Flow Control | `flow_control/`, `connection/transmit.rs` | `tests/flow_control.rs` |
//! | Ping, keepalive | `connection/ping.rs`, `connection/timeouts.rs` | `tests/ping.rs` |
//! | Session termination, Go Away | `connection/go_away.rs` | `tests/session_termination.rs` |
//! | (hostile peers) | `limits.rs`, `config.rs`, `connection/offences.rs` | `tests/hostile.rs` |
//!
//! # Features
//! - `driver`: the runtime-free async layer (needs std);
//! - `tracing`: a debug event when a session ends, with the cause, and a trace event for each stream
//!   that is refused or reset by the peer. The driver's are within a span `yamux`, and that within the
//!   one that was current when the session began. Nothing a peer causes is logged above debug.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

extern crate alloc;
#[cfg(any(test, feature = "driver"))]
extern crate std;

mod config;
mod connection;
mod copying;
#[cfg(feature = "driver")]
pub mod driver;
mod error;
mod flow_control;
mod frame;
pub mod limits;
mod stream;
mod stream_id;
mod time;

pub(crate) use connection::event;

pub use config::{Config, ConfigBuilder, ConfigError};
pub use connection::{Connection, Event, Stats, Transmit, TransportState};
pub use error::{
    ConnectionError, OpenError, ProtocolError, ReadError, ResetError, UnknownStream, WriteError,
};
pub use flow_control::INITIAL_WINDOW;
pub use frame::{Decoder, Flags, Frame, FrameError, GoAwayCode, HEADER_LEN, Item, Piece, VERSION};
pub use stream::Stream;
pub use stream_id::{Side, StreamId};
pub use time::Instant;

/// The README's program compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
