//! How streams begin (spec: Opening a stream).

use anyhow::ensure;

use super::bytes;
use crate::{
    conformance::case::{Case, Outcome},
    frame::{Header, INITIAL_WINDOW, flag, kind},
};

const OPENING: &str = "Opening a stream";
const STREAM_ID: &str = "StreamID Field";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = ways();
    cases.extend(combinations());
    cases.extend(ids());
    cases.extend(violations());
    cases.extend(crowds());
    cases
}

fn ways() -> Vec<Case> {
    vec![
        Case::must(
            "opening/update-with-syn",
            OPENING,
            "A Window Update may open a stream",
            |wire| Box::pin(async move { wire.echo(wire.id(0), b"hello").await }),
        ),
        Case::must("opening/data-with-syn", OPENING, "Data may open a stream", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.data(id, flag::SYN, b"hello");
                wire.fin(id);
                wire.want_echo(id, b"hello").await
            })
        }),
        Case::must(
            "opening/empty-data-with-syn",
            OPENING,
            "Empty Data may open a stream",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.data(id, flag::SYN, b"");
                    wire.data(id, 0, b"hello");
                    wire.fin(id);
                    wire.want_echo(id, b"hello").await
                })
            },
        ),
        Case::should(
            "opening/silent-stream-is-acknowledged",
            OPENING,
            "A stream is acknowledged even if nobody sends on it",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.until("ACK", |wire| wire.seen(id).acks > 0).await?;
                    Ok(Outcome::Passed)
                })
            },
        ),
        Case::must("opening/one-ack", OPENING, "A stream is acknowledged exactly once", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.open(id);
                wire.data(id, 0, b"hello");
                wire.until("an echo", |wire| wire.received(id) == 5).await?;
                wire.fin(id);
                wire.want_echo(id, b"hello").await?;
                wire.barrier().await?;
                let acks = wire.seen(id).acks;
                ensure!(acks == 1, "expected one frame with ACK, got {acks}");
                Ok(Outcome::Passed)
            })
        }),
    ]
}

fn combinations() -> Vec<Case> {
    vec![
        Case::must("opening/syn-and-fin", OPENING, "SYN and FIN may share a frame", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.update(id, flag::SYN | flag::FIN, 0);
                wire.want_echo(id, b"").await
            })
        }),
        // As for closing/fin-with-body: a reader of Go's may be told of the end before the body is there.
        Case::should(
            "opening/syn-and-fin-and-body",
            OPENING,
            "SYN, FIN and a body may share a frame, and all of the body counts",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.data(id, flag::SYN | flag::FIN, b"all at once");
                    wire.want_echo(id, b"all at once").await
                })
            },
        ),
        Case::must(
            "opening/syn-and-rst",
            OPENING,
            "A stream that is reset by its first frame does no harm",
            |wire| {
                Box::pin(async move {
                    wire.update(wire.id(0), flag::SYN | flag::RST, 0);
                    wire.lives().await
                })
            },
        ),
        Case::must(
            "opening/data-before-ack",
            OPENING,
            "Data and FIN may come before the stream is acknowledged",
            |wire| Box::pin(async move { wire.echo(wire.id(0), &bytes(100_000)).await }),
        ),
        Case::must(
            "opening/ack-of-nothing",
            OPENING,
            "ACK for a stream that nobody opened does no harm",
            |wire| {
                Box::pin(async move {
                    wire.update(wire.foreign_id(0), flag::ACK, 0);
                    wire.lives_or_ends().await
                })
            },
        ),
    ]
}

fn ids() -> Vec<Case> {
    vec![
        Case::must("opening/ids-out-of-order", STREAM_ID, "Ids need not come in order", |wire| {
            Box::pin(async move {
                for n in [2, 0, 1] {
                    wire.echo(wire.id(n), b"in any order").await?;
                }
                Ok(Outcome::Passed)
            })
        }),
        Case::must("opening/ids-with-gaps", STREAM_ID, "Ids may be left out", |wire| {
            Box::pin(async move {
                for n in [0, 50, 5_000_000] {
                    wire.echo(wire.id(n), b"with gaps").await?;
                }
                Ok(Outcome::Passed)
            })
        }),
        Case::should("opening/largest-id", STREAM_ID, "Every id is valid up to the last", |wire| {
            Box::pin(async move { wire.echo(wire.largest_id(), b"the last").await })
        }),
        Case::must(
            "opening/id-used-again",
            STREAM_ID,
            "An id that is used again after its stream has ended does no harm",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.echo(id, b"once").await?;
                    wire.open(id);
                    wire.lives_or_ends().await
                })
            },
        ),
    ]
}

fn violations() -> Vec<Case> {
    vec![
        Case::must(
            "opening/duplicate-id",
            STREAM_ID,
            "SYN for a live id ends the session",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.open(id);
                    wire.want_end().await
                })
            },
        ),
        Case::must(
            "opening/duplicate-id-with-data",
            STREAM_ID,
            "SYN for a live id ends the session, on Data too",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.data(id, flag::SYN, b"first");
                    wire.data(id, flag::SYN, b"second");
                    wire.want_end().await
                })
            },
        ),
        Case::should(
            "opening/wrong-parity",
            STREAM_ID,
            "SYN with an id of the endpoint's own side ends the session",
            |wire| {
                Box::pin(async move {
                    wire.open(wire.foreign_id(0));
                    wire.want_end().await
                })
            },
        ),
        Case::should("opening/id-0", STREAM_ID, "SYN with id 0 ends the session", |wire| {
            Box::pin(async move {
                wire.open(0);
                wire.want_end().await
            })
        }),
        Case::must(
            "opening/body-beyond-window",
            "CVE-2026-32314",
            "SYN with a body longer than the window ends the session",
            |wire| {
                Box::pin(async move {
                    wire.data(wire.id(0), flag::SYN, &bytes(INITIAL_WINDOW as usize + 1));
                    wire.want_end().await
                })
            },
        ),
        Case::must(
            "opening/declared-length-beyond-window",
            "CVE-2026-32314",
            "The length is judged by the header, before the body comes",
            |wire| {
                Box::pin(async move {
                    wire.send(Header::new(kind::DATA, flag::SYN, wire.id(0), u32::MAX));
                    while wire.next().await? != crate::conformance::wire::Received::End {}
                    Ok(Outcome::Passed)
                })
            },
        ),
    ]
}

fn crowds() -> Vec<Case> {
    vec![
        Case::must("opening/hundred-streams", OPENING, "Many streams are open at once", |wire| {
            Box::pin(async move {
                for n in 0..100 {
                    wire.open(wire.id(n));
                    wire.data(wire.id(n), 0, b"one of many");
                }
                wire.until("100 echoes", |wire| (0..100).all(|n| wire.received(wire.id(n)) == 11))
                    .await?;
                for n in 0..100 {
                    wire.fin(wire.id(n));
                }
                for n in 0..100 {
                    wire.want_echo(wire.id(n), b"one of many").await?;
                }
                Ok(Outcome::Passed)
            })
        }),
        Case::should(
            "opening/refusals-are-per-stream",
            "Go: incomingStream",
            "Too many streams are refused one by one, and the others go on",
            |wire| {
                Box::pin(async move {
                    let first = wire.id(0);
                    wire.open(first);
                    for n in 1..2000 {
                        wire.open(wire.id(n));
                    }
                    wire.barrier().await?;
                    wire.data(first, 0, b"still here");
                    wire.fin(first);
                    let outcome = wire.want_echo(first, b"still here").await;
                    // hashicorp/yamux spins for minutes when a session ends with so many streams.
                    for n in 1..2000 {
                        wire.update(wire.id(n), flag::RST, 0);
                    }
                    wire.lives_or_ends().await.and(outcome)
                })
            },
        ),
    ]
}
