//! Parity's `yamux`, at its defaults but for a limit on streams that lets every workload run.

use std::{future::poll_fn, io, task::Poll};

use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, Mode};

use super::{Accept, Contender, Open};
use crate::{
    link::{Io, Link},
    runtime::spawn,
};

type Stream = Compat<yamux::Stream>;

/// `yamux` 0.14.
#[derive(Debug)]
pub struct RustYamux;

impl<L: Link> Contender<L> for RustYamux {
    type Stream = Stream;
    type Opener = Opener;
    type Acceptor = Acceptor;

    const LAZY: bool = true;

    async fn connect(link: &L) -> io::Result<(Opener, Acceptor)> {
        let (client, server) = link.connect().await?;
        Ok((drive(client, Mode::Client).0, drive(server, Mode::Server).1))
    }
}

/// Starts the task that a `Connection` needs: it polls for what either end wants next.
fn drive<T: Io>(io: T, mode: Mode) -> (Opener, Acceptor) {
    let mut config = Config::default();
    config.set_max_connection_receive_window(None).set_max_num_streams(4_000_000);
    let mut connection = Connection::new(io.compat(), config, mode);
    let (opener, mut requests) = mpsc::unbounded_channel::<oneshot::Sender<Stream>>();
    let (accepted, acceptor) = mpsc::unbounded_channel();
    // A request that the connection could not serve yet waits here for the next poll.
    let mut request = None;
    spawn(poll_fn(move |cx| {
        loop {
            if request.is_none() {
                if let Poll::Ready(Some(next)) = requests.poll_recv(cx) {
                    request = Some(next);
                }
            }
            if let Some(waiting) = request.take() {
                match connection.poll_new_outbound(cx) {
                    Poll::Ready(Ok(stream)) => {
                        // Whoever asked may have given up, which drops the stream.
                        let _ = waiting.send(stream.compat());
                        continue;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => request = Some(waiting),
                }
            }
            match connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => {
                    let _ = accepted.send(stream.compat());
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }));
    (Opener(opener), Acceptor(acceptor))
}

/// Asks the task for a stream.
#[derive(Clone, Debug)]
pub struct Opener(mpsc::UnboundedSender<oneshot::Sender<Stream>>);

impl Open for Opener {
    type Stream = Stream;

    async fn open(&mut self) -> io::Result<Stream> {
        let (sender, receiver) = oneshot::channel();
        self.0.send(sender).map_err(|_| io::ErrorKind::NotConnected)?;
        receiver.await.map_err(|_| io::ErrorKind::NotConnected.into())
    }
}

/// Receives streams from the task.
#[derive(Debug)]
pub struct Acceptor(mpsc::UnboundedReceiver<Stream>);

impl Accept for Acceptor {
    type Stream = Stream;

    async fn accept(&mut self) -> io::Result<Stream> {
        self.0.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
