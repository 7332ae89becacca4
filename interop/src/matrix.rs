//! The cells of the matrix, and how one is run.

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::time::timeout;

use crate::{
    adapter::{self, Adapter},
    conversation::Part,
    link::Side,
    peer::{self, Peer, Plan, Remote},
    scenario::{self, Scenario},
    tap::Tap,
    target_dir,
    tls::Identity,
};

/// Longer than any cell takes on a slow machine: what runs into it hangs.
const CELL_TIMEOUT: Duration = Duration::from_secs(180);
/// How long the one side may still take to say what is wrong once the other side has failed.
const SECOND_OPINION_TIMEOUT: Duration = Duration::from_secs(2);

/// One square of the matrix.
#[derive(Clone, Copy)]
pub struct Cell {
    /// The implementation that we talk to.
    pub peer: &'static dyn Peer,
    /// What is done.
    pub scenario: Scenario,
    /// Our side of the session.
    pub side: Side,
    /// Our implementation.
    pub adapter: &'static dyn Adapter,
}

/// As in `hashicorp::echo::rust-client::tokio`.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peer, adapter) = (self.peer.name(), self.adapter.name());
        write!(f, "{peer}::{}::{}::{adapter}", self.scenario.name, self.role_name())
    }
}

/// Every cell that makes sense.
pub fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for peer in peer::all() {
        for scenario in scenario::all() {
            for side in [Side::Client, Side::Server] {
                for adapter in adapter::all() {
                    if scenario.suits(&peer.abilities(), side) {
                        cells.push(Cell { peer, scenario, side, adapter });
                    }
                }
            }
        }
    }
    cells
}

impl Cell {
    /// `rust-client` or `rust-server`.
    pub fn role_name(&self) -> &'static str {
        match self.side {
            Side::Client => "rust-client",
            Side::Server => "rust-server",
        }
    }

    /// Runs the cell on a runtime of its own and says how long the conversation took.
    ///
    /// # Errors
    /// What was expected and what came, on either side, and the frames exchanged.
    pub fn run(&self) -> Result<Duration> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("starting a runtime")?;
        let result = runtime.block_on(self.play());
        runtime.shutdown_background();
        result
    }

    async fn play(&self) -> Result<Duration> {
        let scratch = tempfile::tempdir_in(target_dir::temporary()?)?;
        let identity = Identity::generate(scratch.path())?;
        let role = self.scenario.our_role(self.side);
        let plan = Plan {
            scenario: &self.scenario,
            side: self.side.other(),
            role: role.other(),
            scratch: scratch.path(),
            identity: &identity,
        };
        let starting = timeout(CELL_TIMEOUT, self.peer.start(plan));
        let remote = starting.await.context("the peer does not start")??;
        let Remote { io, gate, finished, log } = remote;
        let (tap, io) = Tap::new(io);
        let part = Part {
            session: Arc::from(self.adapter.start(io, self.side, self.scenario.ours)?),
            gate,
            side: self.side,
            own: adapter::ABILITIES,
            other: self.peer.abilities(),
            tap: Some(tap.clone()),
        };
        let start = Instant::now();
        let conversation = self.scenario.conversation;
        let ours = tokio::spawn(async move { conversation.play(role, &part).await });
        let ours = async { ours.await.context("our side panicked")? };
        let result = both(ours, finished).await.and_then(|()| obeys_rules(&tap));
        let took = start.elapsed();
        result.map(|()| took).map_err(|error| {
            let mut text = format!("{error:#}\n{}", tap.read(|log| log.recent()));
            let log = log();
            if !log.is_empty() {
                text.push_str("\nlog of the peer:\n");
                text.push_str(&log);
            }
            anyhow::anyhow!(text)
        })
    }
}

/// Waits for both sides, and not for long for the second once the first has failed.
async fn both(
    ours: impl Future<Output = Result<()>>,
    theirs: impl Future<Output = Result<()>>,
) -> Result<()> {
    tokio::pin!(ours, theirs);
    let deadline = tokio::time::sleep(CELL_TIMEOUT);
    tokio::pin!(deadline);
    let (mut our_result, mut their_result) = (None, None);
    while our_result.is_none() || their_result.is_none() {
        tokio::select! {
            result = &mut ours, if our_result.is_none() => our_result = Some(result),
            result = &mut theirs, if their_result.is_none() => their_result = Some(result),
            () = &mut deadline => break,
        }
        let failed = matches!(our_result, Some(Err(_))) || matches!(their_result, Some(Err(_)));
        if failed {
            let soon = tokio::time::Instant::now() + SECOND_OPINION_TIMEOUT;
            let next = soon.min(deadline.deadline());
            deadline.as_mut().reset(next);
        }
    }
    match (our_result, their_result) {
        (Some(Ok(())), Some(Ok(()))) => Ok(()),
        (ours, theirs) => Err(anyhow::anyhow!(
            "our side: {}\nthe peer: {}",
            describe(ours.as_ref()),
            describe(theirs.as_ref())
        )),
    }
}

fn describe(result: Option<&Result<()>>) -> String {
    match result {
        None => "did not end".to_owned(),
        Some(Ok(())) => "ended well".to_owned(),
        Some(Err(error)) => format!("{error:#}"),
    }
}

fn obeys_rules(tap: &Tap) -> Result<()> {
    let violations = tap.read(|log| log.violations().to_vec());
    ensure!(violations.is_empty(), "our frames break rules:\n{}", violations.join("\n"));
    Ok(())
}
