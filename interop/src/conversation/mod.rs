//! The conversations: what two sessions do with each other, each written once.
//!
//! The active side opens, the passive side answers; which of them is the Yamux client is up to the
//! scenario. The Go peer has the same conversations under the same scenario names.

mod control;
mod echo;
mod ending;
mod half_close;
mod transfer;

pub(crate) use echo::serve as serve_echo;
pub(crate) use ending::BACKLOG_ACCEPTED;

use std::{future::Future, io, sync::Arc};

use anyhow::{Context, Result};

use crate::{
    gate::Gate,
    link::Side,
    session::{Abilities, Session, Stream},
    tap::Tap,
};

/// Which part of a conversation a session plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opens the conversation.
    Active,
    /// Answers.
    Passive,
}

impl Role {
    /// The other role.
    pub fn other(self) -> Self {
        match self {
            Self::Active => Self::Passive,
            Self::Passive => Self::Active,
        }
    }
}

/// One side of a conversation: a session, and a gate to the other side.
#[derive(Clone)]
pub struct Part {
    /// The session that plays it.
    pub session: Arc<dyn Session>,
    /// Agreement with the other side.
    pub gate: Gate,
    /// Which side of the session.
    pub side: Side,
    /// What the session that plays it can do.
    pub own: Abilities,
    /// What the other side can do.
    pub other: Abilities,
    /// The frames of the connection, on our side only.
    pub tap: Option<Tap>,
}

/// An exchange between two sessions.
#[derive(Clone, Copy, Debug)]
pub enum Conversation {
    /// One stream comes back as it went.
    Echo {
        /// Bytes each way.
        bytes: usize,
    },
    /// Both sides send on one stream at once.
    Exchange {
        /// Bytes each way.
        bytes: usize,
        /// Bytes in one write.
        chunk: usize,
        /// The other side is to send at least one frame as large as a write, if it does that.
        large_frames: bool,
    },
    /// Many streams, all open until each has carried data both ways.
    Concurrent {
        /// Number of streams.
        streams: usize,
    },
    /// Many streams, each for one small echo.
    ShortStreams {
        /// Number of streams.
        streams: usize,
    },
    /// Both sides open streams at once.
    SimultaneousOpen {
        /// Number of streams that each side opens.
        streams: usize,
    },
    /// Request, FIN, response, FIN.
    RequestFirst,
    /// Response, FIN, request, FIN.
    ResponseFirst,
    /// Request and FIN have come before the stream is accepted.
    FinBeforeAccept,
    /// Each side resets a stream.
    Reset,
    /// The passive side sends; the window of the active side has to grow.
    AutoTune {
        /// Bytes that the passive side sends.
        bytes: usize,
    },
    /// Both sides ping while a stream is busy.
    Ping,
    /// The passive side sends Go Away; what is open goes on.
    GoAway,
    /// The session closes right after many streams were finished.
    CloseUnderLoad,
    /// The session closes right after a FIN, and the other side has read nothing yet.
    CloseAfterFin,
    /// The session closes in the middle of a stream, which the other side must not take for complete.
    CloseUnfinished,
    /// The other side ends the session in the middle of a stream.
    AbruptClose,
    /// More streams than the passive side queues.
    AcceptBacklog,
    /// Idle, past several keepalive intervals.
    Keepalive {
        /// Whether our side is the one that pings.
        by_us: bool,
    },
    /// One stream that nobody reads, while others flow.
    StalledReader,
}

impl Conversation {
    /// Plays one part to its end.
    ///
    /// # Errors
    /// Says what was expected and what came.
    pub async fn play(self, role: Role, part: &Part) -> Result<()> {
        let active = role == Role::Active;
        match self {
            Self::Echo { bytes } if active => echo::active(part, bytes).await,
            Self::Echo { .. } => echo::passive(part, 1).await,
            Self::Exchange { bytes, chunk, large_frames } => {
                transfer::exchange(part, role, bytes, chunk, large_frames).await
            }
            Self::Concurrent { streams } if active => echo::concurrent(part, streams).await,
            Self::ShortStreams { streams } if active => echo::short_streams(part, streams).await,
            Self::Concurrent { streams } | Self::ShortStreams { streams } => {
                echo::passive(part, streams).await
            }
            Self::SimultaneousOpen { streams } => echo::open_and_accept(part, streams).await,
            Self::RequestFirst if active => half_close::request_first_active(part).await,
            Self::RequestFirst => half_close::request_first_passive(part).await,
            Self::ResponseFirst if active => half_close::response_first_active(part).await,
            Self::ResponseFirst => half_close::response_first_passive(part).await,
            Self::FinBeforeAccept if active => half_close::fin_before_accept_active(part).await,
            Self::FinBeforeAccept => half_close::fin_before_accept_passive(part).await,
            Self::Reset if active => control::reset_active(part).await,
            Self::Reset => control::reset_passive(part).await,
            Self::AutoTune { bytes } if active => transfer::auto_tune_active(part, bytes).await,
            Self::AutoTune { bytes } => transfer::auto_tune_passive(part, bytes).await,
            Self::Ping if active => control::ping_active(part).await,
            Self::Ping => control::ping_passive(part).await,
            Self::GoAway if active => control::go_away_active(part).await,
            Self::GoAway => control::go_away_passive(part).await,
            Self::CloseUnderLoad if active => ending::close_under_load_active(part).await,
            Self::CloseUnderLoad => ending::close_under_load_passive(part).await,
            Self::CloseAfterFin if active => ending::close_after_fin_active(part).await,
            Self::CloseAfterFin => ending::close_after_fin_passive(part).await,
            Self::CloseUnfinished if active => ending::close_unfinished_active(part).await,
            Self::CloseUnfinished => ending::close_unfinished_passive(part).await,
            Self::AbruptClose if active => ending::abrupt_close_active(part).await,
            Self::AbruptClose => ending::abrupt_close_passive(part).await,
            Self::AcceptBacklog if active => ending::accept_backlog_active(part).await,
            Self::AcceptBacklog => ending::accept_backlog_passive(part).await,
            Self::Keepalive { by_us } if active => control::keepalive_active(part, by_us).await,
            Self::Keepalive { by_us } => control::keepalive_passive(part, by_us).await,
            Self::StalledReader if active => transfer::stalled_reader_active(part).await,
            Self::StalledReader => transfer::stalled_reader_passive(part).await,
        }
    }
}

/// The two directions of a stream carry different sequences, so that an echo is not mistaken for an
/// answer.
const ACTIVE_SEED: u64 = 11;
const PASSIVE_SEED: u64 = 12;
const MIB: usize = 1024 * 1024;

impl Part {
    async fn open(&self) -> Result<Box<dyn Stream>> {
        self.session.open().await.context("open")
    }

    async fn accept(&self) -> Result<Box<dyn Stream>> {
        self.session.accept().await.context("accept")
    }

    /// Waits until the passive side has finished with its streams, then closes the session.
    async fn end_active(&self) -> Result<()> {
        self.gate.wait("done").await?;
        self.session.close().await.context("close")
    }

    /// Tells the active side that it may close, and waits until it has.
    async fn end_passive(&self) -> Result<()> {
        self.gate.signal("done");
        self.session.closed().await;
        Ok(())
    }

    /// Ends a conversation in which neither side is the active one: the Yamux client closes.
    async fn end_together(&self) -> Result<()> {
        self.gate.signal("done");
        self.gate.wait("done").await?;
        match self.side {
            Side::Client => self.session.close().await.context("close"),
            Side::Server => {
                self.session.closed().await;
                Ok(())
            }
        }
    }

    /// Whether an error is the reset that was expected; judges the code where it is sent.
    fn want_reset(&self, error: &io::Error, code: u32) -> Result<()> {
        anyhow::ensure!(
            error.kind() == io::ErrorKind::ConnectionReset,
            "expected a reset (ConnectionReset), got {:?}: {error}",
            error.kind()
        );
        if let Some(got) = self.session.reset_code(error).filter(|_| self.other.reset_codes) {
            anyhow::ensure!(got == code, "expected a reset with code {code}, got code {got}");
        }
        Ok(())
    }
}

/// Runs `work(0)` to `work(n - 1)` in tasks of their own; the first error ends it.
async fn all<F, W>(n: usize, mut work: W) -> Result<()>
where
    W: FnMut(usize) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..n {
        tasks.spawn(work(i));
    }
    while let Some(result) = tasks.join_next().await {
        result.context("a task of the conversation panicked")??;
    }
    Ok(())
}
