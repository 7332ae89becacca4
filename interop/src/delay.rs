//! A longer way: bytes arrive later than they were sent.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::Instant,
};

use crate::link::{BoxIo, Io};

const BUFFER: usize = 256 * 1024;

/// Delays what goes through `io` by `by` in each direction.
pub(crate) fn both_ways(io: impl Io + 'static, by: Duration) -> BoxIo {
    let (near, far) = tokio::io::duplex(BUFFER);
    let (io_read, io_write) = tokio::io::split(io);
    let (far_read, far_write) = tokio::io::split(far);
    one_way(io_read, far_write, by);
    one_way(far_read, io_write, by);
    Box::new(near)
}

/// What is on its way is bounded only by the flow control above, as on a real long link.
fn one_way(
    mut from: impl AsyncRead + Send + Unpin + 'static,
    mut to: impl AsyncWrite + Send + Unpin + 'static,
    by: Duration,
) {
    let (enter, mut leave) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        loop {
            let mut chunk = Vec::with_capacity(64 * 1024);
            match from.read_buf(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(_) if enter.send((Instant::now() + by, chunk)).is_err() => return,
                Ok(_) => {}
            }
        }
    });
    tokio::spawn(async move {
        while let Some((due, chunk)) = leave.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        // Nothing more to do when the far end is gone already.
        let _ = to.shutdown().await;
    });
}
