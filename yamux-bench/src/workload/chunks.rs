//! Bulk without copies between the application and the multiplexer.

use std::io;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use yamux_tokio::Stream;

use super::{BULK_WRITE, establish};
use crate::{
    contender::Ours,
    link::Link,
    measure::{Budget, Measurement, Stopwatch, figure},
    runtime::spawn,
};

/// Sends one shared 64 KiB chunk again and again on each of `streams` by `write_chunk`, and takes
/// what arrives by `read_chunk`. No rival has such a pair, so it is no [`Workload`](super::Workload).
///
/// # Errors
/// Those of the streams.
pub async fn chunks<L: Link>(
    streams: usize,
    link: &L,
    budget: Budget,
) -> anyhow::Result<Measurement> {
    let session = establish::<Ours, L>(link, streams).await?;
    let share = budget.share(streams as u64);

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

async fn fill(mut stream: Stream, budget: Budget) -> io::Result<Stream> {
    let chunk = Bytes::from(vec![0x5a; BULK_WRITE]);
    let mut pace = budget.start(1);
    while pace.more() {
        stream.write_chunk(chunk.clone()).await?;
    }
    stream.shutdown().await?;
    Ok(stream)
}

async fn drain(mut stream: Stream) -> io::Result<u64> {
    let mut total = 0;
    while let Some(chunk) = stream.read_chunk(BULK_WRITE).await? {
        total += chunk.len() as u64;
    }
    Ok(total)
}
