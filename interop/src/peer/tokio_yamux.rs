//! The crate `tokio-yamux`, whose session makes progress only while somebody polls it.

use std::{io, time::Duration};

use futures::{StreamExt, future::BoxFuture};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_yamux::{Config, Control, StreamHandle};

use super::compat::{DropResets, unsupported};
use crate::{
    link::{BoxIo, Side},
    session::{
        Abilities, Keepalive, Resets, SHORT_KEEPALIVE, Session, Settings, StartSession, Stream,
    },
};

pub(super) const ABILITIES: Abilities = Abilities {
    pings: false,
    sends_go_away: false,
    survives_go_away: false,
    resets: Resets::Plainly,
    reset_codes: false,
    sees_resets: false,
    sees_loss: false,
    sees_last_fin: false,
    opens_at_once: true,
    whole_window_frames: false,
    window_setting: true,
    backlog_setting: false,
    keepalive_setting: true,
    large_echoes: false,
    closes_abruptly: false,
};

pub(super) struct TokioYamux;

impl StartSession for TokioYamux {
    fn start(&self, io: BoxIo, side: Side, settings: Settings) -> io::Result<Box<dyn Session>> {
        // After its own Go Away a session waits this long for the other side's, which need not come.
        let mut config =
            Config { connection_write_timeout: Duration::from_millis(500), ..Config::default() };
        if let Some(window) = settings.receive_window {
            config.max_stream_window_size = window;
        }
        match settings.keepalive {
            Keepalive::Default => {}
            Keepalive::Off => config.enable_keepalive = false,
            Keepalive::Short => config.keepalive_interval = SHORT_KEEPALIVE,
        }
        let mut session = match side {
            Side::Client => tokio_yamux::Session::new_client(io, config),
            Side::Server => tokio_yamux::Session::new_server(io, config),
        };
        let control = session.control();
        let (accepted, accept) = mpsc::unbounded_channel();
        let (ended, closed) = watch::channel(None);
        tokio::spawn(async move {
            let cause = loop {
                match session.next().await {
                    Some(Ok(stream)) => drop(accepted.send(stream)),
                    Some(Err(error)) => break error.to_string(),
                    None => break "end of the session".to_owned(),
                }
            };
            drop(ended.send(Some(cause)));
        });
        Ok(Box::new(TokioYamuxSession { control, accept: Mutex::new(accept), closed }))
    }
}

struct TokioYamuxSession {
    control: Control,
    accept: Mutex<mpsc::UnboundedReceiver<StreamHandle>>,
    closed: watch::Receiver<Option<String>>,
}

impl Session for TokioYamuxSession {
    fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        let mut control = self.control.clone();
        Box::pin(async move {
            let stream = control.open_stream().await.map_err(io::Error::other)?;
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
        let mut control = self.control.clone();
        Box::pin(async move {
            control.close().await;
            Ok(())
        })
    }

    fn closed(&self) -> BoxFuture<'_, String> {
        let mut closed = self.closed.clone();
        Box::pin(async move {
            match closed.wait_for(Option::is_some).await {
                Ok(cause) => cause.clone().unwrap_or_default(),
                Err(_) => "the session was dropped".to_owned(),
            }
        })
    }
}

fn boxed(stream: StreamHandle) -> Box<dyn Stream> {
    Box::new(DropResets(stream))
}
