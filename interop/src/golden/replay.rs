//! Plays a transcript again, with the core in the place of the recorder.
//!
//! What the recorder sent, the core has to send when it is told to do the same; what Go sent, the
//! core has to understand.

use std::collections::VecDeque;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BytesMut};
use yamux_proto::{Config, Connection, Instant, ReadError, StreamId, Transmit};

use super::transcript::{Frame, Sender, Transcript};
use crate::{
    frame::{HEADER_LEN, Header, flag, kind},
    link::Side,
};

/// Plays `transcript` again, with Go's bytes in pieces of at most `piece` bytes.
///
/// # Errors
/// The first frame that the core does not send as recorded, or does not understand.
pub fn replay(transcript: &Transcript, piece: usize) -> Result<()> {
    let mut replay = Replay::new(transcript.go_side);
    for (number, frame) in transcript.frames.iter().enumerate() {
        let played = match frame.sender {
            Sender::Recorder => replay.send(frame),
            Sender::Go => replay.receive(frame, piece),
        };
        played.with_context(|| format!("frame {}: {}", number + 1, frame.header))?;
        let cause = replay.connection.cause();
        ensure!(cause.is_none(), "frame {}: {}: {cause:?}", number + 1, frame.header);
    }
    Ok(())
}

struct Replay {
    connection: Connection,
    batch: Transmit,
    wire: BytesMut,
    /// Frames that the core has sent and no line of the transcript has asked for yet.
    sent: VecDeque<(Header, Vec<u8>)>,
    streams: Vec<StreamId>,
}

impl Replay {
    fn new(go_side: Side) -> Self {
        let side = match go_side {
            Side::Client => yamux_proto::Side::Server,
            Side::Server => yamux_proto::Side::Client,
        };
        Self {
            connection: Connection::new(side, Config::default(), Instant::ORIGIN),
            batch: Transmit::default(),
            wire: BytesMut::new(),
            sent: VecDeque::new(),
            streams: Vec::new(),
        }
    }

    /// Has the core do what leads to the recorded frame, and looks for that frame in its output.
    fn send(&mut self, frame: &Frame) -> Result<()> {
        let header = frame.header;
        match (header.kind, header.flags) {
            (kind::DATA, 0) => self.write(header.stream, &frame.body)?,
            (kind::WINDOW_UPDATE, flag::SYN) => {
                let id = self.connection.open()?;
                ensure!(id.get() == header.stream, "the core opened stream {id}");
                self.streams.push(id);
            }
            // It has accepted the stream already.
            (kind::WINDOW_UPDATE, flag::ACK) => {}
            (kind::WINDOW_UPDATE, flag::FIN) => {
                let id = self.stream(header.stream)?;
                self.connection.stream(id)?.finish()?;
            }
            (kind::WINDOW_UPDATE, flag::RST) => {
                let id = self.stream(header.stream)?;
                self.connection.stream(id)?.reset(header.length);
            }
            (kind::GO_AWAY, 0) => self.connection.go_away(yamux_proto::GoAwayCode::NORMAL),
            (kind::PING, flag::SYN) if header.length > 1 => {
                let value = self.connection.ping();
                ensure!(value == header.length, "the core pings with the value {value}");
            }
            // The first ping and every pong come by themselves.
            (kind::PING, _) => {}
            other => bail!("the recorder does not send {other:?}"),
        }
        self.expect_sent(frame)
    }

    fn write(&mut self, stream: u32, body: &[u8]) -> Result<()> {
        let id = self.stream(stream)?;
        let taken = self.connection.stream(id)?.write(body)?;
        ensure!(taken == body.len(), "the core took {taken} of {} bytes", body.len());
        Ok(())
    }

    /// The recorded frame has to be among what the core sends. Frames of other streams and of the
    /// session may come in another order; the core also updates windows earlier than Go.
    fn expect_sent(&mut self, frame: &Frame) -> Result<()> {
        self.collect();
        let wanted = self
            .sent
            .iter()
            .position(|(header, body)| *header == frame.header && *body == frame.body);
        let Some(at) = wanted else {
            let sent: Vec<String> =
                self.sent.iter().map(|(header, _)| header.to_string()).collect();
            bail!("expected the core to send it, but it sent {sent:?}");
        };
        let early =
            self.sent.iter().take(at).any(|(header, _)| {
                header.stream == frame.header.stream && header.kind == kind::DATA
            });
        ensure!(!early, "the core sent Data of that stream before it");
        self.sent.remove(at);
        Ok(())
    }

    fn collect(&mut self) {
        while self.connection.poll_transmit(Instant::ORIGIN, &mut self.batch) {
            while self.batch.has_remaining() {
                let chunk = self.batch.chunk();
                let length = chunk.len();
                self.wire.extend_from_slice(chunk);
                self.batch.advance(length);
            }
            self.connection.handle_transmitted(Instant::ORIGIN);
        }
        while let Some(raw) = self.wire.first_chunk::<HEADER_LEN>() {
            let header = Header::decode(*raw);
            self.wire.advance(HEADER_LEN);
            let body = self.wire.split_to(header.body_len()).to_vec();
            self.sent.push_back((header, body));
        }
    }

    /// Gives Go's bytes to the core and wants it to have understood them.
    fn receive(&mut self, frame: &Frame, piece: usize) -> Result<()> {
        let mut input = BytesMut::new();
        let bytes = [&frame.header.encode(), frame.body.as_slice()].concat();
        for part in bytes.chunks(piece) {
            input.extend_from_slice(part);
            self.connection.handle_input(Instant::ORIGIN, &mut input);
        }
        ensure!(input.is_empty(), "the core left {} bytes", input.len());
        let header = frame.header;
        match (header.kind, header.flags) {
            (kind::DATA, 0) => self.expect_read(frame),
            (kind::WINDOW_UPDATE, flag::SYN) => {
                let accepted = self.connection.accept().context("the core has no new stream")?;
                ensure!(accepted.get() == header.stream, "the core accepted stream {accepted}");
                self.streams.push(accepted);
                // The ACK goes out before the next frame comes, as it would over a real transport.
                self.collect();
                Ok(())
            }
            (kind::WINDOW_UPDATE, flag::ACK) => {
                let id = self.stream(header.stream)?;
                let acked = self.connection.stream(id)?.is_acked();
                ensure!(acked, "the core does not know that the stream is acknowledged");
                Ok(())
            }
            (kind::WINDOW_UPDATE, flag::FIN) => self.expect_end(header.stream),
            (kind::WINDOW_UPDATE, flag::RST) => self.expect_reset(header),
            // What a grant or a ping leads to, later frames show.
            (kind::WINDOW_UPDATE | kind::PING, _) => Ok(()),
            (kind::GO_AWAY, 0) => {
                ensure!(self.connection.open().is_err(), "the core opens streams after Go Away");
                Ok(())
            }
            other => bail!("Go does not send {other:?}"),
        }
    }

    fn expect_read(&mut self, frame: &Frame) -> Result<()> {
        let id = self.stream(frame.header.stream)?;
        let mut got = vec![0; frame.body.len() + 1];
        let mut length = 0;
        loop {
            match self.connection.stream(id)?.read(&mut got[length..]) {
                Ok(0) => bail!("the stream ended"),
                Ok(n) => length += n,
                Err(ReadError::Blocked) => break,
                Err(error) => bail!("reading failed: {error}"),
            }
        }
        ensure!(got[..length] == frame.body, "the core read {:02x?}", &got[..length]);
        Ok(())
    }

    fn expect_end(&mut self, stream: u32) -> Result<()> {
        let id = self.stream(stream)?;
        let read = self.connection.stream(id)?.read(&mut [0; 1]);
        ensure!(read == Ok(0), "expected the end of the stream, got {read:?}");
        Ok(())
    }

    /// A stream that the recorder, so the core too, is done with may be gone.
    fn expect_reset(&mut self, header: Header) -> Result<()> {
        let id = self.stream(header.stream)?;
        let Ok(mut stream) = self.connection.stream(id) else { return Ok(()) };
        match stream.read(&mut [0; 1]) {
            // FIN had come before.
            Ok(0) => Ok(()),
            Err(ReadError::Reset(_)) => Ok(()),
            other => bail!("expected a reset, got {other:?}"),
        }
    }

    fn stream(&self, id: u32) -> Result<StreamId> {
        let found = self.streams.iter().find(|stream| stream.get() == id);
        found.copied().with_context(|| format!("there is no stream {id}"))
    }
}
