//! What the streams are made to do, and what is measured meanwhile.

mod beside_bulk;
mod bulk;
mod chunks;
mod churn;
mod codec;
mod from_go;
mod idle_connection;
mod long_path;
mod messages;
mod open;
mod ping_pong;

use std::{future::Future, io, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub use self::{
    beside_bulk::BesideBulk, bulk::Bulk, chunks::chunks, churn::Churn, codec::Codec,
    from_go::FromGo, idle_connection::IdleConnection, long_path::LongPath, messages::Messages,
    open::OpenMany, ping_pong::PingPong,
};
use crate::{
    contender::{Accept, Contender, Open},
    link::{Io, Link},
    measure::{Budget, Measurement},
};

/// Something to do with the streams of any contender.
pub trait Workload: Send + Sync + 'static {
    /// Connects, does the work within `budget`, and says how it went. Connecting is not measured.
    fn run<C: Contender<L>, L: Link>(
        &self,
        link: &L,
        budget: Budget,
    ) -> impl Future<Output = anyhow::Result<Measurement>> + Send;
}

/// Bytes of a bulk write and of the buffers that readers read into.
pub const BULK_WRITE: usize = 64 * 1024;

/// Bytes of a ping, and of a request and a response.
const PING: usize = 64;

/// How long memory settles before it is measured.
const SETTLE: Duration = Duration::from_millis(500);

/// Streams that both ends know of, and the session that they belong to.
struct Established<C: Contender<L>, L: Link> {
    opened: Vec<C::Stream>,
    accepted: Vec<C::Stream>,
    opener: C::Opener,
    acceptor: C::Acceptor,
}

/// Connects and opens `count` streams, each of which has carried a byte in both directions.
async fn establish<C: Contender<L>, L: Link>(
    link: &L,
    count: usize,
) -> io::Result<Established<C, L>> {
    let (mut opener, mut acceptor) = C::connect(link).await?;
    let (mut opened, mut accepted) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let open = async {
            let mut stream = opener.open().await?;
            stream.write_all(&[1]).await?;
            stream.flush().await?;
            stream.read_exact(&mut [0]).await?;
            io::Result::Ok(stream)
        };
        let accept = async {
            let mut stream = acceptor.accept().await?;
            stream.read_exact(&mut [0]).await?;
            stream.write_all(&[1]).await?;
            stream.flush().await?;
            io::Result::Ok(stream)
        };
        let (near, far) = tokio::try_join!(open, accept)?;
        opened.push(near);
        accepted.push(far);
    }
    Ok(Established { opened, accepted, opener, acceptor })
}

/// Reads a stream to its end; how many bytes that were.
async fn drain<S: Io>(mut stream: S) -> io::Result<u64> {
    let mut buf = vec![0; BULK_WRITE];
    let mut total = 0;
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(total),
            count => total += count as u64,
        }
    }
}

/// Sends every ping back until the stream ends, then ends the other direction.
async fn echo<S: Io>(mut stream: S) -> io::Result<()> {
    let mut ping = [0; PING];
    loop {
        match stream.read_exact(&mut ping).await {
            Ok(_) => stream.write_all(&ping).await?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return stream.shutdown().await;
            }
            Err(error) => return Err(error),
        }
    }
}
