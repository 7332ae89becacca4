//! Many small writes on one stream.

use tokio::io::AsyncWriteExt;

use super::{Workload, drain, establish};
use crate::{
    contender::Contender,
    link::{Io, Link},
    measure::{Budget, Measurement, Stopwatch, figure},
    runtime::spawn,
};

/// One write a message, and a reader that takes what is there.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    /// Bytes of a message.
    pub size: usize,
}

impl Workload for Messages {
    async fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        let mut session = establish::<C, L>(link, 1).await?;
        let (Some(near), Some(far)) = (session.opened.pop(), session.accepted.pop()) else {
            anyhow::bail!("no stream");
        };
        let size = self.size;

        let stopwatch = Stopwatch::start();
        let reader = spawn(drain(far));
        let writer = spawn(send(near, size, budget));
        let messages = reader.await?? / size as u64;
        let measurement = stopwatch.stop(messages, figure::PER_SECOND);
        writer.await??;
        Ok(measurement)
    }
}

async fn send<S: Io>(mut stream: S, size: usize, budget: Budget) -> std::io::Result<S> {
    let message = vec![0x5a; size];
    let mut pace = budget.start(256);
    while pace.more() {
        stream.write_all(&message).await?;
    }
    stream.shutdown().await?;
    Ok(stream)
}
