//! Pings (spec: Type Field, Ping).

use anyhow::ensure;

use super::{WINDOW, bytes};
use crate::{
    conformance::case::{Case, Outcome},
    frame::{Header, flag, kind},
};

const PING: &str = "Type Field: Ping";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = answers();
    cases.extend(oddities());
    cases
}

fn answers() -> Vec<Case> {
    vec![
        Case::must("ping/value", PING, "A pong has the value of its ping", |wire| {
            Box::pin(async move {
                for value in [0, 1, 0xdead_beef, u32::MAX] {
                    wire.ping(value);
                    wire.until("a pong with the same value", |wire| wire.pongs().contains(&value))
                        .await?;
                }
                ensure!(wire.pongs().len() == 4, "expected 4 pongs, got {:?}", wire.pongs());
                Ok(Outcome::Passed)
            })
        }),
        Case::should("ping/order", PING, "Pongs come in the order of their pings", |wire| {
            Box::pin(async move {
                let values: Vec<u32> = (100..110).collect();
                for value in &values {
                    wire.ping(*value);
                }
                wire.until("10 pongs", |wire| wire.pongs().len() == 10).await?;
                ensure!(wire.pongs() == values, "the order is {:?}", wire.pongs());
                Ok(Outcome::Passed)
            })
        }),
        Case::must(
            "ping/while-a-stream-is-blocked",
            PING,
            "Pings are answered while a stream waits for window",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.data(id, 0, &bytes(WINDOW));
                    wire.until("a window of Data", |wire| wire.received(id) == WINDOW).await?;
                    wire.data(id, 0, b"more");
                    wire.barrier().await?;
                    Ok(Outcome::Passed)
                })
            },
        ),
        Case::should("ping/burst", PING, "30 pings in one burst are all answered", |wire| {
            Box::pin(async move {
                for value in 0..30 {
                    wire.ping(value);
                }
                wire.until("30 pongs", |wire| wire.pongs().len() == 30).await?;
                Ok(Outcome::Passed)
            })
        }),
    ]
}

fn oddities() -> Vec<Case> {
    vec![
        Case::must("ping/unknown-pong", PING, "A pong that nobody asked for is ignored", |wire| {
            Box::pin(async move {
                wire.send(Header::new(kind::PING, flag::ACK, 0, 4711));
                wire.lives().await
            })
        }),
        Case::must("ping/without-flags", PING, "A ping without flags does no harm", |wire| {
            Box::pin(async move {
                wire.send(Header::new(kind::PING, 0, 0, 1));
                wire.lives_or_ends().await
            })
        }),
        Case::must("ping/with-a-stream-id", PING, "A ping with a stream id does no harm", |wire| {
            Box::pin(async move {
                wire.send(Header::new(kind::PING, flag::SYN, 5, 1));
                wire.lives_or_ends().await
            })
        }),
    ]
}
