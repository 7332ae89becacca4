//! What only Unix has: its sockets, and processes that inherit one.

use std::{os::fd::OwnedFd, path::PathBuf, process::Stdio};

use anyhow::{Context, Result};
use tokio::{
    net::{UnixListener, UnixStream},
    process::{Child, Command},
};

use crate::link::BoxIo;

/// A socket in the file system that takes one connection.
#[derive(Debug)]
pub(crate) struct Listener(UnixListener, PathBuf);

impl Listener {
    pub(crate) fn bind(path: PathBuf) -> Result<Self> {
        Ok(Self(UnixListener::bind(&path)?, path))
    }

    pub(crate) fn address(&self) -> String {
        self.1.display().to_string()
    }

    pub(crate) async fn accept(self) -> Result<BoxIo> {
        Ok(Box::new(self.0.accept().await?.0))
    }
}

pub(crate) async fn connect(path: &str) -> Result<BoxIo> {
    Ok(Box::new(UnixStream::connect(path).await.with_context(|| format!("connecting to {path}"))?))
}

/// Starts a shell command that gets one end of a socket pair as its standard input and output, so
/// that it may use them as two pipes or as one socket.
pub(crate) fn exec(command: &str) -> Result<(BoxIo, Child)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
        .stdout(Stdio::from(OwnedFd::from(theirs)))
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    Ok((Box::new(UnixStream::from_std(ours)?), child))
}
