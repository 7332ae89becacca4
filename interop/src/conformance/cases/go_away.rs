//! How sessions end (spec: Session termination, Go Away).

use anyhow::ensure;

use crate::{
    conformance::{
        case::{Case, Outcome},
        wire::Received,
    },
    frame::{Header, kind},
};

const GO_AWAY: &str = "Type Field: Go Away";
const TERMINATION: &str = "Session termination";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = codes();
    cases.extend(normal());
    cases.extend(transport());
    cases
}

fn codes() -> Vec<Case> {
    vec![
        Case::must("go-away/protocol-error", GO_AWAY, "Go Away 1 ends the session", |wire| {
            Box::pin(async move { end_with(wire, 1).await })
        }),
        Case::must("go-away/internal-error", GO_AWAY, "Go Away 2 ends the session", |wire| {
            Box::pin(async move { end_with(wire, 2).await })
        }),
        Case::should("go-away/unknown-code", GO_AWAY, "Any code but 0 ends the session", |wire| {
            Box::pin(async move { end_with(wire, 77).await })
        }),
    ]
}

async fn end_with(wire: &mut crate::conformance::wire::Wire, code: u32) -> anyhow::Result<Outcome> {
    wire.open(wire.id(0));
    wire.send(Header::new(kind::GO_AWAY, 0, 0, code));
    // Whatever is sent after it does not matter: the session is over.
    while wire.next().await? != Received::End {}
    Ok(Outcome::Passed)
}

fn normal() -> Vec<Case> {
    vec![
        Case::should(
            "go-away/streams-live-on",
            "Go: handleGoAway",
            "After Go Away 0 the streams that exist go on",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(0);
                    wire.open(id);
                    wire.data(id, 0, b"before ");
                    wire.until("an echo", |wire| wire.received(id) == 7).await?;
                    wire.send(Header::new(kind::GO_AWAY, 0, 0, 0));
                    wire.data(id, 0, b"and after");
                    wire.fin(id);
                    wire.want_echo(id, b"before and after").await
                })
            },
        ),
        Case::must(
            "go-away/new-stream-after-own-go-away",
            GO_AWAY,
            "A stream of a side that has said Go Away 0 does no harm",
            |wire| {
                Box::pin(async move {
                    wire.send(Header::new(kind::GO_AWAY, 0, 0, 0));
                    wire.open(wire.id(0));
                    wire.lives_or_ends().await
                })
            },
        ),
        Case::should(
            "go-away/one-violation-one-go-away",
            TERMINATION,
            "After a violation nothing else is processed",
            |wire| {
                Box::pin(async move {
                    let id = wire.id(1);
                    wire.send(Header::new(9, 0, 0, 0));
                    wire.send(Header::new(9, 0, 0, 0));
                    wire.ping(1);
                    wire.data(id, crate::frame::flag::SYN, b"no");
                    while wire.next().await? != Received::End {}
                    let (pongs, answered) = (wire.pongs().len(), wire.seen(id).acks);
                    ensure!(pongs == 0 && answered == 0, "a later ping or stream was answered");
                    let go_aways = wire.go_aways().len();
                    ensure!(go_aways <= 1, "expected one Go Away, got {go_aways}");
                    Ok(Outcome::Passed)
                })
            },
        ),
    ]
}

fn transport() -> Vec<Case> {
    vec![Case::must(
        "go-away/end-of-an-idle-transport",
        TERMINATION,
        "When the transport ends, the endpoint ends it too",
        |wire| {
            Box::pin(async move {
                wire.barrier().await?;
                wire.end();
                while wire.next().await? != Received::End {}
                Ok(Outcome::Passed)
            })
        },
    )]
}
