//! Very many streams at once: what opening one takes, and what an idle one costs.

use std::io;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{SETTLE, Workload};
use crate::{
    contender::{Accept, Contender, Open},
    link::Link,
    machine::resident_bytes,
    measure::{Budget, Measurement, Stopwatch, figure},
    runtime::{sleep, spawn},
};

/// Streams that are used once at the end, to see that they work.
const SAMPLE: usize = 100;

/// Opens streams one after the other as fast as the peer accepts them, and keeps them all.
#[derive(Clone, Copy, Debug)]
pub struct OpenMany {
    /// How many.
    pub streams: usize,
}

impl Workload for OpenMany {
    async fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        _budget: Budget,
    ) -> anyhow::Result<Measurement> {
        let (mut opener, acceptor) = C::connect(link).await?;
        let before = resident_bytes()?;

        let stopwatch = Stopwatch::start();
        let accepting = spawn(accept_all::<C, L>(acceptor, self.streams));
        let mut opened = Vec::with_capacity(self.streams);
        for _ in 0..self.streams {
            let mut stream = opener.open().await?;
            if C::LAZY {
                stream.write_all(&[1]).await?;
            }
            opened.push(stream);
        }
        let (mut acceptor, mut accepted) = accepting.await??;
        let measurement = stopwatch.stop(self.streams as u64, figure::PER_SECOND);

        sleep(SETTLE).await;
        let each = resident_bytes()?.saturating_sub(before) as f64 / self.streams as f64;
        let stride = (self.streams / SAMPLE).max(1);
        for (near, far) in opened.iter_mut().zip(&mut accepted).step_by(stride) {
            round_trip::<C, L>(near, far).await.context("a stream that was opened is unusable")?;
        }
        // The session stays usable too: the opener and the acceptor live on to here.
        let (_last, _) = tokio::try_join!(
            async {
                let mut stream = opener.open().await?;
                stream.write_all(&[1]).await?;
                Ok(stream)
            },
            acceptor.accept()
        )?;
        Ok(measurement.with(figure::RESIDENT, each))
    }
}

async fn accept_all<C: Contender<L>, L: Link>(
    mut acceptor: C::Acceptor,
    count: usize,
) -> io::Result<(C::Acceptor, Vec<C::Stream>)> {
    let mut accepted = Vec::with_capacity(count);
    while accepted.len() < count {
        let mut stream = acceptor.accept().await?;
        if C::LAZY {
            stream.write_all(&[1]).await?;
        }
        accepted.push(stream);
    }
    Ok((acceptor, accepted))
}

/// A byte there and back. The streams of the two ends correspond, since they are accepted in the
/// order in which they were opened.
async fn round_trip<C: Contender<L>, L: Link>(
    near: &mut C::Stream,
    far: &mut C::Stream,
) -> io::Result<()> {
    near.write_all(&[1]).await?;
    far.read_exact(&mut [0]).await?;
    far.write_all(&[1]).await?;
    near.read_exact(&mut [0]).await?;
    Ok(())
}
