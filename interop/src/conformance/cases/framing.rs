//! How frames look (spec: Framing).

use super::{WINDOW, bytes};
use crate::{
    conformance::case::{Case, Outcome},
    frame::{Header, flag, kind},
};

const FRAMING: &str = "Framing";
const VERSION: &str = "Version Field";
const TYPE: &str = "Type Field";
const FLAG: &str = "Flag Field";
const STREAM_ID: &str = "StreamID Field";
const UNKNOWN_FLAG: u16 = 0x0100;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = headers();
    cases.extend(flags());
    cases.extend(pieces());
    cases.extend(lengths());
    cases
}

fn headers() -> Vec<Case> {
    vec![
        Case::must("framing/version-1", VERSION, "Any version but 0 ends the session", |wire| {
            Box::pin(async move {
                wire.send(Header { version: 1, ..Header::new(kind::PING, flag::SYN, 0, 1) });
                wire.want_end().await
            })
        }),
        Case::must("framing/version-255", VERSION, "Any version but 0 ends the session", |wire| {
            Box::pin(async move {
                wire.send(Header { version: 255, ..Header::new(kind::DATA, flag::SYN, 1, 0) });
                wire.want_end().await
            })
        }),
        Case::must("framing/type-4", TYPE, "An unknown type ends the session", |wire| {
            Box::pin(async move {
                wire.send(Header::new(4, 0, 0, 0));
                wire.want_end().await
            })
        }),
        Case::must("framing/type-255", TYPE, "An unknown type ends the session", |wire| {
            Box::pin(async move {
                wire.send(Header::new(255, flag::SYN, 1, 0));
                wire.want_end().await
            })
        }),
        Case::must(
            "framing/data-on-stream-0",
            STREAM_ID,
            "Data on stream 0 does no harm",
            |wire| {
                Box::pin(async move {
                    wire.data(0, 0, b"nobody's");
                    wire.lives_or_ends().await
                })
            },
        ),
        Case::must(
            "framing/update-on-stream-0",
            STREAM_ID,
            "A Window Update for stream 0 does no harm",
            |wire| {
                Box::pin(async move {
                    wire.update(0, 0, 1000);
                    wire.lives_or_ends().await
                })
            },
        ),
    ]
}

fn flags() -> Vec<Case> {
    vec![
        Case::should("framing/unknown-flag-on-data", FLAG, "Unknown flags are ignored", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.open(id);
                wire.data(id, UNKNOWN_FLAG, b"flagged");
                wire.fin(id);
                wire.want_echo(id, b"flagged").await
            })
        }),
        Case::should("framing/unknown-flag-on-update", FLAG, "Unknown flags are ignored", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.update(id, flag::SYN | UNKNOWN_FLAG, 0);
                wire.data(id, 0, b"flagged");
                wire.fin(id);
                wire.want_echo(id, b"flagged").await
            })
        }),
        Case::should("framing/unknown-flag-on-ping", FLAG, "Unknown flags are ignored", |wire| {
            Box::pin(async move {
                wire.send(Header::new(kind::PING, flag::SYN | UNKNOWN_FLAG, 0, 77));
                wire.until("a pong", |wire| wire.pongs().contains(&77)).await?;
                Ok(Outcome::Passed)
            })
        }),
    ]
}

fn pieces() -> Vec<Case> {
    vec![
        Case::must(
            "framing/byte-by-byte",
            FRAMING,
            "Headers and bodies may arrive in pieces of any size",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    let mut all =
                        Header::new(kind::WINDOW_UPDATE, flag::SYN, id, 0).encode().to_vec();
                    all.extend(Header::new(kind::DATA, 0, id, 5).encode());
                    all.extend(b"split");
                    all.extend(Header::new(kind::WINDOW_UPDATE, flag::FIN, id, 0).encode());
                    for byte in all {
                        wire.raw(&[byte], "one byte");
                        tokio::task::yield_now().await;
                    }
                    wire.want_echo(id, b"split").await
                })
            },
        ),
        Case::must(
            "framing/many-in-one-write",
            FRAMING,
            "Several frames may arrive in one read",
            |wire| {
                Box::pin(async move {
                    let mut all = Vec::new();
                    for n in 0..20 {
                        let id = wire.id(n);
                        all.extend(Header::new(kind::WINDOW_UPDATE, flag::SYN, id, 0).encode());
                        all.extend(Header::new(kind::DATA, 0, id, 3).encode());
                        all.extend(b"abc");
                        all.extend(Header::new(kind::WINDOW_UPDATE, flag::FIN, id, 0).encode());
                    }
                    wire.raw(
                        &all,
                        "20 streams, each of Window Update|SYN, Data, Window Update|FIN",
                    );
                    for n in 0..20 {
                        wire.want_echo(wire.id(n), b"abc").await?;
                    }
                    Ok(Outcome::Passed)
                })
            },
        ),
        Case::must(
            "framing/end-in-a-header",
            FRAMING,
            "A transport that ends within a header ends the session",
            |wire| {
                Box::pin(async move {
                    wire.raw(&[0, 2, 0, 1, 0], "5 bytes of a header");
                    wire.end();
                    ended(wire).await
                })
            },
        ),
        Case::must(
            "framing/end-in-a-body",
            FRAMING,
            "A transport that ends within a body ends the session",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.send(Header::new(kind::DATA, 0, id, 100));
                    wire.raw(b"only this", "9 bytes of a body");
                    wire.end();
                    ended(wire).await
                })
            },
        ),
    ]
}

async fn ended(wire: &mut crate::conformance::wire::Wire) -> anyhow::Result<Outcome> {
    use crate::conformance::wire::Received;
    while wire.next().await? != Received::End {}
    Ok(Outcome::Passed)
}

fn lengths() -> Vec<Case> {
    vec![
        Case::must("framing/empty-data", "Length Field", "Data of length 0 is valid", |wire| {
            Box::pin(async move {
                let id = wire.id(0);
                wire.open(id);
                for _ in 0..10 {
                    wire.data(id, 0, b"");
                }
                wire.data(id, 0, b"after");
                wire.fin(id);
                wire.want_echo(id, b"after").await
            })
        }),
        Case::must(
            "framing/whole-window-in-one-frame",
            "Length Field",
            "A frame may be as long as the window",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    let body = bytes(WINDOW);
                    wire.data(id, 0, &body);
                    wire.fin(id);
                    wire.want_echo(id, &body).await
                })
            },
        ),
        Case::must(
            "framing/thousand-one-byte-frames",
            "Length Field",
            "A frame may be as short as one byte",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    let body = bytes(1000);
                    for byte in &body {
                        wire.data(id, 0, &[*byte]);
                    }
                    wire.fin(id);
                    wire.want_echo(id, &body).await
                })
            },
        ),
    ]
}
