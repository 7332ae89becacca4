//! Whether a saturating stream delays the others.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BULK_WRITE, Workload, echo, establish, ping_pong::ping};
use crate::{
    contender::Contender,
    link::{Io, Link},
    measure::{Budget, Latencies, Measurement, Stopwatch, figure},
    runtime::{Task, sleep, spawn},
};

/// One stream sends as much as it can, another plays ping-pong; one operation is one round trip.
#[derive(Clone, Copy, Debug)]
pub struct BesideBulk {
    /// How long the bulk stream runs before the first ping.
    pub head_start: Duration,
    /// How long a run takes at the least, when it is measured by time.
    pub least: Duration,
}

impl BesideBulk {
    /// As quick as both ends are.
    pub const ON_LOOPBACK: Self =
        Self { head_start: Duration::from_millis(50), least: Duration::ZERO };
    /// At ten megabits a second: the queues take most of a second to fill, and a ping takes tenths of one.
    pub const ON_AN_UPLINK: Self =
        Self { head_start: Duration::from_secs(1), least: Duration::from_secs(3) };
}

impl Workload for BesideBulk {
    async fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        let budget = budget.at_least(self.least);
        let mut session = establish::<C, L>(link, 2).await?;
        let (Some(bulk), Some(sink)) = (session.opened.pop(), session.accepted.pop()) else {
            anyhow::bail!("no stream");
        };
        let (Some(near), Some(far)) = (session.opened.pop(), session.accepted.pop()) else {
            anyhow::bail!("no stream");
        };
        let received = Arc::new(AtomicU64::new(0));
        let mut tasks =
            [spawn(echo(far)), spawn(count(sink, Arc::clone(&received))), spawn(saturate(bulk))];
        sleep(self.head_start).await;

        let before = received.load(Ordering::Relaxed);
        let stopwatch = Stopwatch::start();
        let (_near, latencies) = spawn(ping(near, budget)).await??;
        let measurement = stopwatch.stop(latencies.count(), figure::PER_SECOND);
        let bytes = (received.load(Ordering::Relaxed) - before) as f64;
        let rate = bytes / measurement.elapsed().as_secs_f64();

        // None of them should have failed. Their end is not waited for: what is in line may take longer
        // to arrive than all that was measured.
        for task in tasks.iter_mut().filter(|task| task.is_finished()) {
            task.await??;
        }
        tasks.iter_mut().for_each(Task::abort);
        Ok(measurement
            .with_latency(&Latencies::merge(&[latencies])?)
            .with(figure::BYTES_PER_SECOND, rate))
    }
}

async fn saturate<S: Io>(mut stream: S) -> io::Result<()> {
    let data = vec![0x5a; BULK_WRITE];
    loop {
        stream.write_all(&data).await?;
    }
}

async fn count<S: Io>(mut stream: S, received: Arc<AtomicU64>) -> io::Result<()> {
    let mut buf = vec![0; BULK_WRITE];
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(()),
            count => received.fetch_add(count as u64, Ordering::Relaxed),
        };
    }
}
