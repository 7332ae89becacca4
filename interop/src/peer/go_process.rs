//! A running Go peer: its arguments, its lines, its end.

use std::{
    collections::VecDeque,
    process::Stdio,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{mpsc, oneshot},
};

use super::{GoLibrary, GoProgram, Plan, Remote};
use crate::{
    conversation::Role,
    gate::{Gate, Inbox},
    link::Side,
};

/// How many lines of its log a failure shows.
const LOG_LINES: usize = 20;

/// The last lines of what the peer wrote to standard error.
type LogTail = Arc<Mutex<VecDeque<String>>>;

pub(super) async fn start(library: GoLibrary, plan: Plan<'_>) -> Result<Remote> {
    let link = plan.scenario.link;
    // The Yamux server is the one that listens.
    match plan.side {
        Side::Client => {
            let listener = link.listen(plan.scratch).await?;
            let dial = ["-client".to_owned(), "-dial".to_owned(), listener.address()?];
            let process = Process::spawn(library, plan, &dial)?;
            tokio::select! {
                io = listener.accept(plan.identity) => Ok(process.remote(io?)),
                error = process.early_end() => Err(error),
            }
        }
        Side::Server => {
            let listen = ["-listen".to_owned(), link.listen_address(plan.scratch)];
            let mut process = Process::spawn(library, plan, &listen)?;
            let address = process.address().await?;
            let io = link.connect(&address, plan.identity).await?;
            Ok(process.remote(io))
        }
    }
}

struct Process {
    child: Child,
    gate: Gate,
    log: LogTail,
    listening: oneshot::Receiver<String>,
    verdict: tokio::sync::watch::Receiver<Option<Verdict>>,
}

/// How the peer says that its part went.
type Verdict = std::result::Result<(), String>;

impl Process {
    fn spawn(library: GoLibrary, plan: Plan<'_>, network_args: &[String]) -> Result<Self> {
        let mut command = Command::new(GoProgram::build()?.path());
        command
            .args(["play", "-library", library.flag(), "-scenario", plan.scenario.name])
            .args(["-network", plan.scenario.link.network()])
            .args(network_args)
            .arg("-cert")
            .arg(&plan.identity.certificate_file)
            .arg("-key")
            .arg(&plan.identity.key_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if plan.role == Role::Active {
            command.arg("-active");
        }
        let mut child = command.spawn().context("starting the Go peer")?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (gate, inbox, outgoing) = Gate::new();
        let (address, listening) = oneshot::channel();
        let (outcome, verdict) = tokio::sync::watch::channel(None);
        let log = LogTail::default();
        tokio::spawn(write_signals(stdin.context("piped")?, outgoing));
        tokio::spawn(read_lines(stdout.context("piped")?, address, inbox, outcome));
        tokio::spawn(keep_log(stderr.context("piped")?, Arc::clone(&log)));
        Ok(Self { child, gate, log, listening, verdict })
    }

    async fn address(&mut self) -> Result<String> {
        match (&mut self.listening).await {
            Ok(address) => Ok(address),
            Err(_) => Err(self.early_end().await),
        }
    }

    /// The error of a peer that ended before it was connected.
    async fn early_end(&self) -> anyhow::Error {
        let verdict = wait_for_verdict(self.verdict.clone()).await;
        anyhow::anyhow!("the peer ended before it was connected: {verdict:?}")
    }

    fn remote(self, io: crate::link::BoxIo) -> Remote {
        let Self { mut child, gate, log, verdict, .. } = self;
        let finished = async move {
            wait_for_verdict(verdict).await.map_err(anyhow::Error::msg)?;
            child.wait().await?;
            Ok(())
        };
        Remote {
            io,
            gate,
            finished: Box::pin(finished),
            log: Arc::new(move || {
                let lines = log.lock().expect("no holder of the lock panics");
                Vec::from_iter(lines.iter().map(String::as_str)).join("\n")
            }),
        }
    }
}

async fn wait_for_verdict(mut verdict: tokio::sync::watch::Receiver<Option<Verdict>>) -> Verdict {
    match verdict.wait_for(Option::is_some).await {
        Ok(value) => value.clone().unwrap_or(Ok(())),
        Err(_) => Err("the peer ended without a verdict".to_owned()),
    }
}

async fn write_signals(mut stdin: ChildStdin, mut outgoing: mpsc::UnboundedReceiver<String>) {
    while let Some(name) = outgoing.recv().await {
        if stdin.write_all(format!("signal {name}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_lines(
    stdout: ChildStdout,
    address: oneshot::Sender<String>,
    inbox: Arc<Inbox>,
    outcome: tokio::sync::watch::Sender<Option<Verdict>>,
) {
    let mut address = Some(address);
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("listening", at) => {
                // Nobody waits for the address of a peer that dials.
                let _ = address.take().map(|sender| sender.send(at.to_owned()));
            }
            ("signal", name) => inbox.deliver(name),
            ("ok", _) => drop(outcome.send(Some(Ok(())))),
            ("failed", first) => {
                let reason = rest_of(first, &mut lines).await;
                drop(outcome.send(Some(Err(reason))));
            }
            _ => {}
        }
    }
    inbox.end();
}

/// A reason may have several lines, and is the last thing that the peer writes.
async fn rest_of(first: &str, lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let mut reason = first.to_owned();
    while let Ok(Some(line)) = lines.next_line().await {
        reason.push_str("; ");
        reason.push_str(&line);
    }
    reason
}

async fn keep_log(stderr: impl AsyncRead + Unpin, log: LogTail) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = log.lock().expect("no holder of the lock panics");
        if log.len() == LOG_LINES {
            log.pop_front();
        }
        log.push_back(line);
    }
}
