//! What the recorder says, and what it waits for.

use crate::{
    frame::{Header, flag, kind},
    link::Side,
    peer::GoLibrary,
};

/// One step of a script.
#[derive(Clone, Debug)]
pub enum Step {
    /// Send a frame.
    Send(Header),
    /// Send a Data frame whose body is taken from the sequence of a seed, from an offset on.
    SendData {
        /// The header.
        header: Header,
        /// Of the sequence.
        seed: u64,
        /// Into the sequence, in bytes.
        offset: usize,
    },
    /// Receive until a frame of this type, these flags and this stream has come.
    Expect(u8, u16, u32),
    /// Answer the last ping.
    Pong,
    /// Tell the Go peer that a point is reached.
    Signal(&'static str),
    /// Wait until the Go peer has reached a point.
    Await(&'static str),
}

/// A conversation to record.
#[derive(Clone, Debug)]
pub struct Script {
    /// The Go implementation.
    pub library: GoLibrary,
    /// Its side.
    pub go_side: Side,
    /// What the Go peer calls the conversation.
    pub conversation: &'static str,
    steps: Vec<Step>,
}

const ACTIVE: u64 = 11;
const PASSIVE: u64 = 12;
const ECHO: u64 = 1;
const REQUEST: u32 = 16;
const RESPONSE: u32 = 24;
const HALF_WINDOW: u32 = 128 * 1024;

impl Script {
    /// The name of the file, without its ending: as in `hashicorp-server-echo`.
    pub fn file_stem(&self) -> String {
        format!("{}-{}-{}", self.library.flag(), self.go_side_name(), self.name())
    }

    /// The conversation, for a person: as in `echo`.
    pub fn name(&self) -> &'static str {
        self.conversation.strip_prefix("golden-").unwrap_or(self.conversation)
    }

    /// `client` or `server`.
    pub fn go_side_name(&self) -> &'static str {
        match self.go_side {
            Side::Client => "client",
            Side::Server => "server",
        }
    }

    /// All steps: what every session starts with, the conversation, and its end.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.library == GoLibrary::GoYamux {
            // It measures the round-trip time before anything else.
            steps.extend([expect(kind::PING, flag::SYN, 0), Step::Pong]);
        }
        // So do we, with the value 1.
        steps.extend([ping(1), expect(kind::PING, flag::ACK, 0), Step::Signal("start")]);
        steps.extend(self.steps.iter().cloned());
        match self.go_side {
            Side::Client => steps.push(Step::Signal("done")),
            Side::Server => steps.push(Step::Await("done")),
        }
        steps
    }
}

/// Every conversation that is recorded.
pub fn all() -> Vec<Script> {
    let mut scripts = Vec::new();
    for library in [GoLibrary::Hashicorp, GoLibrary::GoYamux] {
        let server =
            |conversation, steps| Script { library, go_side: Side::Server, conversation, steps };
        let client =
            |conversation, steps| Script { library, go_side: Side::Client, conversation, steps };
        scripts.extend([
            server("golden-echo", talk_to_echo()),
            client("golden-echo", be_echo()),
            server("golden-raised-window", talk_to_echo()),
            client("golden-raised-window", be_echo()),
            server("golden-request-first", request_first()),
            client("golden-response-first", response_first()),
            server("golden-fin-before-accept", fin_before_accept(library)),
            server("golden-reset", be_reset(library)),
            client("golden-reset", reset(library)),
            server("golden-ping", vec![expect(kind::PING, flag::SYN, 0), Step::Pong]),
            client("golden-ping", vec![expect(kind::PING, flag::SYN, 0), Step::Pong]),
            server("golden-go-away", be_sent_away()),
        ]);
        if library == GoLibrary::Hashicorp {
            // The other library ends the session when it is sent away, and its updates depend on
            // the round-trip time.
            scripts.extend([
                client("golden-go-away", send_away()),
                server("golden-window", fill_half_a_window()),
            ]);
        }
    }
    scripts
}

fn talk_to_echo() -> Vec<Step> {
    let mut steps = open(1);
    steps.extend([data(1, REQUEST, ECHO), expect(kind::DATA, 0, 1), fin(1), expect_fin(1)]);
    steps
}

fn be_echo() -> Vec<Step> {
    let mut steps = accept(1);
    steps.extend([expect(kind::DATA, 0, 1), expect_fin(1), data(1, REQUEST, ECHO), fin(1)]);
    steps
}

fn request_first() -> Vec<Step> {
    let mut steps = open(1);
    steps.extend([data(1, REQUEST, ACTIVE), fin(1), expect(kind::DATA, 0, 1), expect_fin(1)]);
    steps
}

fn response_first() -> Vec<Step> {
    let mut steps = accept(1);
    steps.extend([data(1, RESPONSE, PASSIVE), fin(1), expect(kind::DATA, 0, 1), expect_fin(1)]);
    steps
}

fn fin_before_accept(library: GoLibrary) -> Vec<Step> {
    let mut steps = vec![update(flag::SYN, 1), data(1, REQUEST, ACTIVE), fin(1)];
    // The pong says that Go has processed the frames before the ping.
    steps.extend([ping(2), expect(kind::PING, flag::ACK, 0), Step::Signal("sent")]);
    if library == GoLibrary::GoYamux {
        // Only this library acknowledges a stream whose FIN came before it was accepted.
        steps.push(expect(kind::WINDOW_UPDATE, flag::ACK, 1));
    }
    steps.extend([expect(kind::DATA, 0, 1), expect_fin(1)]);
    steps
}

/// The recorder opens two streams, resets the first, and has the second one reset.
fn be_reset(library: GoLibrary) -> Vec<Step> {
    let mut steps = open(1);
    steps.extend([data(1, 1, ACTIVE), expect(kind::DATA, 0, 1), rst(1, 7)]);
    steps.extend(open(3));
    steps.extend([data(3, 1, ACTIVE), expect(kind::DATA, 0, 3), Step::Signal("reset me")]);
    if library == GoLibrary::Hashicorp {
        steps.push(expect_fin(3));
    }
    steps.push(expect(kind::WINDOW_UPDATE, flag::RST, 3));
    steps
}

/// Go opens two streams, resets the first, and has the second one reset.
fn reset(library: GoLibrary) -> Vec<Step> {
    let mut steps = accept(1);
    steps.extend([expect(kind::DATA, 0, 1), data(1, 1, PASSIVE)]);
    match library {
        // It closes a stream that it wants to reset, and resets it a while later.
        GoLibrary::Hashicorp => steps.extend([
            expect_fin(1),
            expect(kind::WINDOW_UPDATE, flag::SYN, 3),
            expect(kind::DATA, 0, 3),
            expect(kind::WINDOW_UPDATE, flag::RST, 1),
        ]),
        GoLibrary::GoYamux => steps.extend([
            expect(kind::WINDOW_UPDATE, flag::RST, 1),
            expect(kind::WINDOW_UPDATE, flag::SYN, 3),
            expect(kind::DATA, 0, 3),
        ]),
    }
    steps.extend([update(flag::ACK, 3), data(3, 1, PASSIVE), Step::Await("reset me"), rst(3, 9)]);
    steps
}

fn be_sent_away() -> Vec<Step> {
    let mut steps = open(1);
    steps.extend([data(1, 1, ACTIVE), expect(kind::DATA, 0, 1), expect(kind::GO_AWAY, 0, 0)]);
    steps.extend([expect(kind::DATA, 0, 1), data(1, REQUEST, ACTIVE), fin(1), expect_fin(1)]);
    steps
}

fn send_away() -> Vec<Step> {
    let mut steps = accept(1);
    steps.extend([expect(kind::DATA, 0, 1), data(1, 1, PASSIVE)]);
    steps.push(Step::Send(Header::new(kind::GO_AWAY, 0, 0, 0)));
    steps.extend([data(1, RESPONSE, PASSIVE), expect(kind::DATA, 0, 1), expect_fin(1), fin(1)]);
    steps
}

fn fill_half_a_window() -> Vec<Step> {
    let mut steps = open(1);
    let quarter = Header::new(kind::DATA, 0, 1, HALF_WINDOW / 2);
    for offset in [0, quarter.body_len()] {
        steps.push(Step::SendData { header: quarter, seed: ACTIVE, offset });
    }
    steps.extend([expect(kind::WINDOW_UPDATE, 0, 1), fin(1), expect_fin(1)]);
    steps
}

fn open(stream: u32) -> Vec<Step> {
    vec![update(flag::SYN, stream), expect(kind::WINDOW_UPDATE, flag::ACK, stream)]
}

fn accept(stream: u32) -> Vec<Step> {
    vec![expect(kind::WINDOW_UPDATE, flag::SYN, stream), update(flag::ACK, stream)]
}

fn update(flags: u16, stream: u32) -> Step {
    Step::Send(Header::new(kind::WINDOW_UPDATE, flags, stream, 0))
}

fn fin(stream: u32) -> Step {
    update(flag::FIN, stream)
}

fn rst(stream: u32, code: u32) -> Step {
    Step::Send(Header::new(kind::WINDOW_UPDATE, flag::RST, stream, code))
}

fn ping(value: u32) -> Step {
    Step::Send(Header::new(kind::PING, flag::SYN, 0, value))
}

fn data(stream: u32, length: u32, seed: u64) -> Step {
    Step::SendData { header: Header::new(kind::DATA, 0, stream, length), seed, offset: 0 }
}

fn expect(kind: u8, flags: u16, stream: u32) -> Step {
    Step::Expect(kind, flags, stream)
}

fn expect_fin(stream: u32) -> Step {
    expect(kind::WINDOW_UPDATE, flag::FIN, stream)
}
