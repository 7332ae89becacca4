//! A question and its answer, again and again, on every stream at once.

use std::{io, time::Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{PING, Workload, echo, establish};
use crate::{
    contender::Contender,
    link::{Io, Link},
    measure::{Budget, Latencies, Measurement, Stopwatch, figure},
    runtime::spawn,
};

/// 64 bytes there and back; each stream has one under way at a time.
#[derive(Clone, Copy, Debug)]
pub struct PingPong {
    /// Streams that do so at the same time.
    pub streams: usize,
}

impl Workload for PingPong {
    async fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        let session = establish::<C, L>(link, self.streams).await?;
        let share = budget.share(self.streams as u64);
        let echoes: Vec<_> = session.accepted.into_iter().map(|it| spawn(echo(it))).collect();

        let stopwatch = Stopwatch::start();
        let tasks: Vec<_> = session.opened.into_iter().map(|it| spawn(ping(it, share))).collect();
        let (mut streams, mut latencies) = (Vec::new(), Vec::new());
        for task in tasks {
            let (stream, latency) = task.await??;
            streams.push(stream);
            latencies.push(latency);
        }
        let round_trips = latencies.iter().map(Latencies::count).sum();
        let measurement = stopwatch.stop(round_trips, figure::PER_SECOND);

        // Streams are held until both ends are done: to drop one earlier resets it in HTTP/2.
        for stream in &mut streams {
            stream.shutdown().await?;
        }
        for echo in echoes {
            echo.await??;
        }
        Ok(measurement.with_latency(&Latencies::merge(&latencies)?))
    }
}

/// Sends pings and times each answer.
pub(super) async fn ping<S: Io>(mut stream: S, budget: Budget) -> io::Result<(S, Latencies)> {
    let mut latencies = Latencies::default();
    let mut data = [0x5a; PING];
    let mut pace = budget.start(1);
    let mut sent = Instant::now();
    while pace.more_at(|| sent) {
        stream.write_all(&data).await?;
        stream.read_exact(&mut data).await?;
        let received = Instant::now();
        latencies.push(received - sent);
        sent = received;
    }
    Ok((stream, latencies))
}
