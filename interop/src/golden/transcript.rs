//! A recorded conversation, and the text that it is kept as.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};

use crate::{
    frame::{HEADER_LEN, Header},
    link::Side,
    pattern::Pattern,
};

/// Who sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The recorder, whose place the core takes in a replay. Marked `>`.
    Recorder,
    /// The Go implementation. Marked `<`.
    Go,
}

/// A frame and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Who sent it.
    pub sender: Sender,
    /// Its header.
    pub header: Header,
    /// Its body, for Data.
    pub body: Vec<u8>,
}

/// A recorded conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// What it is, for a person; one line.
    pub title: String,
    /// The side of the Go implementation.
    pub go_side: Side,
    /// The frames in the order in which the recorder sent or received them.
    pub frames: Vec<Frame>,
}

/// Longer bodies are not spelt out; they are the start of this sequence.
const SPELT_OUT: usize = 64;
const LONG_BODY_SEED: u64 = 11;

impl Transcript {
    /// The text of a `.hex` file.
    pub fn to_text(&self) -> String {
        let mut text = format!("# {}\n", self.title);
        let side = match self.go_side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let _ = writeln!(text, "# go: {side}");
        text.push_str("# > to Go, < from Go; offset in that direction, bytes, meaning\n");
        let (mut sent, mut received) = (0, 0);
        for frame in &self.frames {
            let (mark, offset) = match frame.sender {
                Sender::Recorder => ('>', &mut sent),
                Sender::Go => ('<', &mut received),
            };
            let header = hex(&frame.header.encode());
            let _ = writeln!(text, "{mark} {offset:06x}  {header}  # {}", frame.header);
            write_body(&mut text, mark, *offset + HEADER_LEN, &frame.body);
            *offset += HEADER_LEN + frame.body.len();
        }
        text
    }

    /// Reads the text of a `.hex` file.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn parse(text: &str) -> Result<Self> {
        let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let title = title.context("the first line is the title")?.to_owned();
        let go_side = match text.lines().nth(1) {
            Some("# go: client") => Side::Client,
            Some("# go: server") => Side::Server,
            other => bail!("expected the side of Go, got {other:?}"),
        };
        let mut frames: Vec<Frame> = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            parse_line(line, &mut frames)
                .with_context(|| format!("line {}: {line}", number + 1))?;
        }
        for frame in &frames {
            ensure!(frame.body.len() == frame.header.body_len(), "{}: incomplete", frame.header);
        }
        Ok(Self { title, go_side, frames })
    }
}

fn write_body(text: &mut String, mark: char, offset: usize, body: &[u8]) {
    if body.len() > SPELT_OUT {
        let _ = writeln!(text, "{mark} {offset:06x}  pattern  # body, {} bytes", body.len());
        return;
    }
    for (line, bytes) in body.chunks(16).enumerate() {
        let _ = writeln!(text, "{mark} {:06x}  {}  # body", offset + 16 * line, hex(bytes));
    }
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// A line with a whole header starts a frame; while its body is incomplete, lines continue it.
fn parse_line(line: &str, frames: &mut Vec<Frame>) -> Result<()> {
    let (data, _) = line.split_once('#').context("a comment")?;
    let mut words = data.split_whitespace();
    let sender = match words.next() {
        Some(">") => Sender::Recorder,
        Some("<") => Sender::Go,
        other => bail!("expected > or <, got {other:?}"),
    };
    words.next().context("an offset")?;
    let words: Vec<&str> = words.collect();
    let unfinished = frames.last_mut().filter(|last| last.body.len() < last.header.body_len());
    match unfinished {
        Some(frame) if words == ["pattern"] => {
            // A long body is one stretch of the sequence over all such bodies of the stream.
            let length = frame.header.body_len();
            let stream = frame.header.stream;
            let before = pattern_bytes(frames, stream);
            let mut bytes = vec![0; before + length];
            Pattern::new(LONG_BODY_SEED).fill(&mut bytes);
            let frame = frames.last_mut().context("a frame")?;
            frame.body = bytes.split_off(before);
        }
        Some(frame) => frame.body.extend(unhex(&words)?),
        None => {
            let bytes = unhex(&words)?;
            let raw = <[u8; HEADER_LEN]>::try_from(bytes.as_slice());
            let header = Header::decode(raw.ok().context("a header of 12 bytes")?);
            frames.push(Frame { sender, header, body: Vec::new() });
        }
    }
    Ok(())
}

fn pattern_bytes(frames: &[Frame], stream: u32) -> usize {
    let long = |frame: &&Frame| frame.header.stream == stream && frame.body.len() > SPELT_OUT;
    frames.iter().filter(long).map(|frame| frame.body.len()).sum()
}

fn unhex(words: &[&str]) -> Result<Vec<u8>> {
    words.iter().map(|word| Ok(u8::from_str_radix(word, 16)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{flag, kind};

    #[test]
    fn a_transcript_survives_being_text() {
        let mut body = vec![0; 200];
        Pattern::new(LONG_BODY_SEED).fill(&mut body);
        let frame = |sender, header, body: &[u8]| Frame { sender, header, body: body.to_vec() };
        let transcript = Transcript {
            title: "a title".to_owned(),
            go_side: Side::Server,
            frames: vec![
                frame(Sender::Recorder, Header::new(kind::WINDOW_UPDATE, flag::SYN, 1, 0), &[]),
                frame(Sender::Recorder, Header::new(kind::DATA, 0, 1, 100), &body[..100]),
                frame(Sender::Recorder, Header::new(kind::DATA, 0, 1, 100), &body[100..]),
                frame(Sender::Go, Header::new(kind::DATA, 0, 1, 20), &[7; 20]),
            ],
        };
        let text = transcript.to_text();
        assert_eq!(Transcript::parse(&text).expect("it is well formed"), transcript, "{text}");
    }
}
