//! Bulk over a path whose bandwidth-delay product is far above the initial window.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BULK_WRITE, Workload, establish};
use crate::{
    contender::Contender,
    link::{Io, Link},
    measure::{Budget, Measurement, Stopwatch, figure},
    runtime::{sleep, spawn},
};

/// How long windows may grow before the steady rate is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long the steady rate is measured at least. Behind a lost packet the kernel holds back what
/// came after it, a round trip or more, and then lets it out at once: in a quarter of a second
/// sixteen connections were seen at 0.15 and at 1.6 times the rate of the line.
const LEAST: Duration = Duration::from_secs(2);

/// Reports the steady rate, and beside it how far the first second got.
#[derive(Clone, Copy, Debug)]
pub struct LongPath {
    /// Streams that send at the same time.
    pub streams: usize,
}

impl Workload for LongPath {
    async fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        let session = establish::<C, L>(link, self.streams).await?;
        let received = Arc::new(AtomicU64::new(0));
        let mut tasks = Vec::new();
        for (near, far) in session.opened.into_iter().zip(session.accepted) {
            tasks.push(spawn(count(far, Arc::clone(&received))));
            tasks.push(spawn(fill(near)));
        }

        let measurement = observe(&received, budget).await?;
        for mut task in tasks {
            if task.is_finished() {
                task.await??;
            } else {
                task.abort();
            }
        }
        Ok(measurement)
    }
}

/// Watches what arrives: during the first second, and after the warm-up for the time of `budget`.
pub(super) async fn observe(received: &AtomicU64, budget: Budget) -> anyhow::Result<Measurement> {
    let Budget::Time(time) = budget.at_least(LEAST) else {
        anyhow::bail!("a path is measured by time, not operations");
    };
    sleep(Duration::from_secs(1)).await;
    let first_second = received.load(Ordering::Relaxed);
    sleep(WARM_UP - Duration::from_secs(1)).await;
    let before = received.load(Ordering::Relaxed);
    let stopwatch = Stopwatch::start();
    sleep(time).await;
    let bytes = received.load(Ordering::Relaxed) - before;
    let measurement = stopwatch.stop(bytes, figure::BYTES_PER_SECOND);
    Ok(measurement.with(figure::FIRST_SECOND, first_second as f64))
}

async fn fill<S: Io>(mut stream: S) -> io::Result<()> {
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
