//! Bulk beside small messages of other streams, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use std::time::Duration;

use pair::{Pair, millis, secs};
use yamux_proto::{Config, Instant, StreamId};

const KIB: usize = 1024;

/// A client that writes bulk on one stream and, some time after the last one has arrived, a small
/// message on another.
struct Company {
    pair: Pair,
    bulk: StreamId,
    small: StreamId,
    /// Each message has a stream of its own.
    fresh: bool,
    /// When the message under way was sent.
    sent: Option<Instant>,
}

/// What came of bulk, in bytes, and what the median of the small messages took.
#[derive(Debug)]
struct Outcome {
    bulk: usize,
    wait: Duration,
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

impl Company {
    /// Over a line with so much latency each way, so many bytes a second, and a socket before it that
    /// takes 4 MiB.
    fn over(latency: Duration, rate: u64, config: Config) -> Self {
        let mut pair = Pair::with(Config::default(), config).over(latency, rate);
        pair.upstream.line = Duration::from_nanos((4 << 20) * 1_000_000_000 / rate);
        let [bulk, small] = [(); 2].map(|()| {
            let id = pair.client.open().unwrap();
            pair.pass(latency * 4 + millis(1));
            assert_eq!(pair.server.accept(), Some(id));
            id
        });
        Self { pair, bulk, small, fresh: false, sent: None }
    }

    /// Two processes of one machine.
    fn on_one_machine(config: Config) -> Self {
        Self::over(micros(5), 5_000_000_000, config)
    }

    fn alone(&mut self, duration: Duration) -> usize {
        self.run(duration, usize::MAX, None).bulk
    }

    /// With a message so long after the last one.
    fn beside(&mut self, pause: Duration, duration: Duration) -> Outcome {
        self.run(duration, usize::MAX, Some(pause))
    }

    /// For so long, or until so many bytes of bulk have arrived, if there are to be any.
    fn run(&mut self, duration: Duration, most: usize, pause: Option<Duration>) -> Outcome {
        let until = self.pair.time + duration;
        let block = vec![0; 256 * KIB];
        let mut due = pause.filter(|_| self.sent.is_none()).map(|_| self.pair.time);
        let (mut written, mut bulk, mut waits) = (0, 0, Vec::new());
        loop {
            if due.is_some_and(|due| due <= self.pair.time) {
                due = None;
                self.send_small();
            }
            let next = block.len().min(most - written);
            let wrote = self.pair.client.write(self.bulk, &block[..next]);
            let read = self.swallow(self.bulk);
            (written, bulk) = (written + wrote, bulk + read);
            if self.swallow(self.small) > 0 {
                waits.push(self.pair.time - self.sent.take().unwrap());
                due = pause.map(|pause| self.pair.time + pause);
            }
            let over = (bulk == most && most > 0) || self.pair.time >= until;
            if !over && (wrote > 0 || read > 0) {
                self.pair.step();
            } else if over
                || !self.pair.skip(due.unwrap_or(until).min(until)) && self.pair.time >= until
            {
                waits.sort();
                return Outcome {
                    bulk,
                    wait: waits.get(waits.len() / 2).copied().unwrap_or_default(),
                };
            }
        }
    }

    fn send_small(&mut self) {
        if self.fresh {
            self.pair.client.drop_stream(self.small);
            self.pair.server.drop_stream(self.small);
            self.small = self.pair.client.open().unwrap();
        }
        assert_eq!(self.pair.client.write(self.small, b"how are you?"), 12);
        self.sent = Some(self.pair.time);
    }

    fn swallow(&mut self, id: StreamId) -> usize {
        while self.pair.server.accept().is_some() {}
        let Ok(mut stream) = self.pair.server.stream(id) else { return 0 };
        let mut taken = 0;
        while let Ok(read @ 1..) = stream.read_with(usize::MAX, |_| {}) {
            taken += read;
        }
        taken
    }

    /// The window of bulk: no other grows.
    fn window(&mut self) -> usize {
        self.pair.server.stats().window_growth
            + self.pair.server.config().initial_receive_window() as usize
    }
}

#[test]
fn bulk_gives_up_a_window_that_only_makes_others_wait() {
    for fresh in [false, true] {
        let fixed = Config::builder().initial_receive_window(1 << 20).build().unwrap();
        let mut large = Company::on_one_machine(fixed);
        let mut company = Company::on_one_machine(Config::default());
        (large.fresh, company.fresh) = (fresh, fresh);

        let alone = company.alone(millis(20));
        assert_eq!(company.window(), 1024 * KIB);
        company.beside(micros(100), millis(20));
        assert_eq!(company.window(), 256 * KIB);

        let beside = company.beside(micros(100), millis(20));
        assert!(beside.bulk * 100 >= alone * 98, "{beside:?} beside, {alone} alone");
        let before = large.beside(micros(100), millis(20));
        assert!(beside.wait * 3 <= before.wait, "{beside:?}, and with large windows {before:?}");
    }
}

#[test]
fn once_alone_bulk_has_its_window_again() {
    let mut company = Company::on_one_machine(Config::default());
    company.alone(millis(20));
    company.beside(micros(100), millis(20));
    // Messages that come this seldom are as good as none.
    company.beside(millis(150), millis(400));
    assert!(company.window() > 512 * KIB);
}

#[test]
fn a_window_that_the_path_holds_stays() {
    // 625,000 and 1,250,000 bytes are under way.
    for latency in [250, 500] {
        let mut company = Company::over(micros(latency), 1_250_000_000, Config::default());
        let alone = company.alone(millis(200));
        company.alone(millis(200));
        for _ in 0..5 {
            let beside = company.beside(micros(300), millis(200));
            assert!(beside.bulk * 100 >= alone * 93, "{beside:?} beside, {alone} alone");
        }
    }
}

#[test]
fn on_a_long_path_nothing_stands_in_line_and_bulk_loses_nothing() {
    // Milliseconds each way, bytes a second, and what a small message may take at the median.
    for (latency, rate, wait) in [(10, 1_250_000, 45), (20, 12_500_000, 55), (25, 125_000_000, 60)]
    {
        let mut company = Company::over(millis(latency), rate, Config::default());
        company.alone(secs(3));
        company.beside(millis(10), secs(6));
        let beside = company.beside(millis(10), secs(3));
        assert!(beside.bulk * 100 >= rate as usize * 3 * 97, "{beside:?} of {rate} a second");
        assert!(beside.wait <= millis(wait), "{beside:?} at {rate} a second");
    }
}

#[test]
fn a_line_that_becomes_fast_is_filled_whether_in_company_or_not() {
    for pause in [Some(millis(10)), None] {
        let mut company = Company::over(millis(10), 1_250_000, Config::default());
        company.alone(secs(1));
        company.beside(millis(10), secs(5));
        company.pair.upstream.rate = Some(125_000_000);
        company.run(secs(20), usize::MAX, pause);
        let bulk = company.run(secs(1), usize::MAX, pause).bulk;
        assert!(bulk >= 115_000_000, "{bulk} bytes, company every {pause:?}");
        for end in [&mut company.pair.client, &mut company.pair.server] {
            end.drop_stream(company.bulk);
        }
        company.pair.pass(secs(1));
        assert_eq!(company.pair.server.stats().window_growth, 0, "it was given back");
    }
}

#[test]
fn the_initial_window_comes_back_where_none_may_grow_beyond() {
    let fixed = Config::builder().max_receive_window_total(0).build().unwrap();
    let mut company = Company::over(millis(10), 1_250_000, fixed);
    company.alone(secs(1));
    company.beside(millis(10), secs(5));
    company.pair.upstream.rate = Some(125_000_000);
    company.alone(secs(20));
    let alone = company.alone(secs(1));
    // One window a round trip, and what it takes to say so.
    assert!((9_500_000..=14_000_000).contains(&alone), "{alone} bytes");
}

#[test]
fn responses_with_pauses_between_them_keep_their_window() {
    let mut company = Company::over(millis(10), 125_000_000, Config::default());
    let response = |company: &mut Company| {
        let began = company.pair.time;
        company.run(secs(5), 512 * KIB, Some(millis(10)));
        let took = company.pair.time - began;
        company.run(millis(300), 0, Some(millis(10)));
        took
    };
    // Once the window has grown.
    let times: Vec<_> = (0..600).map(|_| response(&mut company)).skip(20).collect();
    let (first, worst) = (times[0], times.iter().max().unwrap());
    assert!(*worst <= first + millis(1), "{first:?} at first, up to {worst:?} later");
}
