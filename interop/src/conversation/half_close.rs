//! Streams that end one direction before the other.

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;

use super::{ACTIVE_SEED, PASSIVE_SEED, Part, Role};
use crate::{
    pattern::{receive_all, send},
    session::Stream,
};

pub(super) const REQUEST_SIZE: usize = 100_000;
pub(super) const RESPONSE_SIZE: usize = 150_000;

pub(super) async fn request_first_active(part: &Part) -> Result<()> {
    let mut stream = part.open().await?;
    send_own(&mut stream, Role::Active).await?;
    receive_other(&mut stream, Role::Active).await?;
    part.end_active().await
}

pub(super) async fn request_first_passive(part: &Part) -> Result<()> {
    let mut stream = part.accept().await?;
    receive_other(&mut stream, Role::Passive).await?;
    send_own(&mut stream, Role::Passive).await?;
    part.end_passive().await
}

pub(super) async fn response_first_active(part: &Part) -> Result<()> {
    let mut stream = part.open().await?;
    receive_other(&mut stream, Role::Active).await?;
    send_own(&mut stream, Role::Active).await?;
    part.end_active().await
}

pub(super) async fn response_first_passive(part: &Part) -> Result<()> {
    let mut stream = part.accept().await?;
    send_own(&mut stream, Role::Passive).await?;
    receive_other(&mut stream, Role::Passive).await?;
    part.end_passive().await
}

/// Has its request and FIN at the other side before that side accepts the stream.
pub(super) async fn fin_before_accept_active(part: &Part) -> Result<()> {
    let mut stream = part.open().await?;
    send_own(&mut stream, Role::Active).await?;
    if part.own.pings {
        // A pong says that the frames before the ping were processed.
        part.session.ping().await.context("ping")?;
    }
    part.gate.signal("sent");
    receive_other(&mut stream, Role::Active).await?;
    part.end_active().await
}

pub(super) async fn fin_before_accept_passive(part: &Part) -> Result<()> {
    part.gate.wait("sent").await?;
    request_first_passive(part).await
}

async fn send_own(stream: &mut Box<dyn Stream>, role: Role) -> Result<()> {
    let (seed, size) = message(role);
    send_and_finish(stream, seed, size).await
}

async fn receive_other(stream: &mut Box<dyn Stream>, role: Role) -> Result<()> {
    let (seed, size) = message(role.other());
    receive_all(stream, seed, size).await
}

fn message(sender: Role) -> (u64, usize) {
    match sender {
        Role::Active => (ACTIVE_SEED, REQUEST_SIZE),
        Role::Passive => (PASSIVE_SEED, RESPONSE_SIZE),
    }
}

pub(super) async fn send_and_finish(
    stream: &mut Box<dyn Stream>,
    seed: u64,
    size: usize,
) -> Result<()> {
    send(stream, seed, size, 32 * 1024).await?;
    stream.shutdown().await.context("FIN")
}
