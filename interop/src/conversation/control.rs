//! Resets, pings, Go Away and keepalive.

use std::io;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    ACTIVE_SEED, MIB, PASSIVE_SEED, Part, echo,
    half_close::{REQUEST_SIZE, RESPONSE_SIZE, send_and_finish},
};
use crate::{
    pattern::{receive, receive_all, send, want_end},
    session::{Resets, Stream},
    tap::Log,
};

const ACTIVE_RESET_CODE: u32 = 7;
const PASSIVE_RESET_CODE: u32 = 9;
const PINGS: usize = 10;
/// How many pings a scenario waits for: past two intervals, and the one that measures the round-trip
/// time at the start.
const KEEPALIVES: u64 = 4;

/// Resets one stream and has another one reset by the passive side.
pub(super) async fn reset_active(part: &Part) -> Result<()> {
    let mut stream = part.open().await?;
    ask(&mut stream).await?;
    stream.reset(ACTIVE_RESET_CODE);
    let mut stream = part.open().await?;
    ask(&mut stream).await?;
    // A reset discards what is unread, so the byte has to be read before the reset comes.
    part.gate.signal("reset me");
    expect_reset(part, stream, PASSIVE_RESET_CODE).await?;
    part.end_active().await
}

pub(super) async fn reset_passive(part: &Part) -> Result<()> {
    let mut stream = part.accept().await?;
    answer(&mut stream).await?;
    expect_reset(part, stream, ACTIVE_RESET_CODE).await?;
    let mut stream = part.accept().await?;
    answer(&mut stream).await?;
    part.gate.wait("reset me").await?;
    stream.reset(PASSIVE_RESET_CODE);
    part.end_passive().await
}

/// One byte there and one back: both sides have the stream.
pub(super) async fn ask(stream: &mut Box<dyn Stream>) -> Result<()> {
    send(stream, ACTIVE_SEED, 1, 1).await?;
    receive(stream, PASSIVE_SEED, 1).await
}

pub(super) async fn answer(stream: &mut Box<dyn Stream>) -> Result<()> {
    receive(stream, ACTIVE_SEED, 1).await?;
    send(stream, PASSIVE_SEED, 1, 1).await
}

/// Wants reading to fail with a reset, and writing too.
async fn expect_reset(part: &Part, mut stream: Box<dyn Stream>, code: u32) -> Result<()> {
    match stream.read(&mut [0; 1]).await {
        Ok(0) if part.other.resets == Resets::AfterFin || !part.own.sees_resets => {}
        Ok(n) => bail!("read: expected a reset, got {n} byte(s) and no error"),
        Err(error) => part.want_reset(&error, code).context("read")?,
    }
    // Writing may go on for as long as the reset has not come, within the stream's window.
    let error = write_until_error(&mut stream).await;
    if part.own.sees_resets {
        part.want_reset(&error, code).context("write")?;
    }
    Ok(())
}

async fn write_until_error(stream: &mut Box<dyn Stream>) -> io::Error {
    loop {
        if let Err(error) = stream.write_all(&[0; 1000]).await {
            return error;
        }
    }
}

async fn ping_repeatedly(part: &Part) -> Result<()> {
    if part.own.pings {
        for i in 0..PINGS {
            part.session.ping().await.with_context(|| format!("ping {}", i + 1))?;
        }
    }
    Ok(())
}

/// Pings while a stream is busy, and so does the passive side.
pub(super) async fn ping_active(part: &Part) -> Result<()> {
    tokio::try_join!(ping_repeatedly(part), echo::open_one(part, 1, 4 * MIB))?;
    part.end_active().await
}

pub(super) async fn ping_passive(part: &Part) -> Result<()> {
    tokio::try_join!(ping_repeatedly(part), echo::serve_many(part, 1))?;
    part.end_passive().await
}

/// Is told to go away: it may open no stream any more, the one that it has goes on.
pub(super) async fn go_away_active(part: &Part) -> Result<()> {
    let mut stream = part.open().await?;
    ask(&mut stream).await?;
    receive(&mut stream, PASSIVE_SEED, RESPONSE_SIZE).await?;
    match part.session.open().await {
        Ok(_) => bail!("expected open to fail after the other side's Go Away, but it succeeded"),
        Err(error) => ensure!(
            error.kind() == io::ErrorKind::ConnectionRefused,
            "expected open to fail with ConnectionRefused, got {:?}: {error}",
            error.kind()
        ),
    }
    send_and_finish(&mut stream, ACTIVE_SEED, REQUEST_SIZE).await?;
    want_end(&mut stream).await?;
    part.end_active().await
}

pub(super) async fn go_away_passive(part: &Part) -> Result<()> {
    let mut stream = part.accept().await?;
    answer(&mut stream).await?;
    part.session.go_away().await.context("Go Away")?;
    // These bytes follow the Go Away, so whoever has read them has seen it.
    send(&mut stream, PASSIVE_SEED, RESPONSE_SIZE, 32 * 1024).await?;
    receive_all(&mut stream, ACTIVE_SEED, REQUEST_SIZE).await?;
    stream.shutdown().await.context("FIN")?;
    part.end_passive().await
}

/// Leaves a stream idle until enough keepalive pings were answered; it works afterwards.
pub(super) async fn keepalive_active(part: &Part, by_us: bool) -> Result<()> {
    let mut stream = part.open().await?;
    ask(&mut stream).await?;
    keep_alive(part, by_us).await?;
    echo::echo_stream(stream, 1, 64 * 1024).await?;
    part.end_active().await
}

pub(super) async fn keepalive_passive(part: &Part, by_us: bool) -> Result<()> {
    let mut stream = part.accept().await?;
    answer(&mut stream).await?;
    keep_alive(part, by_us).await?;
    echo::serve(stream).await?;
    part.end_passive().await
}

/// Only our side can count pings, so it tells the other one.
async fn keep_alive(part: &Part, by_us: bool) -> Result<()> {
    let Some(tap) = &part.tap else {
        return part.gate.wait("kept alive").await;
    };
    let pings = |log: &Log| if by_us { log.pings_out() } else { log.pings_in() };
    let enough = tap.until(|log| {
        let pings = pings(log);
        pings.requests >= KEEPALIVES && pings.replies >= KEEPALIVES
    });
    tokio::select! {
        () = enough => {}
        cause = part.session.closed() => bail!(
            "expected {KEEPALIVES} pings and pongs, but after {:?} the session ended: {cause}",
            tap.read(pings)
        ),
    }
    part.gate.signal("kept alive");
    Ok(())
}
