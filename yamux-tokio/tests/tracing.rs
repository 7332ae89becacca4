//! What a log says of a session.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tracing_subscriber::fmt::MakeWriter;
use yamux_tokio::{Config, Session};

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_end_of_a_session_says_whose_and_why() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(log.clone())
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (io, _) = listener.accept().await.unwrap();
    let session = tracing::debug_span!("connection", of = "Alice")
        .in_scope(|| Session::server(io, Config::default()));
    peer.set_zero_linger().unwrap();
    drop(peer); // resets the connection
    session.closed().await;
    drop(logging);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let whose = r#"DEBUG connection{of="Alice"}:yamux{side=Server}: "#;
    let lines: Vec<_> = log.lines().map(|line| line.trim().strip_prefix(whose)).collect();
    let [Some(failed), Some(ended)] = lines[..] else { panic!("{log}") };
    assert!(failed.starts_with("the transport failed error="), "{failed}");
    assert_eq!(ended, "the session has ended side=Server cause=the transport failed");
}
