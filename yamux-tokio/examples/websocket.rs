//! A session over a WebSocket, for where only HTTP gets through.
//!
//! - `websocket` runs a server and a client in this process, over loopback;
//! - `websocket --listen 127.0.0.1:4000` and `websocket --connect ws://127.0.0.1:4000/` are the
//!   halves, for two processes. A `wss://` address needs one of the TLS features of
//!   `tokio-tungstenite`.
//!
//! The client asks on several streams at once, and the server answers each in capitals; then the
//! server asks the client, since either side opens streams whoever has dialled.

use std::future::ready;
use std::io;
use std::iter;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Parser;
use futures::{SinkExt, StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, connect_async_with_config};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};
use yamux_tokio::{Config, Session, SessionError, Stream};

/// Asks and answers over a Yamux session on a WebSocket.
#[derive(Parser)]
struct Arguments {
    /// Wait here for the other half.
    #[arg(long, value_name = "ADDR", conflicts_with = "connect")]
    listen: Option<SocketAddr>,
    /// Connect to the other half.
    #[arg(long, value_name = "URL")]
    connect: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match (arguments.listen, arguments.connect) {
        (Some(address), _) => serve(TcpListener::bind(address).await.context("listening")?).await,
        (None, Some(url)) => dial(&url).await,
        (None, None) => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let url = format!("ws://{}/", listener.local_addr()?);
            tokio::try_join!(serve(listener), dial(&url)).map(drop)
        }
    }
}

/// The longest message, in bytes: whoever receives one holds all of it before it is handed on.
const MESSAGE_MAX: usize = 32 * 1024;

/// Takes no longer messages and no longer frames, of which the default allows 64 and 16 MiB.
fn limits() -> Option<WebSocketConfig> {
    let config = WebSocketConfig::default();
    Some(config.max_message_size(Some(MESSAGE_MAX)).max_frame_size(Some(MESSAGE_MAX)))
}

/// Bytes over the binary messages of a WebSocket. Closing the writing side closes the WebSocket.
fn pipe<S>(websocket: WebSocketStream<S>) -> impl AsyncRead + AsyncWrite + Unpin + Send + 'static
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sink, stream) = websocket.split();
    let received = stream.map_err(io::Error::other).try_filter_map(|message| {
        ready(match message {
            Message::Binary(bytes) => Ok(Some(bytes)),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Ok(None),
            // To pass over it would leave a hole in the bytes.
            Message::Text(_) | Message::Frame(_) => Err(io::ErrorKind::InvalidData.into()),
        })
    });
    let sent = sink.sink_map_err(io::Error::other).with_flat_map(|mut bytes: Bytes| {
        stream::iter(iter::from_fn(move || {
            let message = bytes.split_to(bytes.len().min(MESSAGE_MAX));
            (!message.is_empty()).then(|| Ok(Message::Binary(message)))
        }))
    });
    tokio::io::join(StreamReader::new(received), SinkWriter::new(CopyToBytes::new(sent)))
}

/// Serves one client until it closes the session.
async fn serve(listener: TcpListener) -> Result<()> {
    println!("waiting on ws://{}/", listener.local_addr()?);
    let (connection, _) = listener.accept().await?;
    connection.set_nodelay(true)?;
    let websocket = accept_async_with_config(connection, limits()).await;
    let websocket = websocket.context("the WebSocket's handshake")?;
    let session = Session::server(pipe(websocket), Config::hardened());

    let mut answers = JoinSet::new();
    for _ in 0..QUESTIONS.len() {
        answers.spawn(answer(session.accept().await?));
    }
    ask(session.open().await?, "and who is there?").await?;
    while let Some(answered) = answers.join_next().await {
        answered??;
    }
    let end = session.closed().await;
    ensure!(matches!(end, SessionError::ClosedByPeer), "the session ended otherwise: {end}");
    Ok(())
}

const QUESTIONS: [&str; 3] = ["is anybody there?", "can you hear me?", "what time is it?"];

/// Asks everything at once, answers what the server asks, and closes.
async fn dial(url: &str) -> Result<()> {
    // The last argument switches Nagle's algorithm off.
    let websocket = connect_async_with_config(url, limits(), true).await;
    let (websocket, _) = websocket.context("connecting")?;
    let session = Session::client(pipe(websocket), Config::default());

    let mut questions = JoinSet::new();
    for question in QUESTIONS {
        questions.spawn(ask(session.open().await?, question));
    }
    answer(session.accept().await?).await?;
    while let Some(asked) = questions.join_next().await {
        asked??;
    }
    session.close().await.context("closing the session")
}

async fn ask(mut stream: Stream, question: &str) -> Result<()> {
    stream.write_all(question.as_bytes()).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    println!("stream {}: {question} {answer}", stream.id());
    ensure!(answer == question.to_uppercase(), "that is no answer");
    Ok(())
}

async fn answer(mut stream: Stream) -> Result<()> {
    let mut question = String::new();
    stream.read_to_string(&mut question).await?;
    stream.write_all(question.to_uppercase().as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}
