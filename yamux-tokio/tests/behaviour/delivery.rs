//! Data that was accepted arrives.

use super::{pair, pattern, run};
use crate::runtime::prelude::*;
use crate::runtime::{finish, spawn};

#[test]
fn write_finish_drop_delivers_every_byte() {
    run(async {
        for round in 0..1000 {
            let (client, server) = pair();
            let len = (round * 977) % 300_000;
            let reader = spawn(async move {
                let mut stream = server.accept().await.unwrap();
                let mut data = Vec::new();
                stream.read_to_end(&mut data).await.unwrap();
                data
            });
            let mut stream = client.open().await.unwrap();
            stream.write_all(&pattern(round as u8, len)).await.unwrap();
            finish(&mut stream).await.unwrap();
            drop(stream);
            drop(client);
            assert!(reader.await == pattern(round as u8, len), "round {round}, {len} bytes");
        }
    });
}

#[test]
fn close_delivers_what_many_streams_have_written() {
    run(async {
        let (client, server) = pair();
        let readers = spawn(async move {
            let mut total = 0;
            for _ in 0..50 {
                let mut stream = server.accept().await.unwrap();
                let mut data = Vec::new();
                stream.read_to_end(&mut data).await.unwrap();
                assert!(data == pattern(6, 100_000));
                total += data.len();
            }
            total
        });
        for _ in 0..50 {
            let mut stream = client.open().await.unwrap();
            stream.write_all(&pattern(6, 100_000)).await.unwrap();
        }
        client.close().await.unwrap();
        assert_eq!(readers.await, 5_000_000);
    });
}

#[test]
fn many_streams_at_once() {
    run(async {
        let (client, server) = pair();
        let acceptor = spawn(async move {
            for _ in 0..500 {
                let mut stream = server.accept().await.unwrap();
                let _detached = spawn(async move {
                    let mut data = Vec::new();
                    stream.read_to_end(&mut data).await.unwrap();
                    stream.write_all(&data).await.unwrap();
                    finish(&mut stream).await.unwrap();
                });
            }
            server
        });
        let requests: Vec<_> = (0..500)
            .map(|seed| {
                let client = client.clone();
                spawn(async move {
                    let data = pattern(seed as u8, 3_000);
                    let mut stream = client.open().await.unwrap();
                    stream.write_all(&data).await.unwrap();
                    finish(&mut stream).await.unwrap();
                    let mut back = Vec::new();
                    stream.read_to_end(&mut back).await.unwrap();
                    assert!(back == data);
                })
            })
            .collect();
        for request in requests {
            request.await;
        }
        acceptor.await;
    });
}
