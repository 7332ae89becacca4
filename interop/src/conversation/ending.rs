//! Sessions that end, and streams that are refused.

use std::{io, sync::Arc};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Semaphore,
};

use super::{
    ACTIVE_SEED, MIB, Part, all,
    control::{answer, ask},
    echo,
    half_close::send_and_finish,
};
use crate::{
    pattern::{receive_all, want_end},
    session::{Abilities, Stream},
};

const LOADED_STREAMS: usize = 8;
const UNREAD_SIZE: usize = 200_000;
const BACKLOG_OPENED: usize = 40;
/// The accept backlog that the scenario sets on the passive side.
pub(crate) const BACKLOG_ACCEPTED: usize = 16;
const BACKLOG_MESSAGE: usize = 16;

/// Closes right after all streams were finished: what their writers were told is done must arrive.
pub(super) async fn close_under_load_active(part: &Part) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..LOADED_STREAMS {
        streams.push(part.open().await?);
    }
    let mut streams = streams.into_iter();
    all(LOADED_STREAMS, |i| {
        let stream = streams.next();
        async move {
            let mut stream = stream.context("one stream for each task")?;
            send_and_finish(&mut stream, i as u64, MIB).await
        }
    })
    .await?;
    part.session.close().await.context("close")
}

pub(super) async fn close_under_load_passive(part: &Part) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..LOADED_STREAMS {
        streams.push(part.accept().await?);
    }
    let own = part.own;
    let mut streams = streams.into_iter();
    all(LOADED_STREAMS, |i| {
        let stream = streams.next();
        async move {
            let mut stream = stream.context("one stream for each task")?;
            receive_all(&mut stream, i as u64, MIB)
                .await
                .with_context(|| format!("stream {i} of a session that its writer closed"))?;
            send_last_fin(own, stream).await
        }
    })
    .await?;
    part.session.closed().await;
    Ok(())
}

/// Closes right after its FIN, while the passive side has read nothing yet.
pub(super) async fn close_after_fin_active(part: &Part) -> Result<()> {
    let mut stream = part.open().await?;
    send_and_finish(&mut stream, ACTIVE_SEED, UNREAD_SIZE).await?;
    let session = Arc::clone(&part.session);
    let closing = tokio::spawn(async move { session.close().await });
    part.gate.signal("closing");
    want_end(&mut stream).await.context("the stream of a session that is closing")?;
    drop(stream);
    closing.await?.context("close")
}

pub(super) async fn close_after_fin_passive(part: &Part) -> Result<()> {
    let mut stream = part.accept().await?;
    part.gate.wait("closing").await?;
    if part.own.pings {
        // A session that closes too early has ended by the time that it should have answered.
        for _ in 0..3 {
            part.session.ping().await.context("ping while the other side closes")?;
        }
    }
    receive_all(&mut stream, ACTIVE_SEED, UNREAD_SIZE).await?;
    send_last_fin(part.own, stream).await?;
    part.session.closed().await;
    Ok(())
}

/// Sends a FIN that the other side waits for before it ends the session.
async fn send_last_fin(own: Abilities, mut stream: Box<dyn Stream>) -> Result<()> {
    let finished = stream.shutdown().await;
    if own.sees_last_fin { finished.context("FIN") } else { Ok(()) }
}

/// Closes in the middle of a stream. Not before the passive side has got its answer off its hands: a
/// write of hashicorp/yamux fails if the session ends before it returns, although its data went out.
pub(super) async fn close_unfinished_active(part: &Part) -> Result<()> {
    let mut stream = part.open().await?;
    ask(&mut stream).await?;
    part.gate.wait("answered").await?;
    part.session.close().await.context("close")
}

pub(super) async fn close_unfinished_passive(part: &Part) -> Result<()> {
    let mut stream = part.accept().await?;
    answer(&mut stream).await?;
    part.gate.signal("answered");
    read_reset(part, stream).await?;
    part.session.closed().await;
    Ok(())
}

/// Is in the middle of a stream when the passive side ends the session.
pub(super) async fn abrupt_close_active(part: &Part) -> Result<()> {
    let mut stream = part.open().await?;
    ask(&mut stream).await?;
    part.gate.signal("read");
    match stream.read(&mut [0; 1]).await {
        Ok(n) => ensure!(
            n == 0 && !part.own.sees_loss,
            "expected reading to fail after an abrupt close, got {n} byte(s) and no error"
        ),
        Err(error) => expect_loss(part, &error)?,
    }
    ensure!(part.session.open().await.is_err(), "expected open to fail in a session that ended");
    ensure!(
        part.session.accept().await.is_err(),
        "expected accept to fail in a session that ended"
    );
    part.session.closed().await;
    Ok(())
}

/// The kernel turns the end into a reset of the transport if the peer had not read everything; what
/// it may not look like is a reset of the stream.
fn expect_loss(part: &Part, error: &io::Error) -> Result<()> {
    let kind = error.kind();
    let transport_reset =
        kind == io::ErrorKind::ConnectionReset && part.session.reset_code(error).is_none();
    ensure!(
        kind == io::ErrorKind::NotConnected || transport_reset,
        "expected reading to fail with NotConnected, got {kind:?}: {error}"
    );
    Ok(())
}

pub(super) async fn abrupt_close_passive(part: &Part) -> Result<()> {
    let mut stream = part.accept().await?;
    answer(&mut stream).await?;
    part.gate.wait("read").await?;
    // A peer that has a better way to close is not what this conversation is about.
    let _ = part.session.close().await;
    Ok(())
}

/// Opens more streams than the passive side queues: those beyond the limit are reset, and only when
/// they all are does the passive side accept the others.
pub(super) async fn accept_backlog_active(part: &Part) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..BACKLOG_OPENED {
        streams.push(part.open().await?);
    }
    let refused = Arc::new(Semaphore::new(0));
    let gate = part.gate.clone();
    let counted = Arc::clone(&refused);
    tokio::spawn(async move {
        let expected = (BACKLOG_OPENED - BACKLOG_ACCEPTED) as u32;
        if counted.acquire_many(expected).await.is_ok() {
            gate.signal("refused");
        }
    });
    let mut streams = streams.into_iter();
    all(BACKLOG_OPENED, |i| {
        let (stream, part, refused) = (streams.next(), part.clone(), Arc::clone(&refused));
        async move {
            let stream = stream.context("one stream for each task")?;
            if i < BACKLOG_ACCEPTED {
                return echo::echo_stream(stream, i as u64, BACKLOG_MESSAGE).await;
            }
            let reset = read_reset(&part, stream).await;
            reset.with_context(|| format!("stream {i} beyond a backlog of {BACKLOG_ACCEPTED}"))?;
            refused.add_permits(1);
            Ok(())
        }
    })
    .await?;
    part.end_active().await
}

async fn read_reset(part: &Part, mut stream: Box<dyn Stream>) -> Result<()> {
    match stream.read(&mut [0; 1]).await {
        Ok(n) => anyhow::bail!("expected a reset, got {n} byte(s) and no error"),
        Err(error) => part.want_reset(&error, 0),
    }
}

pub(super) async fn accept_backlog_passive(part: &Part) -> Result<()> {
    part.gate.wait("refused").await?;
    echo::serve_many(part, BACKLOG_ACCEPTED).await?;
    part.end_passive().await
}
