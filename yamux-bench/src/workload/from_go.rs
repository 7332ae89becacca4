//! The long path once more, with a Go sender: whether our receive window lets it fill the path.

use std::{
    io,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes},
    net::TcpListener,
};
use yamux_tokio::{Config, Session, Stream};

use super::{BULK_WRITE, long_path::observe};
use crate::{
    go,
    link::{Link, Path},
    measure::{Budget, Measurement},
    runtime::spawn,
};

/// Streams of Go's hashicorp/yamux that send to ours.
#[derive(Clone, Copy, Debug)]
pub struct FromGo {
    /// How many.
    pub streams: usize,
}

impl FromGo {
    /// Reports what [`LongPath`](super::LongPath) does.
    ///
    /// # Errors
    /// Those of the streams, and that the Go program cannot be built or started.
    pub async fn run(self, budget: Budget) -> anyhow::Result<Measurement> {
        let program = go::build()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let streams = self.streams.to_string();
        let mut command = Command::new(program);
        command.args(["bench", "send", "go-hashicorp"]);
        command.args(["--connect", &address, "--streams", &streams]);
        let _sender = Sender(command.stdin(Stdio::null()).spawn()?);

        // The sender's loopback connection continues as the path.
        let (mut socket, _) = listener.accept().await?;
        let (mut near, far) = Path::GIGABIT_50_MS.connect().await?;
        spawn(async move {
            copy_bidirectional_with_sizes(&mut socket, &mut near, BULK_WRITE, BULK_WRITE).await
        });
        let session = Session::server(far, Config::default());
        let received = Arc::new(AtomicU64::new(0));
        for _ in 0..self.streams {
            spawn(count(session.accept().await?, Arc::clone(&received)));
        }
        observe(&received, budget).await
    }
}

/// The Go program, which would send for ever.
struct Sender(Child);

impl Drop for Sender {
    fn drop(&mut self) {
        // It may have ended by itself when its connection did.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn count(mut stream: Stream, received: Arc<AtomicU64>) -> io::Result<()> {
    let mut buf = vec![0; BULK_WRITE];
    loop {
        match stream.read(&mut buf).await? {
            0 => return stream.shutdown().await,
            count => received.fetch_add(count as u64, Ordering::Relaxed),
        };
    }
}
