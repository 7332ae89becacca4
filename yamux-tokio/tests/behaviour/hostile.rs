//! A peer that breaks the protocol: a typed error here, one Go Away there, and nobody else harmed.

use std::io;

use super::{pair, raw, run};
use crate::runtime::prelude::*;
use crate::runtime::yamux::{ProtocolError, SessionError};
use yamux_proto::{Flags, Frame, FrameError, GoAwayCode, StreamId};

fn id(number: u32) -> StreamId {
    StreamId::new(number).unwrap()
}

fn update(stream: u32, flags: Flags, delta: u32) -> Vec<u8> {
    Frame::WindowUpdate { stream: id(stream), flags, delta }.encode().to_vec()
}

fn data(stream: u32, flags: Flags, length: u32) -> Vec<u8> {
    Frame::Data { stream: id(stream), flags, length }.encode().to_vec()
}

#[test]
fn every_violation_ends_its_session_and_no_other() {
    // The session has opened stream 1; its peer may open even ids.
    let violations = [
        (vec![1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], ProtocolError::Frame(FrameError::Version(1))),
        (vec![0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], ProtocolError::Frame(FrameError::Type(9))),
        (vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], ProtocolError::Frame(FrameError::StreamZero)),
        (update(3, Flags::SYN, 0), ProtocolError::WrongParity(id(3))),
        (
            [update(2, Flags::SYN, 0), update(2, Flags::SYN, 0)].concat(),
            ProtocolError::DuplicateStream(id(2)),
        ),
        (data(2, Flags::SYN, 262_145), ProtocolError::WindowExceeded(id(2))),
        (data(1, Flags::NONE, 262_145), ProtocolError::WindowExceeded(id(1))),
        (
            [update(1, Flags::ACK, u32::MAX), update(1, Flags::NONE, u32::MAX)].concat(),
            ProtocolError::WindowOverflow(id(1)),
        ),
    ];
    run(async move {
        let (bystander, server) = pair();
        for (bytes, expected) in violations {
            let (client, peer) = raw(1 << 20);
            let mut stream = client.open().await.unwrap();
            peer.stream_with(Flags::SYN).await;
            peer.send(&bytes).await;
            // Nothing that follows is processed: neither answered nor complained about again.
            peer.send_frame(Frame::Ping { request: true, value: 1 }).await;
            peer.send(&bytes).await;

            let cause = client.closed().await;
            assert!(matches!(cause, SessionError::Protocol(error) if error == expected), "{cause}");
            let error = stream.read(&mut [0]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{expected}");
            let mut last = Vec::new();
            while let Some((frame, _)) = peer.frame().await {
                if !matches!(frame, Frame::Ping { request: true, .. }) {
                    last.push(frame);
                }
            }
            assert_eq!(last, [Frame::GoAway { code: GoAwayCode::PROTOCOL_ERROR }], "{expected}");
        }
        let mut near = bystander.open().await.unwrap();
        near.write_all(b"unharmed").await.unwrap();
        let mut text = [0; 8];
        server.accept().await.unwrap().read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"unharmed");
    });
}

#[test]
fn a_transport_full_of_noise_ends_the_session() {
    run(async {
        for seed in 0..50_u32 {
            let (client, peer) = raw(1 << 20);
            let noise: Vec<u8> = (0..4096_u32)
                .map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed * 7919) >> 13) as u8)
                .collect();
            peer.send(&noise).await;
            // Without the right version at its front, it is enough by itself.
            let may_begin_well = noise[0] == 0;
            if may_begin_well {
                peer.close_write();
            }
            let cause = client.closed().await;
            assert!(may_begin_well || matches!(cause, SessionError::Protocol(_)), "{cause}");
        }
    });
}
