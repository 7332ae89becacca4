//! One gibibyte over one TCP connection, from both sides at once, on smol's executor and sockets.
//!
//! - `quickstart` runs a server and a client in this process, over loopback;
//! - `quickstart --listen 127.0.0.1:4000` and `quickstart --connect 127.0.0.1:4000` are the halves, for
//!   two processes, or for one of them and any other Yamux peer that reads its streams to their end.
//!
//! Each side opens four streams and sends 128 MiB on each; whoever accepts a stream reads it to its end
//! and answers with the number of bytes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Parser;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use futures::{AsyncWriteExt, StreamExt, select};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use smol::net::{TcpListener, TcpStream};
use yamux_async_std::{Config, RecvHalf, Session, Side, Stream};

const STREAMS: u64 = 4;
const BYTES_PER_STREAM: u64 = 128 << 20;
const PIECE: usize = 64 << 10;

/// Moves data over a Yamux session and shows how fast.
#[derive(Parser)]
struct Arguments {
    /// Wait here for the other half.
    #[arg(long, value_name = "ADDR", conflicts_with = "connect")]
    listen: Option<SocketAddr>,
    /// Connect to the other half.
    #[arg(long, value_name = "ADDR")]
    connect: Option<SocketAddr>,
}

fn main() -> Result<()> {
    smol::block_on(run())
}

async fn run() -> Result<()> {
    let arguments = Arguments::parse();
    let halves = if arguments.listen.is_some() || arguments.connect.is_some() { 1 } else { 2 };
    let progress = progress_bar(halves * STREAMS * BYTES_PER_STREAM);

    let sessions = match (arguments.listen, arguments.connect) {
        (Some(address), _) => vec![serve(address, &progress).await?],
        (None, Some(address)) => vec![dial(address).await?],
        (None, None) => loopback().await?,
    };
    let start = Instant::now();
    try_join_all(sessions.iter().map(|session| play(session, &progress))).await?;
    progress.finish_and_clear();
    report(&sessions, start.elapsed());

    // Both sides may close at once; whoever is first has the other end as well.
    for session in &sessions {
        session.close().await.context("closing the session")?;
    }
    Ok(())
}

/// Both halves, connected over loopback.
async fn loopback() -> Result<Vec<Session>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    Ok(vec![client_session(client)?, server_session(server)?])
}

async fn serve(address: SocketAddr, progress: &ProgressBar) -> Result<Session> {
    let listener = TcpListener::bind(address).await.context("listening")?;
    progress.suspend(|| listener.local_addr().map(|at| println!("waiting on {at}")))?;
    let (connection, peer) = listener.accept().await?;
    progress.suspend(|| println!("{peer} is here"));
    progress.reset();
    server_session(connection)
}

async fn dial(address: SocketAddr) -> Result<Session> {
    client_session(TcpStream::connect(address).await.context("connecting")?)
}

fn client_session(connection: TcpStream) -> Result<Session> {
    session(connection, Side::Client)
}

fn server_session(connection: TcpStream) -> Result<Session> {
    session(connection, Side::Server)
}

/// A session that smol drives, whichever executor the crate's features name.
fn session(connection: TcpStream, side: Side) -> Result<Session> {
    // A session coalesces small writes itself; Nagle's algorithm would only hold them back.
    connection.set_nodelay(true)?;
    let (session, driver) = Session::with_driver(connection, side, Config::default());
    smol::spawn(driver).detach();
    Ok(session)
}

/// One side: sends on its own streams and serves the peer's, until all of them are done.
async fn play(session: &Session, progress: &ProgressBar) -> Result<()> {
    let (mut sending, mut serving) = (FuturesUnordered::new(), FuturesUnordered::new());
    for _ in 0..STREAMS {
        sending.push(smol::spawn(send(session.open().await?, progress.clone())));
    }
    // Ends when the peer, done before us, closes the session.
    let mut incoming = session.incoming().fuse();
    while !sending.is_empty() || !serving.is_empty() {
        select! {
            accepted = incoming.select_next_some() => serving.push(smol::spawn(count(accepted?))),
            sent = sending.select_next_some() => sent?,
            served = serving.select_next_some() => served?,
        }
    }
    Ok(())
}

/// Sends, finishes, and reads what the peer says to it.
async fn send(stream: Stream, progress: ProgressBar) -> Result<()> {
    let (recv, mut send) = stream.into_split();
    let answer = smol::spawn(read_answer(recv));
    let piece = Bytes::from(vec![0x59; PIECE]);
    for _ in 0..BYTES_PER_STREAM / PIECE as u64 {
        send.write_chunk(piece.clone()).await?;
        progress.inc(PIECE as u64);
    }
    send.close().await?;
    // Another implementation may answer nothing, or send everything back; ours says how much it got.
    if let Ok(count) = answer.await?.as_slice().try_into() {
        let count = u64::from_be_bytes(count);
        ensure!(count == BYTES_PER_STREAM, "the peer got {count} bytes of {BYTES_PER_STREAM}");
    }
    Ok(())
}

/// What the peer says, to its end; of a long answer only the beginning.
async fn read_answer(mut recv: RecvHalf) -> Result<Vec<u8>> {
    let mut answer = Vec::new();
    while let Some(chunk) = recv.read_chunk(PIECE).await? {
        if answer.len() < PIECE {
            answer.extend_from_slice(&chunk);
        }
    }
    Ok(answer)
}

/// Reads a stream to its end and answers with the number of bytes.
async fn count(mut stream: Stream) -> Result<()> {
    let mut count = 0;
    while let Some(chunk) = stream.read_chunk(PIECE).await? {
        count += chunk.len() as u64;
    }
    stream.write_all(&count.to_be_bytes()).await?;
    stream.close().await?;
    Ok(())
}

fn progress_bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{bar:40.cyan} {bytes:>10} of {total_bytes}  {binary_bytes_per_sec}",
    );
    ProgressBar::new(bytes).with_style(style.expect("the template is valid"))
}

fn report(sessions: &[Session], elapsed: Duration) {
    let seconds = elapsed.as_secs_f64();
    for session in sessions {
        let stats = session.stats();
        let per_second = |bytes: u64| HumanBytes((bytes as f64 / seconds) as u64);
        println!(
            "{}: sent {} ({}/s), received {} ({}/s)",
            session.side(),
            HumanBytes(stats.data_sent),
            per_second(stats.data_sent),
            HumanBytes(stats.data_received),
            per_second(stats.data_received),
        );
        println!(
            "  round trip {:?}, shortest {:?}; {} streams opened, {} accepted",
            session.rtt().unwrap_or_default(),
            stats.rtt_min.unwrap_or_default(),
            stats.streams_opened,
            stats.streams_accepted,
        );
        println!(
            "  {} frames sent, {} received; {} of overhead; windows grown by {}",
            stats.frames_sent,
            stats.frames_received,
            HumanBytes(stats.bytes_sent.saturating_sub(stats.data_sent)),
            HumanBytes(stats.window_growth as u64),
        );
    }
}
