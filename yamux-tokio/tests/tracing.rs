//! What a log says of a session.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf, join, sink};
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

/// What can be read of a connection that the peer's system has reset.
struct Broken;

impl AsyncRead for Broken {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
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

    let session = tracing::debug_span!("connection", of = "Alice")
        .in_scope(|| Session::server(join(Broken, sink()), Config::default()));
    session.closed().await;
    drop(logging);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let whose = r#"DEBUG connection{of="Alice"}:yamux{side=Server}: "#;
    let lines: Vec<_> = log.lines().map(|line| line.trim().strip_prefix(whose)).collect();
    let [Some(failed), Some(ended)] = lines[..] else { panic!("{log}") };
    assert_eq!(failed, "the transport failed error=connection reset");
    assert_eq!(ended, "the session has ended side=Server cause=the transport failed");
}

/// Whose log asks the session something at every line.
#[derive(Clone, Default)]
struct Curious(Arc<OnceLock<Session>>, Log);

impl io::Write for Curious {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let streams = self.0.get().map(Session::num_streams);
        write!(self.1, "{streams:?} ")?;
        self.1.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Curious {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn whoever_listens_may_ask_the_session() {
    let log = Curious::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);

    let (ours, theirs) = tokio::io::duplex(4096);
    let one_stream = Config::builder().max_inbound_streams(1).build().unwrap();
    let server = Session::server(ours, one_stream);
    let client = Session::client(theirs, Config::default());
    log.0.set(server.clone()).unwrap();
    let mut taken = client.open().await.unwrap();
    let mut refused = client.open().await.unwrap();
    let mut stream = server.accept().await.unwrap();
    refused.closed().await;
    taken.reset(7);
    stream.closed().await;
    server.abort();
    client.closed().await;
    drop(logging);

    let log = String::from_utf8(log.1.0.lock().unwrap().clone()).unwrap();
    for line in ["refused a stream id=3", "the peer reset a stream id=1 code=7", "has ended"] {
        assert!(log.contains(line), "{line} in {log}");
    }
}
