//! Plays a script against a live Go peer and keeps every frame.

use std::collections::VecDeque;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    script::{Script, Step},
    transcript::{Frame, Sender, Transcript},
};
use crate::{
    conversation::Role,
    frame::{HEADER_LEN, Header, flag, kind},
    gate::Gate,
    link::{BoxIo, Side},
    pattern::Pattern,
    peer::{Peer, Plan},
    scenario::Scenario,
    target_dir,
    tls::Identity,
};

/// Longer than any recording takes on a slow machine.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// Records one conversation.
///
/// # Errors
/// When the Go peer does something else than the script expects.
pub async fn record(script: &Script) -> Result<Transcript> {
    let playing = tokio::time::timeout(TIMEOUT, play(script));
    playing
        .await
        .unwrap_or_else(|_| bail!("the conversation does not end"))
        .with_context(|| format!("recording {}", script.file_stem()))
}

async fn play(script: &Script) -> Result<Transcript> {
    let scratch = tempfile::tempdir_in(target_dir::temporary()?)?;
    let identity = Identity::generate(scratch.path())?;
    let scenario = Scenario::by_hand(script.conversation);
    let role = match script.go_side {
        Side::Client => Role::Active,
        Side::Server => Role::Passive,
    };
    let plan = Plan {
        scenario: &scenario,
        side: script.go_side,
        role,
        scratch: scratch.path(),
        identity: &identity,
    };
    let remote = script.library.start(plan).await?;
    let mut recorder =
        Recorder { io: remote.io, gate: remote.gate, frames: Vec::new(), pings: VecDeque::new() };
    for step in script.steps() {
        recorder.play(&step).await.with_context(|| format!("{step:?}"))?;
    }
    match script.go_side {
        // It has been told to end the session.
        Side::Client => remote.finished.await?,
        // It waits for the end of the transport.
        Side::Server => {
            drop(recorder.io);
            remote.finished.await?;
        }
    }
    let library = script.library;
    Ok(Transcript {
        title: format!("{} {}: {}", library.name(), library.version(), script.name()),
        go_side: script.go_side,
        frames: recorder.frames,
    })
}

struct Recorder {
    io: BoxIo,
    gate: Gate,
    frames: Vec<Frame>,
    /// Values of pings that were not answered.
    pings: VecDeque<u32>,
}

impl Recorder {
    async fn play(&mut self, step: &Step) -> Result<()> {
        match *step {
            Step::Send(header) => self.send(header, Vec::new()).await,
            Step::SendData { header, seed, offset } => {
                let mut body = vec![0; offset + header.body_len()];
                Pattern::new(seed).fill(&mut body);
                self.send(header, body.split_off(offset)).await
            }
            Step::Expect(kind, flags, stream) => loop {
                let got = self.receive().await?;
                if (got.kind, got.flags, got.stream) == (kind, flags, stream) {
                    return Ok(());
                }
            },
            Step::Pong => {
                let value = self.pings.pop_front().context("no ping has come")?;
                self.send(Header::new(kind::PING, flag::ACK, 0, value), Vec::new()).await
            }
            Step::Signal(name) => {
                self.gate.signal(name);
                Ok(())
            }
            Step::Await(name) => self.gate.wait(name).await,
        }
    }

    async fn send(&mut self, header: Header, body: Vec<u8>) -> Result<()> {
        let mut bytes = header.encode().to_vec();
        bytes.extend_from_slice(&body);
        self.io.write_all(&bytes).await?;
        self.frames.push(Frame { sender: Sender::Recorder, header, body });
        Ok(())
    }

    async fn receive(&mut self) -> Result<Header> {
        let mut raw = [0; HEADER_LEN];
        self.io.read_exact(&mut raw).await?;
        let header = Header::decode(raw);
        let mut body = vec![0; header.body_len()];
        self.io.read_exact(&mut body).await?;
        if header.kind == kind::PING && header.has(flag::SYN) {
            self.pings.push_back(header.length);
        }
        self.frames.push(Frame { sender: Sender::Go, header, body });
        Ok(header)
    }
}
