//! Sessions: opening, accepting, pings, statistics.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream as _;

use super::{pair, raw, run};
use crate::runtime::prelude::*;
use crate::runtime::{
    Session, finish, spawn,
    yamux::{SessionError, Side, StreamError, StreamId},
};
use yamux_proto::{Flags, Frame};

/// Polls once, for nobody.
fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn handles_are_what_they_promise() {
    fn handle<T: Send + Sync + Unpin + std::fmt::Debug + 'static>(_: &T) {}
    run(async {
        let (client, server) = pair();
        handle(&client);
        handle(&client.clone());
        let stream = client.open().await.unwrap();
        handle(&stream);
        let (recv, send) = stream.into_split();
        handle(&recv);
        handle(&send);
        assert_eq!((client.side(), server.side()), (Side::Client, Side::Server));
        assert_eq!(recv.id(), send.id());
        assert_eq!(recv.id().to_string(), "1");
        assert_eq!(format!("{recv:?} {send:?}"), "RecvHalf { id: 1, .. } SendHalf { id: 1, .. }");
        let open = "Session { side: Client, streams: 1, closed: None }";
        assert_eq!(format!("{client:?}"), open);
    });
}

#[test]
fn the_reason_of_an_end_can_be_looked_at() {
    run(async {
        let (client, server) = pair();
        let mut reset = client.open().await.unwrap();
        reset.write_all(b"request").await.unwrap();
        let (mut finished, open) = (client.open().await.unwrap(), client.open().await.unwrap());
        let mut at_server = server.accept().await.unwrap();
        assert!(at_server.close_reason().is_none());
        reset.reset(3);
        finish(&mut finished).await.unwrap();
        drop(server.accept().await.unwrap());
        client.ping().await.unwrap();
        server.ping().await.unwrap();
        assert!(matches!(reset.close_reason(), Some(StreamError::ResetLocally(3))));
        assert!(matches!(at_server.close_reason(), Some(StreamError::Reset(3))));
        assert!(matches!(at_server.closed().await, StreamError::Reset(3)));
        assert!(matches!(finished.close_reason(), Some(StreamError::Finished)));
        assert!(open.close_reason().is_none());

        assert!(client.close_reason().is_none() && server.close_reason().is_none());
        client.abort();
        assert!(matches!(client.close_reason(), Some(SessionError::Closed)));
        assert!(matches!(open.close_reason(), Some(StreamError::Session(SessionError::Closed))));
        assert!(matches!(finished.close_reason(), Some(StreamError::Finished)), "as it was");
    });
}

#[test]
fn open_waits_for_room_in_the_peers_backlog() {
    run(async {
        let (client, server) = pair();
        let mut streams = Vec::new();
        for _ in 0..256 {
            streams.push(client.open().await.unwrap());
        }
        assert!(poll(client.open()).is_pending());
        let accepted = server.accept().await.unwrap();
        streams.push(client.open().await.unwrap());
        assert_eq!(streams.len(), 257);
        drop(accepted);
    });
}

#[test]
fn many_wait_to_open_and_none_is_forgotten() {
    run(async {
        let (client, server) = pair();
        let acceptor = spawn(async move {
            for _ in 0..2000 {
                drop(server.accept().await.unwrap());
            }
            server
        });
        let opens: Vec<_> = (0..2000)
            .map(|_| {
                let client = client.clone();
                spawn(async move { drop(client.open().await.unwrap()) })
            })
            .collect();
        for open in opens {
            open.await;
        }
        acceptor.await;
    });
}

#[test]
fn a_cancelled_accept_passes_its_turn_on() {
    run(async {
        let (client, server) = pair();
        let (first, second) = (server.clone(), server.clone());
        let mut cancelled = Box::pin(async move { first.accept().await });
        assert!(poll(cancelled.as_mut()).is_pending());
        let waiting = spawn(async move { second.accept().await.map(|stream| stream.id()) });
        let stream = client.open().await.unwrap();
        client.ping().await.unwrap();
        drop(cancelled);
        assert_eq!(waiting.await.unwrap(), stream.id());
    });
}

#[test]
fn a_ping_measures_a_round_trip() {
    run(async {
        let (client, server) = pair();
        let rtt = client.ping().await.unwrap();
        assert!(rtt < std::time::Duration::from_secs(60));
        assert!(client.rtt().is_some());
        let pings: Vec<_> = (0..50)
            .map(|_| {
                let server = server.clone();
                spawn(async move { server.ping().await.unwrap() })
            })
            .collect();
        for ping in pings {
            ping.await;
        }
    });
}

#[test]
fn incoming_yields_streams_and_ends_after_a_clean_close() {
    run(async {
        let (client, server) = pair();
        let opener = spawn(async move {
            for _ in 0..3 {
                let mut stream = client.open().await.unwrap();
                stream.write_all(b"!").await.unwrap();
            }
            client.close().await.unwrap();
        });
        let mut incoming = pin!(server.incoming());
        let mut ids = Vec::new();
        while let Some(stream) = std::future::poll_fn(|cx| incoming.as_mut().poll_next(cx)).await {
            ids.push(stream.unwrap().id().get());
        }
        assert_eq!(ids, [1, 3, 5]);
        opener.await;
    });
}

#[test]
fn the_statistics_tell_what_happened() {
    run(async {
        let (client, server) = pair();
        let mut stream = client.open().await.unwrap();
        stream.write_all(&[7; 1000]).await.unwrap();
        let mut far = server.accept().await.unwrap();
        far.read_exact(&mut [0; 1000]).await.unwrap();
        let (sent, received) = (client.stats(), server.stats());
        assert_eq!((sent.streams_opened, received.streams_accepted), (1, 1));
        assert_eq!((sent.data_sent, received.data_received), (1000, 1000));
        assert!(sent.bytes_sent > 1000 && received.frames_received >= 2);
        assert_eq!((sent.streams, client.num_streams()), (1, 1));
    });
}

#[test]
fn a_cancelled_read_loses_nothing() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        let mut far = server.accept().await.unwrap();
        let mut text = [0; 4];
        assert!(poll(far.read(&mut text)).is_pending());
        assert!(poll(far.read_chunk(10)).is_pending());
        near.write_all(b"text").await.unwrap();
        far.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"text");
    });
}

#[test]
fn after_go_away_the_peer_cannot_open_and_streams_live_on() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        let mut far = server.accept().await.unwrap();
        assert!(client.can_open());
        server.go_away().await.unwrap();
        // Data goes out behind Go Away; a ping may pass it.
        far.write_all(b"gone").await.unwrap();
        near.read_exact(&mut [0; 4]).await.unwrap();
        assert!(!client.can_open() && server.can_open());
        let error = client.open().await.unwrap_err();
        assert!(matches!(error, SessionError::Refused), "{error}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionRefused);
        near.write_all(b"still here").await.unwrap();
        let mut text = [0; 10];
        far.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"still here");
        let mut other = server.open().await.expect("the side that went away still opens");
        other.write_all(b"!").await.unwrap();
        assert_eq!(client.accept().await.unwrap().id(), other.id());
        server.abort();
        assert!(!server.can_open());
    });
}

#[test]
fn after_its_own_go_away_a_side_accepts_what_had_come_and_no_more() {
    run(async {
        let (client, server) = pair();
        let waiting = [server.clone(), server.clone()]
            .map(|server| spawn(async move { server.accept().await.map(|stream| stream.id()) }));
        let first = client.open().await.unwrap();
        client.ping().await.unwrap();
        server.go_away().await.unwrap();
        let mut accepted = Vec::new();
        for waiter in waiting {
            accepted.push(waiter.await);
        }
        accepted.sort_by_key(Result::is_err);
        assert_eq!(*accepted[0].as_ref().unwrap(), first.id());
        assert!(matches!(accepted[1], Err(SessionError::Closed)));
        assert!(matches!(server.accept().await, Err(SessionError::Closed)));
        let mut incoming = server.incoming();
        let next = std::future::poll_fn(|cx| pin!(&mut incoming).poll_next(cx)).await;
        assert!(next.is_none());
        assert!(!server.is_closed());
    });
}

#[test]
fn a_stream_refused_by_the_peer_is_reset() {
    run(async {
        let (client, peer) = raw(1 << 20);
        let mut stream = client.open().await.unwrap();
        let number = peer.stream_with(Flags::SYN).await;
        let id = StreamId::new(number).unwrap();
        peer.send_frame(Frame::WindowUpdate { stream: id, flags: Flags::RST, delta: 0 }).await;
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(!client.is_closed());
    });
}

#[test]
fn a_session_is_shared_by_its_clones() {
    run(async {
        let (client, server) = pair();
        let clone: Session = client.clone();
        drop(client);
        drop(clone.open().await.unwrap());
        drop(server.accept().await.unwrap());
        assert!(!server.is_closed());
    });
}
