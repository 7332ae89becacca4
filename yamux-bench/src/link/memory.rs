//! A pipe in memory: what a session costs where the transport costs next to nothing.

use std::io;

use tokio::{
    io::DuplexStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{Dial, Link, Listen};

/// Bytes that the pipe holds in each direction: four of the writes that bulk makes.
const CAPACITY: usize = 256 * 1024;

/// `tokio::io::duplex`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory;

impl Link for Memory {
    type Io = DuplexStream;
    type Dialer = MemoryDialer;
    type Listener = MemoryListener;

    async fn bind(&self) -> io::Result<(MemoryDialer, MemoryListener)> {
        let (sender, receiver) = unbounded_channel();
        Ok((MemoryDialer(sender), MemoryListener(receiver)))
    }
}

/// Makes a pipe and hands its other end to the listener.
#[derive(Clone, Debug)]
pub struct MemoryDialer(UnboundedSender<DuplexStream>);

impl Dial for MemoryDialer {
    type Io = DuplexStream;

    async fn dial(&self) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(CAPACITY);
        self.0.send(far).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(near)
    }
}

/// Receives the other ends.
#[derive(Debug)]
pub struct MemoryListener(UnboundedReceiver<DuplexStream>);

impl Listen for MemoryListener {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        self.0.recv().await.ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
    }
}
