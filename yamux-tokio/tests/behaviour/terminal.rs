//! Every way in which things end, against every call that can be waiting: all of them resolve.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::Poll;

use super::pipe::{End, pipe};
use super::run;
use crate::runtime::prelude::*;
use crate::runtime::{
    self, Session, Stream, finish, spawn,
    yamux::{Config, GoAwayCode, Side},
};
use yamux_proto::{Flags, Frame, StreamId};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    Fin,
    RstOnData,
    RstOnWindowUpdate,
    GoAwayNormal,
    GoAwayError,
    TransportEof,
    TransportError,
    Close,
    Abort,
    DriverDropped,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Read,
    Write,
    Flush,
    Shutdown,
    Open,
    Accept,
    Ping,
    Closed,
}

/// What a waiting call comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// It succeeds.
    Fine,
    /// It fails, with this kind of error.
    Fails(ErrorKind),
    /// Nothing has ended for it.
    Waits,
}

use Call::{Accept, Closed, Flush, Open, Ping, Read, Shutdown, Write};
use Outcome::{Fails, Fine, Waits};

const CAUSES: [Cause; 10] = [
    Cause::Fin,
    Cause::RstOnData,
    Cause::RstOnWindowUpdate,
    Cause::GoAwayNormal,
    Cause::GoAwayError,
    Cause::TransportEof,
    Cause::TransportError,
    Cause::Close,
    Cause::Abort,
    Cause::DriverDropped,
];
const CALLS: [Call; 8] = [Read, Write, Flush, Shutdown, Open, Accept, Ping, Closed];

fn expected(cause: Cause, call: Call) -> Outcome {
    match (cause, call) {
        (Cause::Fin, Read) => Fine,
        (Cause::RstOnData | Cause::RstOnWindowUpdate, Read | Write | Flush | Shutdown) => {
            Fails(ErrorKind::ConnectionReset)
        }
        (Cause::Fin | Cause::RstOnData | Cause::RstOnWindowUpdate, _) => Waits,
        (Cause::GoAwayNormal, Open) => Fails(ErrorKind::ConnectionRefused),
        (Cause::GoAwayNormal, _) => Waits,
        // The transport is full and stays so: what was written cannot be delivered in time.
        (Cause::Close, Write | Flush | Shutdown) => Fails(ErrorKind::TimedOut),
        (Cause::Close, _) => Fails(ErrorKind::NotConnected),
        (
            Cause::GoAwayError
            | Cause::TransportEof
            | Cause::TransportError
            | Cause::Abort
            | Cause::DriverDropped,
            _,
        ) => Fails(ErrorKind::NotConnected),
    }
}

/// A session over a transport that takes no more than a few frames.
struct Scene {
    session: Session,
    driver: Option<runtime::Task>,
    peer: End,
}

type Waiting = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

impl Scene {
    /// A scene, and the call under test, made and waiting.
    async fn set(call: Call) -> (Self, Waiting) {
        let (near, peer) = pipe(100);
        let patience = std::time::Duration::from_millis(50);
        let config = Config::builder().close_timeout(patience).build().unwrap();
        let (session, driver) = runtime::with_driver(near, Side::Client, config);
        let driver = Some(runtime::task(driver));
        let stream = session.open().await.unwrap();
        peer.stream_with(Flags::SYN).await;
        let mut waiting = waiting(call, session.clone(), stream);
        assert!(poll(&mut waiting).await.is_none(), "{call:?} does not wait");
        (Self { session, driver, peer }, waiting)
    }

    async fn bring_about(&mut self, cause: Cause) {
        let stream = StreamId::new(1).unwrap();
        let frame = match cause {
            Cause::Fin => Frame::WindowUpdate { stream, flags: Flags::FIN, delta: 0 },
            Cause::RstOnData => Frame::Data { stream, flags: Flags::RST, length: 0 },
            Cause::RstOnWindowUpdate => Frame::WindowUpdate { stream, flags: Flags::RST, delta: 5 },
            Cause::GoAwayNormal => Frame::GoAway { code: GoAwayCode::NORMAL },
            Cause::GoAwayError => Frame::GoAway { code: GoAwayCode::INTERNAL_ERROR },
            Cause::TransportEof => return self.peer.close_write(),
            Cause::TransportError => return self.peer.fail(ErrorKind::ConnectionReset),
            Cause::Close => {
                let session = self.session.clone();
                let _detached = spawn(async move { session.close().await });
                return;
            }
            Cause::Abort => return self.session.abort(),
            Cause::DriverDropped => return runtime::cancel(self.driver.take().unwrap()).await,
        };
        self.peer.send_frame(frame).await;
    }

    /// Waits until the session has processed what the peer has sent.
    async fn settle(&mut self) {
        self.peer.send_frame(Frame::Ping { request: true, value: 1 }).await;
        while self.session.stats().pings_received == 0 {
            runtime::pause().await;
        }
    }
}

/// A call that has to wait; it owns all of the stream, so that nothing ends by being dropped.
fn waiting(call: Call, session: Session, stream: Stream) -> Waiting {
    let (mut recv, mut send) = stream.into_split();
    Box::pin(async move {
        let mut others = Vec::new();
        let result = match call {
            Read => recv.read(&mut [0]).await.map(drop),
            // The whole window, and one byte more.
            Write => send.write_all(&[0; 262_145]).await,
            // More than the transport takes, and no more than the window.
            Flush => {
                send.write_all(&[0; 10_000]).await?;
                send.flush().await
            }
            Shutdown => {
                send.write_all(&[0; 10_000]).await?;
                finish(&mut send).await
            }
            Open => loop {
                match session.open().await {
                    Ok(stream) => others.push(stream),
                    Err(error) => break Err(error.into()),
                }
            },
            Accept => session.accept().await.map(drop).map_err(Into::into),
            Ping => session.ping().await.map(drop).map_err(Into::into),
            Closed => Err(session.closed().await.into()),
        };
        drop((recv, send, others));
        result
    })
}

/// Polls a future once, with this task's waker.
async fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn outcome(result: Option<io::Result<()>>) -> Outcome {
    match result {
        None => Waits,
        Some(Ok(())) => Fine,
        Some(Err(error)) => Fails(error.kind()),
    }
}

#[test]
fn every_call_learns_of_every_end() {
    run(async {
        for cause in CAUSES {
            for call in CALLS {
                let (mut scene, mut waiting) = Scene::set(call).await;
                scene.bring_about(cause).await;
                let expected = expected(cause, call);
                let result = if expected == Waits {
                    scene.settle().await;
                    poll(&mut waiting).await
                } else {
                    Some(waiting.await)
                };
                assert_eq!(outcome(result), expected, "{call:?} after {cause:?}");
            }
        }
    });
}
