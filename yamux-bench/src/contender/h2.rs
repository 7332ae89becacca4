//! HTTP/2 by `h2`: a stream is a request whose two bodies are its two directions.
//!
//! Windows are those that Yamux starts with, since HTTP/2's own default of 64 KiB a connection
//! would compare the defaults of two protocols rather than two libraries.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream, client, server};
use http::{Request, Response};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
};

use super::{Accept, Contender, Open};
use crate::{link::Link, runtime::spawn};

const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;
const STREAMS: u32 = 4_000_000;

/// `h2` 0.4.
#[derive(Debug)]
pub struct H2;

impl<L: Link> Contender<L> for H2 {
    type Stream = Stream;
    type Opener = Opener;
    type Acceptor = Acceptor;

    async fn connect(link: &L) -> io::Result<(Opener, Acceptor)> {
        let (client, server) = link.connect().await?;
        let mut build_client = client::Builder::new();
        build_client
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(STREAMS as usize);
        let mut build_server = server::Builder::new();
        build_server
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(STREAMS);
        let (client, server) =
            tokio::try_join!(build_client.handshake(client), build_server.handshake(server))
                .map_err(io::Error::other)?;
        let (opener, connection) = client;
        spawn(connection);
        let (accepted, acceptor) = mpsc::unbounded_channel();
        spawn(serve(server, accepted));
        Ok((Opener(opener), Acceptor(acceptor)))
    }
}

/// Answers every request at once, so that both of its bodies can flow.
async fn serve<T: crate::link::Io>(
    mut connection: server::Connection<T, Bytes>,
    accepted: mpsc::UnboundedSender<Stream>,
) {
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        if let Ok(send) = respond.send_response(Response::new(()), false) {
            let _ = accepted.send(Stream::new(Receiving::Body(request.into_body()), send));
        }
    }
}

/// Sends requests.
#[derive(Clone)]
pub struct Opener(client::SendRequest<Bytes>);

impl Open for Opener {
    type Stream = Stream;

    async fn open(&mut self) -> io::Result<Stream> {
        let request = Request::post("http://bench/").body(()).map_err(io::Error::other)?;
        let mut ready = self.0.clone().ready().await.map_err(io::Error::other)?;
        let (response, send) = ready.send_request(request, false).map_err(io::Error::other)?;
        Ok(Stream::new(Receiving::Head(response), send))
    }
}

/// Receives requests.
#[derive(Debug)]
pub struct Acceptor(mpsc::UnboundedReceiver<Stream>);

impl Accept for Acceptor {
    type Stream = Stream;

    async fn accept(&mut self) -> io::Result<Stream> {
        self.0.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

#[derive(Debug)]
enum Receiving {
    /// The client's side before the response's headers.
    Head(client::ResponseFuture),
    Body(RecvStream),
}

/// The two bodies as one byte stream.
#[derive(Debug)]
pub struct Stream {
    receiving: Receiving,
    /// What the last read left of a DATA frame.
    left: Bytes,
    send: SendStream<Bytes>,
    finished: bool,
}

impl Stream {
    fn new(receiving: Receiving, send: SendStream<Bytes>) -> Self {
        Self { receiving, left: Bytes::new(), send, finished: false }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.left.has_remaining() {
                let count = this.left.len().min(buf.remaining());
                buf.put_slice(&this.left.split_to(count));
                return Poll::Ready(Ok(()));
            }
            match &mut this.receiving {
                Receiving::Head(response) => {
                    let response = ready!(Pin::new(response).poll(cx)).map_err(io::Error::other)?;
                    this.receiving = Receiving::Body(response.into_body());
                }
                Receiving::Body(body) => {
                    let Some(data) = ready!(body.poll_data(cx)) else {
                        return Poll::Ready(Ok(()));
                    };
                    let data = data.map_err(io::Error::other)?;
                    body.flow_control().release_capacity(data.len()).map_err(io::Error::other)?;
                    this.left = data;
                }
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.send.reserve_capacity(buf.len());
        while self.send.capacity() == 0 {
            match ready!(self.send.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let count = self.send.capacity().min(buf.len());
        self.send
            .send_data(Bytes::copy_from_slice(&buf[..count]), false)
            .map_err(io::Error::other)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.finished {
            self.finished = true;
            self.send.send_data(Bytes::new(), true).map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }
}
