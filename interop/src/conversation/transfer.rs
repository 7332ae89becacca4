//! Bulk data, and what it may not block.

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;

use super::{ACTIVE_SEED, MIB, PASSIVE_SEED, Part, Role, all, echo};
use crate::{
    frame::INITIAL_WINDOW,
    pattern::{receive_all, send, want_end},
};

/// Moves `bytes` each way at once, in writes of `chunk` bytes.
pub(super) async fn exchange(
    part: &Part,
    role: Role,
    bytes: usize,
    chunk: usize,
    large_frames: bool,
) -> Result<()> {
    let (stream, own_seed, other_seed) = match role {
        Role::Active => (part.open().await?, ACTIVE_SEED, PASSIVE_SEED),
        Role::Passive => (part.accept().await?, PASSIVE_SEED, ACTIVE_SEED),
    };
    let (mut reader, mut writer) = stream.split();
    // A task of its own for each direction, as a program that uses both would have it.
    let sending = tokio::spawn(async move {
        send(&mut writer, own_seed, bytes, chunk).await?;
        writer.shutdown().await.context("FIN")
    });
    let receiving = tokio::spawn(async move { receive_all(&mut reader, other_seed, bytes).await });
    let (sent, received) = tokio::try_join!(sending, receiving)?;
    sent?;
    received?;
    if let Some(tap) = part.tap.as_ref().filter(|_| large_frames && part.other.whole_window_frames)
    {
        let largest = tap.read(|log| log.largest_data_in());
        ensure!(
            largest as usize >= chunk,
            "expected a Data frame of at least {chunk} bytes, the largest had {largest}"
        );
    }
    match role {
        Role::Active => part.end_active().await,
        Role::Passive => part.end_passive().await,
    }
}

/// Receives on one stream, over a link long enough for the initial window to be the limit.
pub(super) async fn auto_tune_active(part: &Part, bytes: usize) -> Result<()> {
    let mut stream = part.open().await?;
    receive_all(&mut stream, PASSIVE_SEED, bytes).await?;
    stream.shutdown().await.context("FIN")?;
    if let Some(tap) = &part.tap {
        let largest = tap.read(|log| log.largest_window());
        ensure!(
            largest > i64::from(INITIAL_WINDOW),
            "expected our receive window to grow beyond {INITIAL_WINDOW}, its largest was {largest}"
        );
    }
    part.end_active().await
}

pub(super) async fn auto_tune_passive(part: &Part, bytes: usize) -> Result<()> {
    let mut stream = part.accept().await?;
    send(&mut stream, PASSIVE_SEED, bytes, 256 * 1024).await?;
    stream.shutdown().await.context("FIN")?;
    want_end(&mut stream).await?;
    part.end_passive().await
}

/// How many streams flow past the stalled one.
const FLOWING: usize = 8;

/// Fills one stream that nobody reads, and wants others to flow regardless.
pub(super) async fn stalled_reader_active(part: &Part) -> Result<()> {
    let mut stalled = part.open().await?;
    let filling = tokio::spawn(async move {
        send(&mut stalled, ACTIVE_SEED, MIB, 64 * 1024).await?;
        stalled.shutdown().await.context("FIN")?;
        anyhow::Ok(stalled)
    });
    all(FLOWING, |i| {
        let part = part.clone();
        async move { echo::open_one(&part, i as u64, MIB).await }
    })
    .await
    .context("a stream beside the stalled one")?;
    part.gate.signal("flowed");
    let mut stalled = filling.await?.context("the stalled stream")?;
    want_end(&mut stalled).await?;
    part.end_active().await
}

pub(super) async fn stalled_reader_passive(part: &Part) -> Result<()> {
    let mut stalled = part.accept().await?;
    echo::serve_many(part, FLOWING).await.context("a stream beside the stalled one")?;
    part.gate.wait("flowed").await?;
    receive_all(&mut stalled, ACTIVE_SEED, MIB).await.context("the stalled stream")?;
    stalled.shutdown().await.context("FIN")?;
    part.end_passive().await
}
