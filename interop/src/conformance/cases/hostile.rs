//! Peers that mean harm: the endpoint may end the session, it may not hang or give in.

use super::{WINDOW, bytes};
use crate::{
    conformance::case::{Case, Outcome},
    frame::{Header, flag, kind},
};

const FLOOD: u32 = 3000;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = floods();
    cases.extend(silence());
    cases
}

fn floods() -> Vec<Case> {
    vec![
        Case::must(
            "hostile/rapid-reset",
            "CVE-2023-44487 (HTTP/2)",
            "Streams that are opened and reset at once do not stop the session from being served",
            |wire| {
                Box::pin(async move {
                    for n in 0..FLOOD {
                        wire.open(wire.id(n));
                        wire.update(wire.id(n), flag::RST, 0);
                    }
                    wire.lives_or_ends().await
                })
            },
        ),
        Case::must(
            "hostile/empty-data-flood",
            "CVE-2019-9518 (HTTP/2)",
            "Frames without content do not stop the session from being served",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    for _ in 0..FLOOD {
                        wire.data(id, 0, b"");
                    }
                    wire.lives_or_ends().await
                })
            },
        ),
        Case::must(
            "hostile/update-flood",
            "CVE-2019-9511 (HTTP/2)",
            "Grants of nothing do not stop the session from being served",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    for _ in 0..FLOOD {
                        wire.update(id, 0, 0);
                    }
                    wire.lives_or_ends().await
                })
            },
        ),
        Case::must(
            "hostile/pong-flood",
            "CVE-2019-9512 (HTTP/2)",
            "Pongs that nobody asked for do not stop the session from being served",
            |wire| {
                Box::pin(async move {
                    for value in 0..FLOOD {
                        wire.send(Header::new(kind::PING, flag::ACK, 0, value));
                    }
                    wire.lives_or_ends().await
                })
            },
        ),
        Case::must(
            "hostile/ping-flood",
            "CVE-2019-9512 (HTTP/2)",
            "A flood of pings does not stop the session from being served",
            |wire| {
                Box::pin(async move {
                    for value in 0..FLOOD {
                        wire.ping(value);
                    }
                    // Pongs may be left out, so another one says nothing.
                    wire.serves_or_ends().await
                })
            },
        ),
        Case::must(
            "hostile/unknown-stream-flood",
            "Go: handleStreamMessage",
            "Frames for streams that never were do not stop the session from being served",
            |wire| {
                Box::pin(async move {
                    for n in 0..FLOOD {
                        wire.data(wire.id(n), 0, b"x");
                    }
                    wire.lives_or_ends().await
                })
            },
        ),
    ]
}

fn silence() -> Vec<Case> {
    vec![
        Case::must(
            "hostile/reads-late",
            "CVE-2019-9517 (HTTP/2)",
            "A peer that reads only after it has sent everything gets everything",
            |wire| {
                Box::pin(async move {
                    let body = bytes(WINDOW);
                    for n in 0..8 {
                        wire.open(wire.id(n));
                        wire.data(wire.id(n), 0, &body);
                        wire.fin(wire.id(n));
                    }
                    for n in 0..8 {
                        wire.want_echo(wire.id(n), &body).await?;
                    }
                    Ok(Outcome::Passed)
                })
            },
        ),
        Case::must(
            "hostile/huge-window-blocked-reader",
            "CVE-2019-9517 (HTTP/2)",
            "A huge window does not make an endpoint send what it does not have",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.update(id, flag::SYN, (1 << 31) - 1 - WINDOW as u32);
                    wire.data(id, 0, b"little");
                    wire.fin(id);
                    wire.want_echo(id, b"little").await
                })
            },
        ),
        Case::must(
            "hostile/half-a-header-then-the-rest",
            "Framing",
            "Half a header keeps nobody else waiting and is finished later",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    let header = Header::new(kind::WINDOW_UPDATE, flag::SYN, id, 0).encode();
                    wire.barrier().await?;
                    wire.raw(&header[..7], "7 bytes of Window Update|SYN");
                    tokio::task::yield_now().await;
                    wire.raw(&header[7..], "the rest of it");
                    wire.data(id, 0, b"whole");
                    wire.fin(id);
                    wire.want_echo(id, b"whole").await
                })
            },
        ),
    ]
}
