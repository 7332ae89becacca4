//! Listens to a connection: which frames went which way.
//!
//! The tap sits between the session under test and its transport, above TLS. It is what a failed
//! cell shows, what scenarios about pings and windows wait for, and it checks the rules that the
//! frames we send have to keep.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};

use crate::{
    frame::{HEADER_LEN, Header, INITIAL_WINDOW, flag, kind},
    link::BoxIo,
};

/// How many frames a failure shows.
const REMEMBERED: usize = 40;
/// The longest Data frame that we may send.
const DATA_LIMIT: u32 = 64 * 1024;

/// Which way a frame went, seen from the session under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Received by it.
    In,
    /// Sent by it.
    Out,
}

/// A handle to what was seen.
#[derive(Clone, Debug, Default)]
pub struct Tap {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Log>,
    changed: Notify,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Log {
    /// The last frames, for a person.
    recent: VecDeque<(Way, Header)>,
    frames: u64,
    pings_in: Pings,
    pings_out: Pings,
    largest_data_in: u32,
    /// Credit that we have granted and the other side has not used, for each stream.
    credit: HashMap<u32, i64>,
    largest_credit: i64,
    sent: HashMap<u32, Sent>,
    violations: Vec<String>,
}

/// Pings that went one way, and the pongs that answer them, which went the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pings {
    /// Ping|SYN frames.
    pub requests: u64,
    /// Ping|ACK frames the other way.
    pub replies: u64,
}

#[derive(Debug, Default)]
struct Sent {
    ack: bool,
    fin: bool,
}

impl Tap {
    /// Puts a tap between a session and `io`.
    pub fn new(io: BoxIo) -> (Self, BoxIo) {
        let tap = Self::default();
        let tapped =
            Tapped { io, tap: tap.clone(), received: Scanner::default(), sent: Scanner::default() };
        (tap, Box::new(tapped))
    }

    /// Reads what was seen so far.
    pub fn read<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.shared.log.lock().expect("no holder of the lock panics"))
    }

    /// Waits until `condition` holds.
    pub async fn until(&self, condition: impl Fn(&Log) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            if self.read(&condition) {
                return;
            }
            changed.await;
        }
    }

    fn record(&self, way: Way, headers: &[Header]) {
        if headers.is_empty() {
            return;
        }
        let mut log = self.shared.log.lock().expect("no holder of the lock panics");
        for header in headers {
            log.record(way, *header);
        }
        drop(log);
        self.shared.changed.notify_waiters();
    }
}

impl Log {
    /// Pings that we received and the pongs that we sent.
    pub fn pings_in(&self) -> Pings {
        self.pings_in
    }

    /// Pings that we sent and the pongs that we received.
    pub fn pings_out(&self) -> Pings {
        self.pings_out
    }

    /// Length of the largest Data frame that we received.
    pub fn largest_data_in(&self) -> u32 {
        self.largest_data_in
    }

    /// The largest receive window that any of our streams has had.
    pub fn largest_window(&self) -> i64 {
        self.largest_credit
    }

    /// Rules that the frames we sent have broken.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The last frames, one a line.
    pub fn recent(&self) -> String {
        let skipped = self.frames - self.recent.len() as u64;
        let mut text =
            format!("frames exchanged, the last {} of {}:", self.recent.len(), self.frames);
        for (number, (way, header)) in self.recent.iter().enumerate() {
            let arrow = match way {
                Way::In => "<-",
                Way::Out => "->",
            };
            text.push_str(&format!("\n  {:>6} {arrow} {header}", skipped + number as u64 + 1));
        }
        text
    }

    fn record(&mut self, way: Way, header: Header) {
        self.frames += 1;
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((way, header));
        match way {
            Way::In => self.record_received(header),
            Way::Out => self.record_sent(header),
        }
    }

    fn record_received(&mut self, header: Header) {
        match header.kind {
            kind::PING if header.has(flag::SYN) => self.pings_in.requests += 1,
            kind::PING if header.has(flag::ACK) => self.pings_out.replies += 1,
            kind::DATA => {
                self.largest_data_in = self.largest_data_in.max(header.length);
                self.grant(header.stream, -i64::from(header.length));
            }
            _ => {}
        }
    }

    fn record_sent(&mut self, header: Header) {
        match header.kind {
            kind::PING if header.has(flag::SYN) => self.pings_out.requests += 1,
            kind::PING if header.has(flag::ACK) => self.pings_in.replies += 1,
            kind::WINDOW_UPDATE => {
                if !header.has(flag::RST) {
                    self.grant(header.stream, i64::from(header.length));
                }
                self.check_flags(header);
            }
            kind::DATA => {
                if header.length > DATA_LIMIT {
                    self.violations.push(format!("{header}: more than {DATA_LIMIT} bytes"));
                }
                self.check_flags(header);
            }
            _ => {}
        }
    }

    fn grant(&mut self, stream: u32, delta: i64) {
        let credit = self.credit.entry(stream).or_insert(i64::from(INITIAL_WINDOW));
        *credit += delta;
        self.largest_credit = self.largest_credit.max(*credit);
    }

    /// Peers in use ignore FIN and RST beside ACK or a body, and count ACK and FIN wrongly when they
    /// come twice.
    fn check_flags(&mut self, header: Header) {
        let ends = header.has(flag::FIN | flag::RST);
        if ends && (header.kind == kind::DATA || header.has(flag::SYN | flag::ACK)) {
            self.violations.push(format!("{header}: FIN and RST travel alone"));
        }
        let sent = self.sent.entry(header.stream).or_default();
        if header.has(flag::ACK) && std::mem::replace(&mut sent.ack, true) {
            self.violations.push(format!("{header}: a second ACK"));
        }
        if header.has(flag::FIN) && std::mem::replace(&mut sent.fin, true) {
            self.violations.push(format!("{header}: a second FIN"));
        }
    }
}

/// Finds the headers in one direction of a byte stream.
#[derive(Debug, Default)]
struct Scanner {
    header: Vec<u8>,
    body_left: usize,
}

impl Scanner {
    fn scan(&mut self, mut bytes: &[u8], found: &mut Vec<Header>) {
        while !bytes.is_empty() {
            let skip = self.body_left.min(bytes.len());
            self.body_left -= skip;
            bytes = &bytes[skip..];
            let take = (HEADER_LEN - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if let Ok(raw) = <[u8; HEADER_LEN]>::try_from(self.header.as_slice()) {
                let header = Header::decode(raw);
                self.body_left = header.body_len();
                self.header.clear();
                found.push(header);
            }
        }
    }
}

struct Tapped {
    io: BoxIo,
    tap: Tap,
    received: Scanner,
    sent: Scanner,
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, buf);
        let mut found = Vec::new();
        self.received.scan(&buf.filled()[before..], &mut found);
        self.tap.record(Way::In, &found);
        result
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(written)) = &result {
            let mut found = Vec::new();
            let mut left = *written;
            for buf in bufs {
                let part = left.min(buf.len());
                self.sent.scan(&buf[..part], &mut found);
                left -= part;
            }
            self.tap.record(Way::Out, &found);
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_however_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        bytes.extend(Header::new(kind::WINDOW_UPDATE, flag::SYN, 1, 0).encode());
        bytes.extend(Header::new(kind::DATA, 0, 1, 5).encode());
        bytes.extend(b"hello");
        bytes.extend(Header::new(kind::WINDOW_UPDATE, flag::FIN, 1, 0).encode());
        for cut in 1..bytes.len() {
            let mut scanner = Scanner::default();
            let mut found = Vec::new();
            for part in bytes.chunks(cut) {
                scanner.scan(part, &mut found);
            }
            let kinds: Vec<u8> = found.iter().map(|header| header.kind).collect();
            assert_eq!(kinds, [kind::WINDOW_UPDATE, kind::DATA, kind::WINDOW_UPDATE]);
        }
    }

    #[test]
    fn broken_rules_are_noticed() {
        let mut log = Log::default();
        log.record(Way::Out, Header::new(kind::DATA, 0, 1, DATA_LIMIT + 1));
        log.record(Way::Out, Header::new(kind::WINDOW_UPDATE, flag::FIN | flag::ACK, 3, 0));
        log.record(Way::Out, Header::new(kind::WINDOW_UPDATE, flag::FIN, 3, 0));
        log.record(Way::In, Header::new(kind::DATA, flag::FIN, 3, DATA_LIMIT + 1));
        assert_eq!(log.violations().len(), 3, "{:?}", log.violations());
    }
}
