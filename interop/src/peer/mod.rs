//! The implementations that we talk to.

mod compat;
mod go;
mod go_process;
mod in_process;
mod rust_yamux;
mod tokio_yamux;

use std::{path::Path, sync::Arc};

use anyhow::Result;
use futures::future::BoxFuture;

pub use go::{GO_MISSING, GoLibrary, GoProgram, go_is_installed};
pub use in_process::InProcess;

use crate::{
    conversation::Role,
    gate::Gate,
    link::{BoxIo, Side},
    scenario::Scenario,
    session::Abilities,
    tls::Identity,
};

/// Another implementation of Yamux.
pub trait Peer: Send + Sync {
    /// The name in the matrix.
    fn name(&self) -> &'static str;
    /// The version that is tested.
    fn version(&self) -> &'static str;
    /// Whether it cannot run without Go.
    fn needs_go(&self) -> bool;
    /// What it can do.
    fn abilities(&self) -> Abilities;
    /// Starts its part of a scenario and connects to it.
    fn start<'a>(&'a self, plan: Plan<'a>) -> BoxFuture<'a, Result<Remote>>;
}

/// What a peer is to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The scenario to play.
    pub scenario: &'a Scenario,
    /// The side of the session that the peer has.
    pub side: Side,
    /// The part of the conversation that the peer plays.
    pub role: Role,
    /// A directory of the cell's own.
    pub scratch: &'a Path,
    /// For TLS.
    pub identity: &'a Identity,
}

/// A peer that plays its part.
pub struct Remote {
    /// Our end of the connection to it.
    pub io: BoxIo,
    /// Our end of the gate to it.
    pub gate: Gate,
    /// Resolves when it has played its part, with what went wrong if something did.
    pub finished: BoxFuture<'static, Result<()>>,
    /// What it logged so far.
    pub log: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Every peer.
pub fn all() -> Vec<&'static dyn Peer> {
    vec![
        &GoLibrary::Hashicorp,
        &GoLibrary::GoYamux,
        &InProcess::RustYamux,
        &InProcess::TokioYamux,
        &InProcess::OurTokio,
    ]
}
