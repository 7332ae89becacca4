//! Peers in Rust, which play their part in this process.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures::future::BoxFuture;

use super::{Peer, Plan, Remote, rust_yamux, tokio_yamux};
use crate::{
    adapter,
    conversation::Part,
    gate::Gate,
    link::{BoxIo, Side},
    session::{Abilities, StartSession},
};

/// An implementation in Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InProcess {
    /// The crate `yamux`.
    RustYamux,
    /// The crate `tokio-yamux`.
    TokioYamux,
    /// Our own adapter for Tokio, so that our adapters talk to each other too.
    OurTokio,
}

impl InProcess {
    /// Starts its sessions.
    pub fn starter(self) -> &'static dyn StartSession {
        match self {
            Self::RustYamux => &rust_yamux::RustYamux,
            Self::TokioYamux => &tokio_yamux::TokioYamux,
            Self::OurTokio => adapter::tokio(),
        }
    }
}

impl Peer for InProcess {
    fn name(&self) -> &'static str {
        match self {
            Self::RustYamux => "yamux",
            Self::TokioYamux => "tokio-yamux",
            Self::OurTokio => "yamux-tokio",
        }
    }

    fn version(&self) -> &'static str {
        match self {
            Self::RustYamux => "0.14.1",
            Self::TokioYamux => "0.3.20",
            // The members of this workspace have one version.
            Self::OurTokio => env!("CARGO_PKG_VERSION"),
        }
    }

    fn needs_go(&self) -> bool {
        false
    }

    fn abilities(&self) -> Abilities {
        match self {
            Self::RustYamux => rust_yamux::ABILITIES,
            Self::TokioYamux => tokio_yamux::ABILITIES,
            Self::OurTokio => adapter::ABILITIES,
        }
    }

    fn start<'a>(&'a self, plan: Plan<'a>) -> BoxFuture<'a, Result<Remote>> {
        Box::pin(async move {
            let (ours, theirs) = connect(plan).await?;
            let (our_gate, their_gate) = Gate::pair();
            let session = self.starter().start(theirs, plan.side, plan.scenario.theirs)?;
            let part = Part {
                session: Arc::from(session),
                gate: their_gate,
                side: plan.side,
                own: self.abilities(),
                other: adapter::ABILITIES,
                tap: None,
            };
            let (conversation, role) = (plan.scenario.conversation, plan.role);
            let playing = tokio::spawn(async move { conversation.play(role, &part).await });
            Ok(Remote {
                io: ours,
                gate: our_gate,
                finished: Box::pin(async { playing.await.context("the peer panicked")? }),
                log: Arc::new(String::new),
            })
        })
    }
}

/// A connection of the scenario's kind: our end and theirs.
async fn connect(plan: Plan<'_>) -> Result<(BoxIo, BoxIo)> {
    let link = plan.scenario.link;
    let listener = link.listen(plan.scratch).await?;
    let address = listener.address()?;
    let (dialled, accepted) =
        tokio::try_join!(link.connect(&address, plan.identity), listener.accept(plan.identity))?;
    Ok(match plan.side {
        Side::Client => (accepted, dialled),
        Side::Server => (dialled, accepted),
    })
}
