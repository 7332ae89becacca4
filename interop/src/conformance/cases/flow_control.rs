//! Windows (spec: Flow Control).

use anyhow::{Result, ensure};

use super::{WINDOW, bytes};
use crate::{
    conformance::{
        case::{Case, Outcome},
        wire::Wire,
    },
    frame::flag,
};

const FLOW: &str = "Flow Control";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = receiving();
    cases.extend(sending());
    cases.extend(grants());
    cases.extend(overflows());
    cases
}

fn receiving() -> Vec<Case> {
    vec![
        Case::must(
            "flow-control/exactly-the-initial-window",
            FLOW,
            "262,144 bytes are taken before any Window Update",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    let body = bytes(WINDOW);
                    wire.open(id);
                    for part in body.chunks(WINDOW / 4) {
                        wire.data(id, 0, part);
                    }
                    wire.fin(id);
                    wire.want_echo(id, &body).await
                })
            },
        ),
        Case::must(
            "flow-control/update-when-consumed",
            FLOW,
            "A window that was consumed is granted again",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.data(id, 0, &bytes(WINDOW));
                    wire.until("a Window Update of at least half a window", |wire| {
                        wire.seen(id).granted >= WINDOW as u64 / 2
                    })
                    .await?;
                    Ok(Outcome::Passed)
                })
            },
        ),
        Case::must(
            "flow-control/four-windows",
            FLOW,
            "A stream carries more than its window, as updates allow",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    let body = bytes(4 * WINDOW);
                    wire.update(id, flag::SYN, 3 * WINDOW as u32);
                    send_within_window(wire, id, &body).await?;
                    wire.fin(id);
                    wire.want_echo(id, &body).await
                })
            },
        ),
    ]
}

/// Sends `body` in frames of up to 32 KiB, as far as the endpoint has granted.
async fn send_within_window(wire: &mut Wire, id: u32, body: &[u8]) -> Result<()> {
    let mut sent = 0;
    while sent < body.len() {
        let allowed = WINDOW + wire.seen(id).granted as usize - sent;
        let length = allowed.min(32 * 1024).min(body.len() - sent);
        if length == 0 {
            let before = wire.seen(id).granted;
            wire.until("a Window Update", |wire| wire.seen(id).granted > before).await?;
            continue;
        }
        wire.data(id, 0, &body[sent..sent + length]);
        sent += length;
    }
    Ok(())
}

fn sending() -> Vec<Case> {
    vec![
        Case::must(
            "flow-control/stops-at-the-window",
            FLOW,
            "An endpoint sends 262,144 bytes before any Window Update, and not one more",
            |wire| {
                Box::pin(async move {
                    let (id, body) = blocked(wire, WINDOW + 10_000).await?;
                    // More than was granted is an error of the wire.
                    wire.barrier().await?;
                    wire.barrier().await?;
                    wire.update(id, 0, 10_000);
                    wire.fin(id);
                    wire.want_echo(id, &body).await
                })
            },
        ),
        Case::must(
            "flow-control/others-flow",
            FLOW,
            "A stream without window does not hold up others",
            |wire| {
                Box::pin(async move {
                    let (id, body) = blocked(wire, WINDOW + 1000).await?;
                    for n in 1..10 {
                        wire.echo(wire.id(n), &bytes(50_000)).await?;
                    }
                    wire.update(id, 0, 1000);
                    wire.fin(id);
                    wire.want_echo(id, &body).await
                })
            },
        ),
        Case::should(
            "flow-control/one-byte-grants",
            FLOW,
            "Even the smallest grants are used in the end",
            |wire| {
                Box::pin(async move {
                    let (id, _) = blocked(wire, WINDOW + 1000).await?;
                    for _ in 0..10 {
                        wire.update(id, 0, 1);
                    }
                    wire.until("10 bytes for 10 grants", |wire| wire.received(id) == WINDOW + 10)
                        .await?;
                    Ok(Outcome::Passed)
                })
            },
        ),
    ]
}

/// Opens a stream, has `length` bytes echoed, and waits until the window of the endpoint is used up.
async fn blocked(wire: &mut Wire, length: usize) -> Result<(u32, Vec<u8>)> {
    let id = wire.id(0);
    let body = bytes(length);
    wire.open(id);
    send_within_window(wire, id, &body).await?;
    wire.until("a whole window of Data", |wire| wire.received(id) >= WINDOW).await?;
    ensure!(wire.received(id) == WINDOW, "more than a window of Data came");
    Ok((id, body))
}

fn grants() -> Vec<Case> {
    vec![
        Case::must(
            "flow-control/grant-with-syn",
            FLOW,
            "The length of the Window Update that opens a stream adds to the window",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    let body = bytes(WINDOW + 100_000);
                    wire.update(id, flag::SYN, 100_000);
                    send_within_window(wire, id, &body).await?;
                    wire.fin(id);
                    wire.want_echo(id, &body).await
                })
            },
        ),
        Case::must("flow-control/grant-of-0", FLOW, "A grant of 0 does no harm", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.open(id);
                wire.update(id, 0, 0);
                wire.data(id, 0, b"hello");
                wire.fin(id);
                wire.want_echo(id, b"hello").await
            })
        }),
        Case::must(
            "flow-control/grant-after-own-fin",
            FLOW,
            "Grants count after the FIN of the side that grants",
            |wire| {
                Box::pin(async move {
                    let (id, body) = blocked(wire, WINDOW + 5000).await?;
                    wire.fin(id);
                    wire.barrier().await?;
                    wire.update(id, 0, 5000);
                    wire.want_echo(id, &body).await
                })
            },
        ),
        Case::must(
            "flow-control/grant-for-an-ended-stream",
            FLOW,
            "A late grant, for a stream that has ended, does no harm",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.echo(id, b"hello").await?;
                    wire.update(id, 0, 5000);
                    wire.lives().await
                })
            },
        ),
        Case::must(
            "flow-control/grant-for-an-unknown-stream",
            FLOW,
            "A grant for a stream that never was does no harm",
            |wire| {
                Box::pin(async move {
                    wire.update(wire.id(7), 0, 5000);
                    wire.lives().await
                })
            },
        ),
    ]
}

fn overflows() -> Vec<Case> {
    vec![
        Case::should(
            "flow-control/overflow",
            "CVE-2026-31814",
            "Grants beyond 32 bits end the session",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.update(id, 0, u32::MAX);
                    wire.update(id, 0, u32::MAX);
                    wire.want_end().await
                })
            },
        ),
        Case::should(
            "flow-control/overflow-with-syn",
            "CVE-2026-31814",
            "A grant beyond 32 bits ends the session, with SYN too",
            |wire| {
                Box::pin(async move {
                    wire.update(wire.id(0), flag::SYN, u32::MAX);
                    wire.want_end().await
                })
            },
        ),
        Case::must(
            "flow-control/overflow-does-no-harm",
            "CVE-2026-31814",
            "Grants beyond 32 bits neither hang nor crash the endpoint",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    for _ in 0..5 {
                        wire.update(id, 0, u32::MAX);
                    }
                    wire.data(id, 0, b"hello");
                    wire.lives_or_ends().await
                })
            },
        ),
    ]
}
