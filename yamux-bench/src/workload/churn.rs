//! Short-lived streams.

use std::{io, time::Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{PING, Workload};
use crate::{
    contender::{Accept, Contender, Open},
    link::{Io, Link},
    measure::{Budget, Latencies, Measurement, Stopwatch, figure},
    runtime::spawn,
};

/// Open, send a request and end it, read the response to its end.
#[derive(Clone, Copy, Debug)]
pub struct Churn {
    /// Tasks that do so at the same time.
    pub tasks: usize,
}

impl Workload for Churn {
    async fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        let (mut opener, mut acceptor) = C::connect(link).await?;
        let mut server = spawn(async move {
            while let Ok(stream) = acceptor.accept().await {
                spawn(respond(stream));
            }
        });
        request(&mut opener).await?;

        let stopwatch = Stopwatch::start();
        let share = budget.share(self.tasks as u64);
        let tasks: Vec<_> = (0..self.tasks)
            .map(|_| {
                let mut opener = opener.clone();
                spawn(async move {
                    let mut latencies = Latencies::default();
                    let mut pace = share.start(1);
                    let mut began = Instant::now();
                    while pace.more_at(|| began) {
                        request(&mut opener).await?;
                        let ended = Instant::now();
                        latencies.push(ended - began);
                        began = ended;
                    }
                    io::Result::Ok(latencies)
                })
            })
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.push(task.await??);
        }
        let exchanges = latencies.iter().map(Latencies::count).sum();
        let measurement = stopwatch.stop(exchanges, figure::PER_SECOND);
        server.abort();
        Ok(measurement.with_latency(&Latencies::merge(&latencies)?))
    }
}

async fn request<O: Open<Stream: Io>>(opener: &mut O) -> io::Result<()> {
    let mut data = [0x5a; PING];
    let mut stream = opener.open().await?;
    stream.write_all(&data).await?;
    stream.shutdown().await?;
    stream.read_exact(&mut data).await?;
    end(&mut stream).await
}

async fn respond<S: Io>(mut stream: S) -> io::Result<()> {
    let mut data = [0; PING];
    stream.read_exact(&mut data).await?;
    end(&mut stream).await?;
    stream.write_all(&data).await?;
    stream.shutdown().await
}

/// Expects the end of the stream, so that both directions close in order.
async fn end<S: Io>(stream: &mut S) -> io::Result<()> {
    match stream.read(&mut [0]).await? {
        0 => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
