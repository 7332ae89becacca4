//! How streams end (spec: Closing a stream).

use super::{WINDOW, bytes};
use crate::{
    conformance::case::{Case, Outcome},
    frame::flag,
};

const CLOSING: &str = "Closing a stream";
const STREAM_ID: &str = "StreamID Field";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = half_closes();
    cases.extend(after_fin());
    cases.extend(resets());
    cases.extend(unknown());
    cases
}

fn half_closes() -> Vec<Case> {
    vec![
        Case::must(
            "closing/half-close",
            CLOSING,
            "After FIN the other direction goes on to its own FIN",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    let body = bytes(200_000);
                    wire.open(id);
                    wire.data(id, 0, &body);
                    wire.fin(id);
                    wire.want_echo(id, &body).await
                })
            },
        ),
        Case::must("closing/fin-alone", CLOSING, "A stream may end without any data", |wire| {
            Box::pin(async move { wire.echo(wire.id(0), b"").await })
        }),
        // Go's readData of either library takes the FIN before the body: an application that reads in
        // between is told of the end, and the body is lost.
        Case::should(
            "closing/fin-with-body",
            CLOSING,
            "FIN may come on Data, and its body counts",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.data(id, 0, b"first ");
                    wire.data(id, flag::FIN, b"and last");
                    wire.want_echo(id, b"first and last").await
                })
            },
        ),
        Case::must(
            "closing/fin-on-empty-data",
            CLOSING,
            "FIN may come on Data without a body",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.data(id, 0, b"hello");
                    wire.data(id, flag::FIN, b"");
                    wire.want_echo(id, b"hello").await
                })
            },
        ),
        Case::should(
            "closing/fin-with-grant",
            CLOSING,
            "FIN may come on a Window Update that grants",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.data(id, 0, b"hello");
                    wire.update(id, flag::FIN, 1000);
                    wire.want_echo(id, b"hello").await
                })
            },
        ),
    ]
}

fn after_fin() -> Vec<Case> {
    vec![
        Case::must("closing/one-fin", CLOSING, "An endpoint sends FIN once", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.echo(id, b"hello").await?;
                wire.barrier().await?;
                wire.barrier().await?;
                let fins = wire.seen(id).fins;
                anyhow::ensure!(fins == 1, "expected one FIN, got {fins}");
                Ok(Outcome::Passed)
            })
        }),
        Case::must("closing/data-after-fin", CLOSING, "Data after FIN does no harm", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.open(id);
                wire.fin(id);
                wire.data(id, 0, b"too late");
                wire.lives_or_ends().await
            })
        }),
        Case::must("closing/second-fin", CLOSING, "A second FIN does no harm", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.open(id);
                wire.fin(id);
                wire.fin(id);
                wire.lives_or_ends().await
            })
        }),
    ]
}

fn resets() -> Vec<Case> {
    vec![
        Case::must("closing/rst-on-update", CLOSING, "RST ends one stream alone", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.open(id);
                wire.data(id, 0, b"hello");
                wire.update(id, flag::RST, 0);
                wire.lives().await
            })
        }),
        Case::must("closing/rst-on-data", CLOSING, "RST may come on Data", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.open(id);
                wire.data(id, flag::RST, b"");
                wire.lives().await
            })
        }),
        Case::must(
            "closing/rst-with-code",
            "go-yamux: sendReset",
            "The length of a Window Update with RST is a code, not a grant",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.update(id, 0, 1000);
                    wire.update(id, flag::RST, u32::MAX);
                    wire.lives().await
                })
            },
        ),
        Case::must(
            "closing/rst-of-a-blocked-stream",
            CLOSING,
            "RST ends a stream that waits for window, and its data with it",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.data(id, 0, &bytes(WINDOW));
                    wire.until("a window of Data", |wire| wire.received(id) == WINDOW).await?;
                    wire.data(id, 0, &bytes(1000));
                    wire.update(id, flag::RST, 0);
                    wire.lives().await?;
                    anyhow::ensure!(wire.received(id) == WINDOW, "Data came after RST");
                    Ok(Outcome::Passed)
                })
            },
        ),
        Case::must(
            "closing/data-after-rst",
            CLOSING,
            "What was on its way when a stream was reset is ignored",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.update(id, flag::RST, 0);
                    wire.data(id, 0, b"on its way");
                    wire.update(id, 0, 1000);
                    wire.fin(id);
                    wire.lives().await
                })
            },
        ),
    ]
}

fn unknown() -> Vec<Case> {
    vec![
        Case::must(
            "closing/data-for-an-unknown-stream",
            STREAM_ID,
            "Data for a stream that never was is read past",
            |wire| {
                Box::pin(async move {
                    wire.data(wire.id(9), 0, &bytes(5000));
                    wire.lives().await
                })
            },
        ),
        Case::must(
            "closing/fin-for-an-unknown-stream",
            STREAM_ID,
            "FIN for a stream that never was does no harm",
            |wire| {
                Box::pin(async move {
                    wire.fin(wire.id(9));
                    wire.lives().await
                })
            },
        ),
        Case::must(
            "closing/rst-for-an-unknown-stream",
            STREAM_ID,
            "RST for a stream that never was does no harm",
            |wire| {
                Box::pin(async move {
                    wire.update(wire.id(9), flag::RST, 0);
                    wire.lives().await
                })
            },
        ),
    ]
}
