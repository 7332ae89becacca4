//! The endpoint under test: how to get a connection to it.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use tokio::{
    net::{TcpListener, TcpStream},
    process::Child,
};

use crate::{
    conversation,
    link::{BoxIo, Link, Side},
    session::{Session, Settings, StartSession},
    target_dir,
    tls::Identity,
    unix,
};

/// An endpoint that echoes every stream.
pub struct Target {
    reach: Reach,
    side: Side,
}

enum Reach {
    Dial(String),
    Listen(TcpListener),
    Exec(String, Option<Child>),
    InProcess(&'static dyn StartSession),
}

impl Target {
    /// An endpoint that listens on a TCP address, or on `unix:PATH`.
    pub fn dial(address: String, side: Side) -> Self {
        Self { reach: Reach::Dial(address), side }
    }

    /// An endpoint that dials `address` again for every case.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn listen(address: &str, side: Side) -> Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| address.to_owned())?;
        Ok(Self { reach: Reach::Listen(listener), side })
    }

    /// Where the endpoint has to dial, if it has to.
    pub fn listens_on(&self) -> Option<SocketAddr> {
        match &self.reach {
            Reach::Listen(listener) => listener.local_addr().ok(),
            Reach::Dial(_) | Reach::Exec(..) | Reach::InProcess(_) => None,
        }
    }

    /// A shell command that is started for every case and speaks Yamux on its standard input and
    /// output. It needs Unix.
    pub fn exec(command: String, side: Side) -> Self {
        Self { reach: Reach::Exec(command, None), side }
    }

    /// An implementation in this process.
    pub fn in_process(starter: &'static dyn StartSession, side: Side) -> Self {
        Self { reach: Reach::InProcess(starter), side }
    }

    /// The side that is left for the suite.
    pub fn suite_side(&self) -> Side {
        self.side.other()
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// When there is none.
    pub async fn connect(&mut self) -> Result<BoxIo> {
        match &mut self.reach {
            Reach::Dial(address) => match address.strip_prefix("unix:") {
                Some(path) => unix::connect(path).await,
                None => {
                    let stream = TcpStream::connect(address.as_str()).await;
                    let stream = stream.with_context(|| format!("connecting to {address}"))?;
                    stream.set_nodelay(true)?;
                    Ok(Box::new(stream))
                }
            },
            Reach::Listen(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Reach::Exec(command, child) => {
                let (io, started) = unix::exec(command)?;
                // The process of the case before is killed here.
                *child = Some(started);
                Ok(io)
            }
            Reach::InProcess(starter) => in_process(*starter, self.side).await,
        }
    }
}

async fn in_process(starter: &'static dyn StartSession, side: Side) -> Result<BoxIo> {
    let scratch = tempfile::tempdir_in(target_dir::temporary()?)?;
    let identity = Identity::generate(scratch.path())?;
    let listener = Link::Tcp.listen(scratch.path()).await?;
    let address = listener.address()?;
    let (ours, theirs) =
        tokio::try_join!(Link::Tcp.connect(&address, &identity), listener.accept(&identity))?;
    let session = starter.start(theirs, side, Settings::default())?;
    tokio::spawn(serve_echoes(Arc::from(session)));
    Ok(ours)
}

/// Accepts and echoes streams until the session ends.
pub async fn serve_echoes(session: Arc<dyn Session>) {
    while let Ok(stream) = session.accept().await {
        // A stream that the suite resets is no concern of the endpoint.
        tokio::spawn(async move { drop(conversation::serve_echo(stream).await) });
    }
    session.closed().await;
}
