//! A service behind NAT, reached over a connection that it has dialled itself.
//!
//! - `reverse_tunnel` shows all of it in this process: a service, a relay, an agent, and users;
//! - `reverse_tunnel relay --agents 0.0.0.0:4000 --public 0.0.0.0:8080` waits, where everybody can reach
//!   it, for the agent on one port and for users on the other;
//! - `reverse_tunnel agent --relay relay.example:4000 --service 127.0.0.1:80` dials the relay from
//!   behind NAT, and carries each user's connection to the service.
//!
//! An agent that loses the relay dials again. Ctrl-C ends it once the users that it serves are done.
//! Neither knows who the other is: a tunnel for more than a try needs TLS with certificates for both.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use yamux_tokio::{Config, Session, SessionError, Stream};

/// Before an agent dials again, the first time.
const PAUSE: Duration = Duration::from_millis(100);

/// Reaches a service behind NAT.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// The end that everybody can reach.
    Relay {
        /// Wait here for the agent.
        #[arg(long, value_name = "ADDR")]
        agents: String,
        /// Wait here for users.
        #[arg(long, value_name = "ADDR")]
        public: String,
    },
    /// The end behind NAT.
    Agent {
        /// Where the relay waits for agents.
        #[arg(long, value_name = "ADDR")]
        relay: String,
        /// What users are to reach.
        #[arg(long, value_name = "ADDR")]
        service: String,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().role {
        Some(Role::Relay { agents, public }) => {
            relay(TcpListener::bind(agents).await?, TcpListener::bind(public).await?).await
        }
        Some(Role::Agent { relay, service }) => agent(&relay, service, ctrl_c()).await,
        None => demonstrate().await,
    }
}

async fn ctrl_c() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("cannot wait for Ctrl-C: {error}");
        std::future::pending().await
    }
}

/// Gives each user a stream of the agent that is there, one agent after another.
async fn relay(agents: TcpListener, public: TcpListener) -> Result<()> {
    loop {
        let (connection, from) = agents.accept().await?;
        connection.set_nodelay(true)?;
        println!("relay: the agent at {from} is here");
        // Hardened: whoever connects may be anybody.
        let session = Session::server(connection, Config::hardened());
        let cause = tokio::select! {
            cause = session.closed() => cause,
            failed = bring_users(&public, &session) => failed?,
        };
        println!("relay: the agent has gone: {cause}");
    }
}

/// Opens a stream for each user, until the agent takes no more.
async fn bring_users(public: &TcpListener, session: &Session) -> Result<SessionError> {
    loop {
        let (user, _) = public.accept().await?;
        match session.open().await {
            Ok(stream) => drop(tokio::spawn(carry(user, stream))),
            Err(_) => return Ok(session.closed().await),
        }
    }
}

/// Serves the relay until `stop`, and dials again whenever the connection is lost.
async fn agent(relay: &str, service: String, stop: impl Future<Output = ()>) -> Result<()> {
    let mut stop = pin!(stop);
    loop {
        let session = tokio::select! {
            session = dial(relay) => session,
            () = &mut stop => return Ok(()),
        };
        match serve(&session, &service, stop.as_mut()).await {
            Ok(()) => return Ok(()),
            Err(cause) => eprintln!("agent: lost the relay: {cause}"),
        }
        sleep(PAUSE).await;
    }
}

/// Dials until somebody answers, with more patience after each failure.
async fn dial(relay: &str) -> Session {
    let mut pause = PAUSE;
    loop {
        let dialled = TcpStream::connect(relay).await;
        match dialled.and_then(|connection| connection.set_nodelay(true).map(|()| connection)) {
            Ok(connection) => return Session::client(connection, Config::default()),
            Err(error) => eprintln!("agent: cannot reach {relay}: {error}"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

/// Takes streams until `stop`, then none, and closes when those that were taken are done.
async fn serve(
    session: &Session,
    service: &str,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), SessionError> {
    let mut users = JoinSet::new();
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            accepted = session.accept() => match accepted {
                Ok(stream) => { users.spawn(connect(service.to_owned(), stream)); }
                Err(cause) => break cause,
            },
            Some(_) = users.join_next() => {}
            () = &mut stop, if !stopping => {
                stopping = true;
                session.go_away().await?;
            }
        }
    };
    while users.join_next().await.is_some() {}
    // After `go_away`, the end of accepting is not the end of the session.
    if stopping { session.close().await } else { Err(ended) }
}

async fn connect(service: String, mut stream: Stream) {
    stream.reset_on_drop(1);
    match TcpStream::connect(&service).await {
        Ok(connection) => carry(connection, stream).await,
        Err(error) => eprintln!("agent: cannot reach {service}: {error}"),
    }
}

/// Carries bytes both ways, and each side's end to the other.
async fn carry(mut connection: TcpStream, mut stream: Stream) {
    // Merely dropped, it would be finished, and what was cut off would look complete.
    stream.reset_on_drop(1);
    if let Err(error) = copy_bidirectional(&mut connection, &mut stream).await {
        eprintln!("stream {}: {error}", stream.id());
    }
}

/// A hundred users at once, each with a request that the service repeats.
async fn demonstrate() -> Result<()> {
    const USERS: usize = 100;
    let (agents, public) = (local().await?, local().await?);
    let (relay_at, public_at) = (agents.local_addr()?, public.local_addr()?);
    let echo = local().await?;
    let service = echo.local_addr()?.to_string();
    tokio::spawn(relay(agents, public));
    tokio::spawn(repeat(echo));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let agent = tokio::spawn(async move {
        agent(&relay_at.to_string(), service, async { drop(stopped.await) }).await
    });

    let mut users = JoinSet::new();
    for user in 0..USERS {
        users.spawn(async move {
            let mut connection = TcpStream::connect(public_at).await?;
            let request = format!("user {user}").repeat(1000);
            connection.write_all(request.as_bytes()).await?;
            connection.shutdown().await?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await?;
            ensure!(answer == request, "user {user} got {} bytes back", answer.len());
            Ok(())
        });
    }
    while let Some(user) = users.join_next().await {
        user??;
    }
    println!("{USERS} users were served behind one connection that the agent dialled");
    drop(stop);
    agent.await?.context("the agent did not end in good order")
}

async fn local() -> Result<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}

/// The service: says back what it is told.
async fn repeat(listener: TcpListener) -> Result<()> {
    loop {
        let (mut connection, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut from, mut to) = connection.split();
            tokio::io::copy(&mut from, &mut to).await
        });
    }
}
