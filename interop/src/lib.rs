//! Rust Yamux against other implementations of Yamux.
//!
//! A [`Conversation`](conversation::Conversation) is an exchange between two sessions, written once
//! and played by every implementation: ours through an [`Adapter`](adapter::Adapter), the others
//! through a [`Peer`](peer::Peer). A [`Scenario`](scenario::Scenario) is a conversation with a name,
//! a link and settings. A [`Cell`](matrix::Cell) is one square of the matrix of peer, scenario, role
//! and adapter, and can be run.

pub mod adapter;
pub mod conformance;
pub mod conversation;
mod delay;
pub mod frame;
pub mod gate;
pub mod golden;
pub mod link;
pub mod matrix;
pub mod pattern;
pub mod peer;
pub mod report;
pub mod scenario;
pub mod session;
pub mod tap;
pub mod target_dir;
pub mod tls;
#[cfg_attr(not(unix), path = "no_unix.rs")]
mod unix;

/// The README's program compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
