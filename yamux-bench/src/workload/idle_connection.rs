//! What a connection costs that has been used and is now idle.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BULK_WRITE, SETTLE, Workload, establish};
use crate::{
    contender::Contender,
    link::Link,
    machine::resident_bytes,
    measure::{Budget, Measurement, Stopwatch, figure},
    runtime::sleep,
};

/// Connections that carry 64 KiB each way and then nothing; for the bare link those connections
/// themselves, so that the difference is what the multiplexer adds.
#[derive(Clone, Copy, Debug)]
pub struct IdleConnection {
    /// How many.
    pub connections: usize,
}

impl Workload for IdleConnection {
    async fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        _budget: Budget,
    ) -> anyhow::Result<Measurement> {
        // The first connection pays for what the runtime and the allocator set up once.
        let _first = used::<C, L>(link).await?;
        let mut connections = Vec::with_capacity(self.connections);
        let before = resident_bytes()?;
        let stopwatch = Stopwatch::start();
        for _ in 0..self.connections {
            connections.push(used::<C, L>(link).await?);
        }
        let measurement = stopwatch.stop(self.connections as u64, figure::PER_SECOND);
        sleep(SETTLE).await;
        let each = resident_bytes()?.saturating_sub(before) as f64 / self.connections as f64;
        Ok(measurement.with(figure::RESIDENT, each))
    }
}

/// What keeps an idle connection up: the two ends of the session or, without one, the streams.
type Idle<S, O, A> = (Option<(O, A)>, Vec<S>);

async fn used<C: Contender<L>, L: Link>(
    link: &L,
) -> anyhow::Result<Idle<C::Stream, C::Opener, C::Acceptor>> {
    let mut session = establish::<C, L>(link, 1).await?;
    for (near, far) in session.opened.iter_mut().zip(&mut session.accepted) {
        let data = vec![0x5a; BULK_WRITE];
        let mut buf = vec![0; BULK_WRITE];
        tokio::try_join!(near.write_all(&data), far.read_exact(&mut buf))?;
        tokio::try_join!(far.write_all(&data), near.read_exact(&mut buf))?;
    }
    if C::STREAM_IS_CONNECTION {
        session.opened.append(&mut session.accepted);
        return Ok((None, session.opened));
    }
    for mut stream in session.opened.into_iter().chain(session.accepted) {
        stream.shutdown().await?;
    }
    Ok((Some((session.opener, session.acceptor)), Vec::new()))
}
