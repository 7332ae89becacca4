//! The suite's end of a connection: raw frames out, frames and what they mean in.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf},
    sync::mpsc,
    time::timeout,
};

use super::case::Outcome;
use crate::{
    frame::{HEADER_LEN, Header, INITIAL_WINDOW, flag, kind},
    link::{BoxIo, Side},
};

/// A body longer than this is not from an implementation of Yamux.
const BODY_LIMIT: usize = 64 * 1024 * 1024;
/// How much of an exchange a report shows.
const LOG_LINES: usize = 200;

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A frame; its body is in [`Wire::seen`].
    Frame(Header),
    /// The transport has ended.
    End,
}

/// What was received on a stream.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Bytes of all Data frames.
    pub data: Vec<u8>,
    /// Frames with ACK.
    pub acks: usize,
    /// Frames with FIN.
    pub fins: usize,
    /// Frames with RST.
    pub resets: usize,
    /// Credit granted to the suite beyond the initial window.
    pub granted: u64,
    /// Credit that the endpoint still has.
    credit: i64,
}

impl Default for Seen {
    fn default() -> Self {
        let credit = i64::from(INITIAL_WINDOW);
        Self { data: Vec::new(), acks: 0, fins: 0, resets: 0, granted: 0, credit }
    }
}

/// A connection to the endpoint under test.
pub struct Wire {
    reader: ReadHalf<BoxIo>,
    writer: Option<mpsc::UnboundedSender<Vec<u8>>>,
    side: Side,
    timeout: Duration,
    seen: HashMap<u32, Seen>,
    go_aways: Vec<u32>,
    pongs: Vec<u32>,
    next_ping: u32,
    ended: bool,
    log: Vec<String>,
}

impl Wire {
    /// Takes over a fresh connection; the suite has `side`.
    pub fn new(io: BoxIo, side: Side, timeout: Duration) -> Self {
        let (reader, mut write_half) = tokio::io::split(io);
        let (writer, mut queue) = mpsc::unbounded_channel::<Vec<u8>>();
        // A task of its own, so that sending does not wait for an endpoint that does not read.
        tokio::spawn(async move {
            while let Some(bytes) = queue.recv().await {
                if write_half.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            // The endpoint may be gone already.
            let _ = write_half.shutdown().await;
        });
        Self {
            reader,
            writer: Some(writer),
            side,
            timeout,
            seen: HashMap::new(),
            go_aways: Vec::new(),
            pongs: Vec::new(),
            next_ping: 0x5000_0000,
            ended: false,
            log: Vec::new(),
        }
    }

    /// The id of the suite's `n`th stream, from 0.
    pub fn id(&self, n: u32) -> u32 {
        match self.side {
            Side::Client => 2 * n + 1,
            Side::Server => 2 * n + 2,
        }
    }

    /// The id of the endpoint's `n`th stream, from 0.
    pub fn foreign_id(&self, n: u32) -> u32 {
        match self.side {
            Side::Client => 2 * n + 2,
            Side::Server => 2 * n + 1,
        }
    }

    /// The largest id that the suite may use.
    pub fn largest_id(&self) -> u32 {
        match self.side {
            Side::Client => u32::MAX,
            Side::Server => u32::MAX - 1,
        }
    }

    /// What was received on a stream so far.
    pub fn seen(&self, id: u32) -> Seen {
        self.seen.get(&id).cloned().unwrap_or_default()
    }

    /// Bytes received on a stream so far.
    pub fn received(&self, id: u32) -> usize {
        self.seen.get(&id).map_or(0, |seen| seen.data.len())
    }

    /// Codes of the Go Away frames received so far.
    pub fn go_aways(&self) -> &[u32] {
        &self.go_aways
    }

    /// Values of the pongs received so far, barriers aside.
    pub fn pongs(&self) -> &[u32] {
        &self.pongs
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8], what: &str) {
        self.note(format!("-> {what}"));
        self.write(bytes.to_vec());
    }

    /// Sends a header alone, whatever it says about a body.
    pub fn send(&mut self, header: Header) {
        if header.kind == kind::WINDOW_UPDATE && !header.has(flag::RST) {
            self.seen.entry(header.stream).or_default().credit += i64::from(header.length);
        }
        self.note(format!("-> {header}"));
        self.write(header.encode().to_vec());
    }

    /// Sends a Window Update.
    pub fn update(&mut self, id: u32, flags: u16, delta: u32) {
        self.send(Header::new(kind::WINDOW_UPDATE, flags, id, delta));
    }

    /// Opens a stream with a Window Update.
    pub fn open(&mut self, id: u32) {
        self.update(id, flag::SYN, 0);
    }

    /// Sends FIN with a Window Update.
    pub fn fin(&mut self, id: u32) {
        self.update(id, flag::FIN, 0);
    }

    /// Sends Data.
    pub fn data(&mut self, id: u32, flags: u16, body: &[u8]) {
        let header = Header::new(kind::DATA, flags, id, u32::try_from(body.len()).unwrap_or(0));
        self.note(format!("-> {header}"));
        self.write([&header.encode(), body].concat());
    }

    /// Sends a ping request.
    pub fn ping(&mut self, value: u32) {
        self.send(Header::new(kind::PING, flag::SYN, 0, value));
    }

    /// Ends the suite's direction of the transport, after everything that was sent.
    pub fn end(&mut self) {
        self.note("-> end of the transport".to_owned());
        self.writer = None;
    }

    fn write(&mut self, bytes: Vec<u8>) {
        if let Some(writer) = &self.writer {
            // That the endpoint is gone shows when reading.
            let _ = writer.send(bytes);
        }
    }

    /// The next frame, or the end.
    ///
    /// # Errors
    /// When nothing comes in time, or the endpoint sends more than it was granted.
    pub async fn next(&mut self) -> Result<Received> {
        if self.ended {
            return Ok(Received::End);
        }
        let Ok(read) = timeout(self.timeout, read_frame(&mut self.reader)).await else {
            bail!("nothing came within {:?}", self.timeout);
        };
        let Ok((header, body)) = read else {
            self.ended = true;
            self.note("<- end of the transport".to_owned());
            return Ok(Received::End);
        };
        self.note(format!("<- {header}"));
        self.record(header, body)?;
        Ok(Received::Frame(header))
    }

    fn record(&mut self, header: Header, body: Vec<u8>) -> Result<()> {
        match header.kind {
            kind::DATA | kind::WINDOW_UPDATE => {
                let seen = self.seen.entry(header.stream).or_default();
                seen.acks += usize::from(header.has(flag::ACK));
                seen.fins += usize::from(header.has(flag::FIN));
                seen.resets += usize::from(header.has(flag::RST));
                if header.kind == kind::WINDOW_UPDATE && !header.has(flag::RST) {
                    seen.granted += u64::from(header.length);
                }
                seen.credit -= body.len() as i64;
                seen.data.extend_from_slice(&body);
                ensure!(seen.credit >= 0, "{header}: more than the window that was granted");
            }
            kind::PING if header.has(flag::SYN) => {
                self.send(Header::new(kind::PING, flag::ACK, 0, header.length));
            }
            kind::PING => self.pongs.push(header.length),
            kind::GO_AWAY => self.go_aways.push(header.length),
            other => bail!("the endpoint sent a frame of type {other}"),
        }
        Ok(())
    }

    /// Receives until `condition` holds.
    ///
    /// # Errors
    /// When it does not come to that; `what` says what was expected.
    pub async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) -> Result<()> {
        while !condition(self) {
            let received = self.next().await.with_context(|| format!("expected {what}"))?;
            ensure!(received != Received::End, "expected {what}, but the session ended");
        }
        Ok(())
    }

    /// A ping and its pong: the endpoint has processed what was sent before.
    ///
    /// # Errors
    /// When the session ends instead, or nothing comes.
    pub async fn barrier(&mut self) -> Result<()> {
        let value = self.next_ping;
        self.next_ping += 1;
        self.ping(value);
        self.until("a pong", |wire| wire.pongs.contains(&value)).await?;
        self.pongs.retain(|pong| *pong != value);
        Ok(())
    }

    /// Opens a stream, sends `body` and FIN, and wants the same back.
    ///
    /// # Errors
    /// When something else comes.
    pub async fn echo(&mut self, id: u32, body: &[u8]) -> Result<Outcome> {
        self.open(id);
        self.data(id, 0, body);
        self.fin(id);
        self.want_echo(id, body).await
    }

    /// Wants `body` and FIN on a stream.
    ///
    /// # Errors
    /// When something else comes.
    pub async fn want_echo(&mut self, id: u32, body: &[u8]) -> Result<Outcome> {
        let what = format!("{} bytes and FIN on stream {id}", body.len());
        self.until(&what, |wire| {
            let seen = wire.seen.get(&id);
            seen.is_some_and(|seen| seen.fins > 0 || seen.resets > 0)
        })
        .await?;
        let seen = self.seen(id);
        ensure!(seen.resets == 0, "expected {what}, but the stream was reset");
        ensure!(
            seen.data == body,
            "expected {what}, got {} bytes{}",
            seen.data.len(),
            if seen.data.len() == body.len() { " with other values" } else { "" }
        );
        Ok(Outcome::Passed)
    }

    /// The session lives: it answers a ping, and a new stream works.
    ///
    /// # Errors
    /// When it does not.
    pub async fn lives(&mut self) -> Result<Outcome> {
        self.barrier().await.context("the session should go on")?;
        let id = self.id(40_000);
        self.echo(id, b"alive").await.context("the session should go on")
    }

    /// The session has ended after a violation: best with one Go Away of code 1.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn want_end(&mut self) -> Result<Outcome> {
        let value = self.next_ping;
        self.ping(value);
        loop {
            match self.next().await.context("expected the session to end")? {
                Received::End => break,
                Received::Frame(_) => {
                    ensure!(!self.pongs.contains(&value), "the session goes on: it answers a ping");
                }
            }
        }
        Ok(match self.go_aways.as_slice() {
            [1] => Outcome::Passed,
            [] => Outcome::Tolerated("the session ended without a Go Away".to_owned()),
            other => Outcome::Tolerated(format!("the session ended with Go Away {other:?}")),
        })
    }

    /// The rule leaves open whether the session goes on; it may not hang.
    ///
    /// # Errors
    /// When neither a pong nor the end comes.
    pub async fn lives_or_ends(&mut self) -> Result<Outcome> {
        let value = self.next_ping;
        self.ping(value);
        loop {
            let received = self.next().await.context("expected a pong or the end")?;
            if received == Received::End || self.pongs.contains(&value) {
                return Ok(Outcome::Passed);
            }
        }
    }

    /// As [`Self::lives_or_ends`], but what shows that the session goes on is a stream.
    ///
    /// # Errors
    /// When neither an echo nor the end comes.
    pub async fn serves_or_ends(&mut self) -> Result<Outcome> {
        let id = self.id(0);
        self.data(id, flag::SYN, b"served");
        loop {
            let received = self.next().await.context("expected an echo or the end")?;
            if received == Received::End || self.received(id) > 0 {
                return Ok(Outcome::Passed);
            }
        }
    }

    /// What was exchanged, one frame a line.
    pub fn into_log(self) -> Vec<String> {
        self.log
    }

    fn note(&mut self, line: String) {
        if self.log.len() < LOG_LINES {
            self.log.push(line);
        } else if self.log.len() == LOG_LINES {
            self.log.push("(and more)".to_owned());
        }
    }
}

async fn read_frame(reader: &mut ReadHalf<BoxIo>) -> Result<(Header, Vec<u8>)> {
    let mut raw = [0; HEADER_LEN];
    reader.read_exact(&mut raw).await?;
    let header = Header::decode(raw);
    ensure!(header.body_len() <= BODY_LIMIT, "{header}: not a frame");
    let mut body = vec![0; header.body_len()];
    reader.read_exact(&mut body).await?;
    Ok((header, body))
}
