//! The end of sessions: close, abort, drop.

use std::future::{Future as _, poll_fn};
use std::io;
use std::task::Poll;

use super::{pair, pattern, raw, run};
use crate::runtime::prelude::*;
use crate::runtime::{finish, spawn, yamux::SessionError};
use yamux_proto::{Flags, Frame, GoAwayCode, StreamId};

#[test]
fn close_is_clean_on_both_sides() {
    run(async {
        let (client, server) = pair();
        let waiting = spawn({
            let server = server.clone();
            async move { server.accept().await }
        });
        client.close().await.unwrap();
        assert!(matches!(client.closed().await, SessionError::Closed));
        assert!(matches!(server.closed().await, SessionError::ClosedByPeer));
        assert!(matches!(waiting.await, Err(SessionError::ClosedByPeer)));
        assert!(matches!(client.open().await, Err(SessionError::Closed)));
        assert!(client.is_closed() && server.is_closed());
        server.close().await.expect("closing what is closed");
    });
}

#[test]
fn both_sides_may_close_at_once() {
    run(async {
        let (client, server) = pair();
        let other = spawn(async move { server.close().await });
        client.close().await.unwrap();
        other.await.unwrap();
    });
}

#[test]
fn close_waits_for_the_peer_to_end_what_was_finished() {
    run(async {
        let (client, peer) = raw(1 << 20);
        let mut stream = client.open().await.unwrap();
        stream.write_all(b"last words").await.unwrap();
        finish(&mut stream).await.unwrap();
        let closing = spawn({
            let client = client.clone();
            async move { client.close().await }
        });
        let id = StreamId::new(peer.stream_with(Flags::FIN).await).unwrap();
        // A pong shows that everything before it was said: Go Away was not.
        peer.send_frame(Frame::Ping { request: true, value: 99 }).await;
        loop {
            match peer.frame().await.unwrap().0 {
                Frame::Ping { request: false, value: 99 } => break,
                Frame::GoAway { .. } => panic!("Go Away came before the stream's end"),
                Frame::Ping { .. } | Frame::Data { .. } | Frame::WindowUpdate { .. } => {}
            }
        }
        peer.send_frame(Frame::WindowUpdate { stream: id, flags: Flags::FIN, delta: 0 }).await;
        assert_eq!(peer.frame().await.unwrap().0, Frame::GoAway { code: GoAwayCode::NORMAL });
        assert!(peer.frame().await.is_none(), "the transport is half-closed");
        peer.close_write();
        closing.await.unwrap();
    });
}

#[test]
fn close_tells_of_what_a_peer_that_left_before_may_not_have_read() {
    run(async {
        let (client, peer) = raw(1 << 20);
        let mut stream = client.open().await.unwrap();
        stream.write_all(b"did you get this?").await.unwrap();
        finish(&mut stream).await.unwrap();
        drop(stream);
        peer.stream_with(Flags::FIN).await;
        peer.send_frame(Frame::GoAway { code: GoAwayCode::NORMAL }).await;
        peer.close_write();
        assert!(matches!(client.closed().await, SessionError::ClosedByPeer));
        assert!(matches!(client.close().await, Err(SessionError::ClosedByPeer)));
    });
}

#[test]
fn a_close_that_is_aborted_with_something_to_deliver_says_so() {
    run(async {
        let (client, _peer) = raw(1 << 20);
        let mut stream = client.open().await.unwrap();
        stream.write_all(b"did you get this?").await.unwrap();
        finish(&mut stream).await.unwrap();
        let mut closing = Box::pin(client.close());
        let waits = poll_fn(|cx| Poll::Ready(closing.as_mut().poll(cx).is_pending())).await;
        assert!(waits, "the peer has not ended the stream");
        client.abort();
        assert!(matches!(closing.await, Err(SessionError::Closed)));
    });
}

#[test]
fn a_session_that_is_aborted_can_be_closed() {
    run(async {
        let (client, _server) = pair();
        client.open().await.unwrap().write_all(b"who cares").await.unwrap();
        client.abort();
        client.close().await.unwrap();
    });
}

#[test]
fn who_only_wants_to_hear_of_the_end_does_not_put_it_off() {
    run(async {
        let (client, server) = pair();
        let ended = spawn(client.on_closed());
        let unheard = client.on_closed();
        drop(client);
        assert!(matches!(ended.await, SessionError::Closed));
        assert!(matches!(server.closed().await, SessionError::ClosedByPeer));
        assert!(matches!(unheard.await, SessionError::Closed), "however late");
    });
}

#[test]
fn an_aborted_session_ends_now() {
    run(async {
        let (client, server) = pair();
        let mut stream = client.open().await.unwrap();
        client.abort();
        assert!(matches!(client.closed().await, SessionError::Closed));
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        server.closed().await;
    });
}

#[test]
fn the_last_handle_closes_the_session() {
    run(async {
        let (client, server) = pair();
        let mut stream = client.open().await.unwrap();
        drop(client);
        let mut far = server.accept().await.unwrap();
        stream.write_all(b"the stream keeps the session").await.unwrap();
        let mut text = [0; 28];
        far.read_exact(&mut text).await.unwrap();
        drop(far);
        drop(stream);
        assert!(matches!(server.closed().await, SessionError::ClosedByPeer));
    });
}

#[test]
fn what_was_received_is_read_before_the_end_of_the_session() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        let mut far = server.accept().await.unwrap();
        near.write_all(&pattern(5, 100_000)).await.unwrap();
        near.flush().await.unwrap();
        server.ping().await.unwrap();
        client.abort();
        server.closed().await;
        let mut data = vec![0; 100_000];
        far.read_exact(&mut data).await.unwrap();
        assert!(data == pattern(5, 100_000));
        let error = far.read(&mut data).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    });
}

#[test]
fn a_go_away_with_a_code_ends_the_session_with_it() {
    run(async {
        let (client, peer) = raw(1 << 20);
        peer.send_frame(Frame::GoAway { code: GoAwayCode(42) }).await;
        let cause = client.closed().await;
        assert!(matches!(cause, SessionError::GoAway(GoAwayCode(42))), "{cause}");
        let error = client.close().await.unwrap_err();
        assert!(matches!(error, SessionError::GoAway(_)), "{error}");
    });
}
