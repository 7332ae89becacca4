//! Streams that come back as they went.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Part, all};
use crate::{
    pattern::{receive, receive_all, send, want_end},
    session::Stream,
};

const CHUNK: usize = 32 * 1024;

/// Sends `bytes` and FIN while it reads the same bytes back to the end.
pub(super) async fn echo_stream(stream: Box<dyn Stream>, seed: u64, bytes: usize) -> Result<()> {
    let (mut reader, mut writer) = stream.split();
    let sending = async {
        send(&mut writer, seed, bytes, CHUNK).await?;
        writer.shutdown().await.context("FIN")
    };
    tokio::try_join!(sending, receive_all(&mut reader, seed, bytes))?;
    Ok(())
}

/// Returns what it reads until the end of the stream, then sends FIN.
pub(crate) async fn serve(mut stream: Box<dyn Stream>) -> Result<()> {
    let mut buf = vec![0; CHUNK];
    loop {
        let n = stream.read(&mut buf).await.context("echo: read")?;
        if n == 0 {
            return stream.shutdown().await.context("echo: FIN");
        }
        stream.write_all(&buf[..n]).await.context("echo: write")?;
    }
}

/// Accepts `n` streams and echoes them all at once.
pub(super) async fn serve_many(part: &Part, n: usize) -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..n {
        let stream = part.accept().await.with_context(|| format!("stream {} of {n}", i + 1))?;
        tasks.spawn(serve(stream));
    }
    while let Some(result) = tasks.join_next().await {
        result.context("an echo task panicked")??;
    }
    Ok(())
}

pub(super) async fn open_one(part: &Part, seed: u64, bytes: usize) -> Result<()> {
    echo_stream(part.open().await?, seed, bytes).await
}

pub(super) async fn active(part: &Part, bytes: usize) -> Result<()> {
    open_one(part, 1, bytes).await?;
    part.end_active().await
}

pub(super) async fn passive(part: &Part, streams: usize) -> Result<()> {
    serve_many(part, streams).await?;
    part.end_passive().await
}

/// Keeps `n` streams open until each of them has carried data both ways.
pub(super) async fn concurrent(part: &Part, n: usize) -> Result<()> {
    const SIZE: usize = 1024;
    let mut streams = Vec::with_capacity(n);
    for i in 0..n {
        let mut stream = part.open().await.with_context(|| format!("stream {} of {n}", i + 1))?;
        // A peer may acknowledge a stream with its first answer on it and not before, and only so
        // many may be unacknowledged.
        send(&mut stream, i as u64, SIZE, SIZE).await?;
        streams.push(stream);
    }
    let met = Arc::new(tokio::sync::Barrier::new(n));
    let mut streams = streams.into_iter();
    all(n, |i| {
        let stream = streams.next();
        let met = Arc::clone(&met);
        async move {
            let mut stream = stream.context("one stream for each task")?;
            receive(&mut stream, i as u64, SIZE).await?;
            met.wait().await;
            stream.shutdown().await.context("FIN")?;
            want_end(&mut stream).await
        }
    })
    .await?;
    part.end_active().await
}

/// Opens `n` streams in all, a limited number at once, each for one small echo.
pub(super) async fn short_streams(part: &Part, n: usize) -> Result<()> {
    const WORKERS: usize = 64;
    const SIZE: usize = 100;
    all(WORKERS, |worker| {
        let part = part.clone();
        async move {
            for i in (worker..n).step_by(WORKERS) {
                open_one(&part, i as u64, SIZE).await.with_context(|| format!("stream {i}"))?;
            }
            Ok(())
        }
    })
    .await?;
    part.end_active().await
}

/// Opens `n` streams and serves `n` of the other side's, all at once.
pub(super) async fn open_and_accept(part: &Part, n: usize) -> Result<()> {
    const SIZE: usize = 64 * 1024;
    let opening = all(n, |i| {
        let part = part.clone();
        async move { open_one(&part, i as u64, SIZE).await }
    });
    tokio::try_join!(opening, serve_many(part, n))?;
    part.end_together().await
}
