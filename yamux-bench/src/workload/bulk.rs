//! As many bytes as possible, one way.

use tokio::io::AsyncWriteExt;

use super::{BULK_WRITE, Workload, drain, establish};
use crate::{
    contender::Contender,
    link::{Io, Link},
    measure::{Budget, Measurement, Stopwatch, figure},
    runtime::spawn,
};

/// Writes of 64 KiB on every stream at once; one operation is one byte.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// Streams that send at the same time.
    pub streams: usize,
}

impl Workload for Bulk {
    async fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        let session = establish::<C, L>(link, self.streams).await?;
        let share = budget.share(self.streams as u64);

        let stopwatch = Stopwatch::start();
        let readers: Vec<_> = session.accepted.into_iter().map(|it| spawn(drain(it))).collect();
        let writers: Vec<_> = session.opened.into_iter().map(|it| spawn(fill(it, share))).collect();
        let mut total = 0;
        for reader in readers {
            total += reader.await??;
        }
        let measurement = stopwatch.stop(total, figure::BYTES_PER_SECOND);
        for writer in writers {
            writer.await??;
        }
        Ok(measurement)
    }
}

/// Writes within the budget, then ends the stream.
async fn fill<S: Io>(mut stream: S, budget: Budget) -> std::io::Result<S> {
    let data = vec![0x5a; BULK_WRITE];
    let mut pace = budget.start(1);
    while pace.more() {
        stream.write_all(&data).await?;
    }
    stream.shutdown().await?;
    Ok(stream)
}
