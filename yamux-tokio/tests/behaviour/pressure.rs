//! Nobody waits for somebody who waits for them.

use super::{pair, pair_over, pattern, run};
use crate::runtime::prelude::*;
use crate::runtime::{Session, finish, spawn};

const PIECE: usize = 64 * 1024;

async fn write_and_read(session: Session, opens: bool, total: usize) {
    let stream = match opens {
        true => session.open().await.unwrap(),
        false => session.accept().await.unwrap(),
    };
    let (mut recv, mut send) = stream.into_split();
    let writer = spawn(async move {
        let piece = pattern(8, PIECE);
        for _ in 0..total / PIECE {
            send.write_all(&piece).await.unwrap();
        }
        finish(&mut send).await.unwrap();
    });
    let expected = pattern(8, PIECE);
    let mut piece = vec![0; PIECE];
    for _ in 0..total / PIECE {
        recv.read_exact(&mut piece).await.unwrap();
        assert!(piece == expected);
    }
    assert_eq!(recv.read(&mut piece).await.unwrap(), 0);
    writer.await;
}

fn both_ways_over(capacity: usize, total: usize) {
    run(async move {
        let (client, server) = pair_over(capacity);
        let other = spawn(write_and_read(server, false, total));
        write_and_read(client, true, total).await;
        other.await;
    });
}

/// 64 MiB, of which a part has to do without optimisation: narrow pipes wake a task for every piece.
const fn volume(part: usize) -> usize {
    if cfg!(debug_assertions) { (64 << 20) / part } else { 64 << 20 }
}

#[test]
fn both_ends_write_while_reading_over_one_byte() {
    both_ways_over(1, volume(64));
}

#[test]
fn both_ends_write_while_reading_over_a_kilobyte() {
    both_ways_over(1024, volume(8));
}

#[test]
fn a_reader_that_stalls_stops_nobody_else() {
    run(async {
        let (client, server) = pair();
        let mut stalled = client.open().await.unwrap();
        let filler = spawn(async move {
            // Nobody reads it: this waits for window until the session ends.
            stalled.write_all(&pattern(9, 1_000_000)).await.unwrap_err();
        });
        let unread = server.accept().await.unwrap();
        for _ in 0..100 {
            let mut stream = client.open().await.unwrap();
            stream.write_all(&pattern(10, 50_000)).await.unwrap();
            finish(&mut stream).await.unwrap();
            let mut far = server.accept().await.unwrap();
            let mut data = Vec::new();
            far.read_to_end(&mut data).await.unwrap();
            assert!(data == pattern(10, 50_000));
        }
        server.abort();
        filler.await;
        drop(unread);
    });
}

#[test]
fn writers_that_give_up_do_not_strand_the_others() {
    run(async {
        let (client, server) = pair_over(100);
        // Stage more than there is room for, from many streams, and drop half of the writers.
        let mut streams = Vec::new();
        for _ in 0..64 {
            streams.push(client.open().await.unwrap());
        }
        let mut finished = Vec::new();
        for (index, mut stream) in streams.into_iter().enumerate() {
            let mut write = Box::pin(async move {
                stream.write_all(&pattern(11, 30_000)).await.unwrap();
                finish(&mut stream).await.unwrap();
                stream
            });
            let polled = futures_poll(&mut write).await;
            if index % 2 == 0 {
                drop(write);
            } else if polled.is_none() {
                finished.push(spawn(write));
            }
        }
        let reader = spawn(async move {
            for _ in 0..64 {
                let mut stream = server.accept().await.unwrap();
                let _detached = spawn(async move {
                    let mut data = Vec::new();
                    let _ = stream.read_to_end(&mut data).await;
                });
            }
            server
        });
        let server = reader.await;
        for write in finished {
            drop(write.await);
        }
        drop(server);
    });
}

/// Polls a future once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
