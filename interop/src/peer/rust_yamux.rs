//! The crate `yamux`, whose connection makes progress only while somebody polls it.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux_peer::{Config, Connection, Mode};

use super::compat::{DropResets, unsupported};
use crate::{
    link::{BoxIo, Side},
    session::{Abilities, Resets, Session, Settings, StartSession, Stream},
};

pub(super) const ABILITIES: Abilities = Abilities {
    pings: false,
    sends_go_away: false,
    survives_go_away: false,
    resets: Resets::Plainly,
    reset_codes: false,
    sees_resets: false,
    sees_loss: false,
    sees_last_fin: true,
    opens_at_once: false,
    whole_window_frames: false,
    window_setting: false,
    backlog_setting: false,
    keepalive_setting: false,
    large_echoes: true,
    closes_abruptly: true,
};

/// More than any scenario opens at once.
const MAX_STREAMS: usize = 4096;

pub(super) struct RustYamux;

impl StartSession for RustYamux {
    fn start(&self, io: BoxIo, side: Side, _settings: Settings) -> io::Result<Box<dyn Session>> {
        let mut config = Config::default();
        config.set_max_num_streams(MAX_STREAMS);
        let mode = match side {
            Side::Client => Mode::Client,
            Side::Server => Mode::Server,
        };
        let (open, opening) = mpsc::unbounded_channel();
        let (accepted, accept) = mpsc::unbounded_channel();
        let (close, closing) = watch::channel(false);
        let (ended, closed) = watch::channel(None);
        let driver = Driver {
            connection: Connection::new(io.compat(), config, mode),
            opening,
            next: None,
            accepted,
        };
        tokio::spawn(driver.run(closing, ended));
        Ok(Box::new(RustYamuxSession { open, accept: Mutex::new(accept), close, closed }))
    }
}

type Opened = oneshot::Sender<io::Result<yamux_peer::Stream>>;

struct Driver {
    connection: Connection<Compat<BoxIo>>,
    opening: mpsc::UnboundedReceiver<Opened>,
    /// The request that waits for a stream.
    next: Option<Opened>,
    accepted: mpsc::UnboundedSender<yamux_peer::Stream>,
}

impl Driver {
    async fn run(
        mut self,
        mut closing: watch::Receiver<bool>,
        ended: watch::Sender<Option<String>>,
    ) {
        let ended_by_itself = tokio::select! {
            cause = poll_fn(|cx| self.poll(cx)) => Some(cause),
            () = async { drop(closing.wait_for(|close| *close).await) } => None,
        };
        let cause = match ended_by_itself {
            Some(cause) => cause,
            None => match poll_fn(|cx| self.connection.poll_close(cx)).await {
                Ok(()) => "closed".to_owned(),
                Err(error) => error.to_string(),
            },
        };
        drop(ended.send(Some(cause)));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        self.poll_open(cx);
        loop {
            match self.connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => drop(self.accepted.send(stream)),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(error.to_string()),
                Poll::Ready(None) => return Poll::Ready("end of the connection".to_owned()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) {
        loop {
            if self.next.is_none() {
                match self.opening.poll_recv(cx) {
                    Poll::Ready(Some(request)) => self.next = Some(request),
                    Poll::Ready(None) | Poll::Pending => return,
                }
            }
            match self.connection.poll_new_outbound(cx) {
                Poll::Ready(result) => {
                    if let Some(request) = self.next.take() {
                        drop(request.send(result.map_err(io::Error::other)));
                    }
                }
                Poll::Pending => return,
            }
        }
    }
}

struct RustYamuxSession {
    open: mpsc::UnboundedSender<Opened>,
    accept: Mutex<mpsc::UnboundedReceiver<yamux_peer::Stream>>,
    close: watch::Sender<bool>,
    closed: watch::Receiver<Option<String>>,
}

impl Session for RustYamuxSession {
    fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let (request, opened) = oneshot::channel();
            self.open.send(request).map_err(|_| io::ErrorKind::NotConnected)?;
            let stream = opened.await.map_err(|_| io::ErrorKind::NotConnected)??;
            Ok(boxed(stream))
        })
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let stream = self.accept.lock().await.recv().await;
            Ok(boxed(stream.ok_or(io::ErrorKind::NotConnected)?))
        })
    }

    fn ping(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Err(unsupported()) })
    }

    fn go_away(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Err(unsupported()) })
    }

    fn close(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async {
            self.close.send_replace(true);
            self.closed().await;
            Ok(())
        })
    }

    fn closed(&self) -> BoxFuture<'_, String> {
        let mut closed = self.closed.clone();
        Box::pin(async move {
            match closed.wait_for(Option::is_some).await {
                Ok(cause) => cause.clone().unwrap_or_default(),
                Err(_) => "the driver was dropped".to_owned(),
            }
        })
    }
}

fn boxed(stream: yamux_peer::Stream) -> Box<dyn Stream> {
    Box::new(DropResets(stream.compat()))
}
