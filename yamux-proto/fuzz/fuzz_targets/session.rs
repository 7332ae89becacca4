//! A session survives any bytes at any time, and says Go Away at most once.
//!
//! Input: below 0xc0, a byte announces that many bytes of the peer, less one; above, something that
//! the application, the transport or the clock does.

#![no_main]

use std::time::Duration;

use bytes::{Buf, BytesMut};
use libfuzzer_sys::fuzz_target;
use yamux_proto::{
    Config, Connection, ConnectionError, Decoder, Frame, GoAwayCode, Instant, Item, Side, StreamId,
    Transmit, TransportState,
};

const FROM_PEER: u8 = 0xc0;

struct Fuzzed {
    connection: Connection,
    now: Instant,
    input: BytesMut,
    batch: Transmit,
    wire: BytesMut,
    decoder: Decoder,
    go_aways: usize,
    streams: Vec<StreamId>,
    closing: bool,
}

impl Fuzzed {
    fn act(&mut self, action: u8) {
        let stream = self.streams.get(usize::from(action >> 4 & 3)).copied();
        match action & 15 {
            0 => self.streams.extend(self.connection.open()),
            1 | 2 => self.streams.extend(self.connection.accept()),
            3..=8 => self.use_stream(stream, action & 15),
            9 => drop(self.connection.ping()),
            10 | 11 => self.transmit(),
            12 => self.pass(Duration::from_millis(7)),
            13 => self.pass(Duration::from_secs(11)),
            14 => self.connection.go_away(GoAwayCode::NORMAL),
            _ if action == 0xff => self.end(),
            _ => self.connection.shrink(),
        }
    }

    fn use_stream(&mut self, id: Option<StreamId>, how: u8) {
        let Some(mut stream) = id.and_then(|id| self.connection.stream(id).ok()) else { return };
        match how {
            3 => drop(stream.read(&mut [0; 5000])),
            4 => drop(stream.read_chunk(70_000)),
            5 => drop(stream.write(&[1; 3000])),
            6 => drop(stream.finish()),
            7 => stream.reset(7),
            _ => {
                stream.stop_writing();
                stream.stop_reading();
                self.streams.retain(|held| Some(*held) != id);
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.connection.handle_input(self.now, &mut self.input);
    }

    fn transmit(&mut self) {
        while self.connection.poll_transmit(self.now, &mut self.batch) {
            self.wire.extend_from_slice(&self.batch.copy_to_bytes(self.batch.remaining()));
            self.connection.handle_transmitted(self.now);
        }
        while let Some(item) = self.decoder.next(&mut self.wire).expect("we send frames") {
            if let Item::Frame(Frame::GoAway { .. }) = item {
                self.go_aways += 1;
            }
        }
        while self.connection.poll_event().is_some() {}
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.connection.handle_timeout(self.now);
        assert!(self.connection.poll_timeout().is_none_or(|at| at > self.now), "an endless timer");
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.closing, true) {
            self.connection.handle_eof(self.now);
        } else {
            self.connection.close(GoAwayCode::NORMAL);
        }
    }

    fn check(&mut self) {
        let talking = self.connection.transport_state() != TransportState::Done;
        self.transmit();
        let stats = self.connection.stats();
        assert!(stats.unread <= 64 << 20);
        if let Some(ConnectionError::Protocol(_)) = self.connection.cause() {
            // The application may have said it once before; a second later there is no more talk.
            let least = usize::from(talking);
            assert!((least..=2).contains(&self.go_aways), "{} times", self.go_aways);
            let before = self.connection.num_streams();
            self.receive(&[0, 1, 0, 1, 0, 0, 0x33, 0x33, 0, 0, 0, 0]);
            assert_eq!(self.connection.num_streams(), before, "processed after the end");
        }
        for id in std::mem::take(&mut self.streams) {
            if let Ok(mut stream) = self.connection.stream(id) {
                stream.stop_writing();
            }
            if let Ok(mut stream) = self.connection.stream(id) {
                stream.stop_reading();
            }
        }
        self.transmit();
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((setup, mut data)) = data.split_first() else { return };
    let side = if setup & 1 == 0 { Side::Server } else { Side::Client };
    let config = if setup & 2 == 0 { Config::default() } else { Config::hardened() };
    let mut fuzzed = Fuzzed {
        connection: Connection::new(side, config, Instant::ORIGIN),
        now: Instant::ORIGIN,
        input: BytesMut::new(),
        batch: Transmit::default(),
        wire: BytesMut::new(),
        decoder: Decoder::default(),
        go_aways: 0,
        streams: Vec::new(),
        closing: false,
    };
    while let Some((action, rest)) = data.split_first() {
        data = rest;
        if *action < FROM_PEER {
            let (bytes, rest) = data.split_at(data.len().min(usize::from(*action) + 1));
            fuzzed.receive(bytes);
            data = rest;
        } else {
            fuzzed.act(*action);
        }
    }
    fuzzed.check();
});
