//! What only Tokio asks of its guests.

#![allow(clippy::unwrap_used)]

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;
use tokio::task::coop;
use tokio::time::timeout;
use yamux_tokio::{Config, Session, SessionError, Side};

#[tokio::test]
async fn a_reader_that_always_finds_something_gives_way_to_others() {
    let (near, far) = tokio::io::duplex(1024 * 1024);
    let client = Session::client(near, Config::default());
    let server = Session::server(far, Config::default());
    let mut writer = client.open().await.unwrap();
    writer.write_all(&[7; 100_000]).await.unwrap();
    writer.shutdown().await.unwrap();

    let mut reader = server.accept().await.unwrap();
    reader.read_u8().await.unwrap();
    let others = Arc::new(AtomicBool::new(false));
    tokio::spawn({
        let others = Arc::clone(&others);
        async move { others.store(true, Ordering::SeqCst) }
    });
    let mut read = 1;
    while !others.load(Ordering::SeqCst) {
        assert_eq!(reader.read_u8().await.unwrap(), 7);
        read += 1;
    }
    assert!(read < 1000, "nobody else ran for {read} reads");
}

#[tokio::test(start_paused = true)]
async fn the_alarm_is_set_though_the_task_has_used_up_its_turn() {
    let (near, _silent) = tokio::io::duplex(4096);
    let (session, driver) = Session::with_driver(near, Side::Server, Config::default());
    let work = async {
        // As many operations as it takes for Tokio to say that it is enough.
        poll_fn(|cx| {
            while let Poll::Ready(budget) = coop::poll_proceed(cx) {
                budget.made_progress();
            }
            Poll::Ready(())
        })
        .await;
        session.closed().await
    };
    let both = async { tokio::join!(biased; work, driver).0 };
    let cause = timeout(Duration::from_secs(3600), both).await.unwrap();
    assert!(matches!(cause, SessionError::KeepaliveTimeout), "{cause:?}");
}

#[test]
#[should_panic(expected = "timers are disabled")]
fn a_runtime_without_time_is_no_place_for_a_session() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let _runtime = runtime.enter();
    let (near, _far) = tokio::io::duplex(64);
    Session::client(near, Config::default());
}
