//! A session over one connection.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use yamux_proto::driver::{self, SessionError};
use yamux_proto::{Config, Side, Stats};

use crate::runtime::{Timer, Transport};
use crate::stream::Stream;

/// A session: opens and accepts [`Stream`]s over one connection.
///
/// It is a handle that clones share. When the last clone and the last stream are dropped, the session
/// closes in the background as [`close`](Self::close) does. Streams that outlive the last clone go on;
/// the peer's new ones are reset, because nobody could accept them.
///
/// ```
/// use async_std::net::{TcpListener, TcpStream};
/// use yamux_async_std::{Config, Session};
///
/// # #[async_std::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let near = TcpStream::connect(listener.local_addr()?).await?;
/// let (far, _) = listener.accept().await?;
/// let client = Session::client(near, Config::default());
/// let server = Session::server(far, Config::default());
///
/// let opened = client.open().await?;
/// let accepted = server.accept().await?;
/// assert_eq!(opened.id(), accepted.id());
/// println!("round trip: {:?}", client.ping().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session(driver::Session);

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Session {
    /// A session for the side that dialled, whichever opens streams; the other one must be a
    /// [`server`](Self::server). Its driver is spawned on async-std, or on smol with that feature.
    ///
    /// Yamux has no handshake: this and [`open`](Self::open) succeed whoever is at the other end. To
    /// know, [`ping`](Self::ping) within a time of your own.
    #[cfg(any(feature = "async-std", feature = "smol"))]
    pub fn client<T>(io: T, config: Config) -> Self
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::spawn(io, Side::Client, config)
    }

    /// A session for the side that was dialled. Its driver is spawned on async-std, or on smol with that
    /// feature.
    #[cfg(any(feature = "async-std", feature = "smol"))]
    pub fn server<T>(io: T, config: Config) -> Self
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::spawn(io, Side::Server, config)
    }

    /// A session and its driver, which the caller runs: spawned, joined with other futures, on any
    /// executor.
    ///
    /// A session ends by closing the write side of `io`, and waits for the peer to do the same. The TCP
    /// and Unix sockets of async-std, and those in an `async_io::Async`, are recognised and shut down,
    /// which their `poll_close` does not do. With another transport whose `poll_close` only flushes,
    /// [`close`](Self::close) can take a second longer.
    ///
    /// ```
    /// use yamux_async_std::{Config, Session, Side};
    ///
    /// # #[async_std::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let near = async_std::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (far, _) = listener.accept().await?;
    /// # let server = Session::server(far, Config::default());
    /// # async_std::task::spawn(async move { while server.accept().await.is_ok() {} });
    /// let (session, driver) = Session::with_driver(near, Side::Client, Config::default());
    /// let work = async {
    ///     let stream = session.open().await?;
    ///     drop(stream);
    ///     session.close().await
    /// };
    /// let ((), done) = futures::join!(driver, work);
    /// # Ok(done?)
    /// # }
    /// ```
    pub fn with_driver<T>(io: T, side: Side, config: Config) -> (Self, Driver<T>)
    where
        T: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (session, driver) = driver::session(Transport::new(io), Timer::new(), side, config);
        (Self(session), Driver(driver))
    }

    #[cfg(any(feature = "async-std", feature = "smol"))]
    fn spawn<T>(io: T, side: Side, config: Config) -> Self
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (session, driver) = Self::with_driver(io, side, config);
        crate::runtime::spawn(driver);
        session
    }

    /// Opens a stream. Data can be written at once; whether the peer takes the stream shows later: one
    /// that it refuses, because it has too many or its Go Away is still on its way here, is reset with
    /// code 0. Waits while the peer has yet to acknowledge 256 streams of this side. Works after this
    /// side's [`go_away`](Self::go_away) too, which is about the peer's streams.
    ///
    /// # Errors
    /// [`SessionError::Refused`] after the peer's Go Away, [`SessionError::IdsExhausted`] after 2^31
    /// streams, or why the session ended.
    ///
    /// # Cancel safety
    /// A cancelled call has opened nothing.
    pub async fn open(&self) -> Result<Stream, SessionError> {
        self.0.open().await.map(Stream::new)
    }

    /// [`open`](Self::open) for who polls by hand.
    pub fn opener(&self) -> Opener {
        Opener { turn: self.0.open_turn(), session: self.0.clone() }
    }

    /// The next stream that the peer opened. Several tasks may accept; each stream goes to one.
    ///
    /// Accept without delay: hashicorp/yamux ends its whole session when one of its streams is not
    /// accepted in time (`StreamOpenTimeout`, 75 s by default), and a peer that gives up on many that were
    /// not accepted ends this one (see
    /// [`max_early_resets`](crate::ConfigBuilder::max_early_resets)). To bound the work, accept and then
    /// wait, for a permit or for [`closed`](Stream::closed); or accept and [`reset`](Stream::reset); or
    /// set [`max_inbound_streams`](crate::ConfigBuilder::max_inbound_streams).
    ///
    /// # Errors
    /// Why the session ended; [`SessionError::Closed`] also after [`go_away`](Self::go_away), once the
    /// streams that came before it have been accepted.
    ///
    /// # Cancel safety
    /// A cancelled call has taken no stream.
    pub async fn accept(&self) -> Result<Stream, SessionError> {
        self.0.accept().await.map(Stream::new)
    }

    /// The streams that the peer opens, as a [`futures_core::Stream`]; it ends after a clean close,
    /// after [`go_away`](Self::go_away), and after an error.
    ///
    /// ```
    /// use futures::StreamExt;
    /// use yamux_async_std::{Config, Session};
    ///
    /// # #[async_std::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let near = async_std::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (far, _) = listener.accept().await?;
    /// # let client = Session::client(near, Config::default());
    /// let server = Session::server(far, Config::default());
    /// # drop(client.open().await?);
    /// # async_std::task::spawn(async move { client.close().await });
    /// let mut incoming = server.incoming();
    /// while let Some(stream) = incoming.next().await {
    ///     println!("accepted {:?}", stream?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn incoming(&self) -> Incoming {
        Incoming { turn: self.0.accept_turn(), session: Some(self.0.clone()) }
    }

    /// Measures a round trip, from handing a ping to the transport to reading its answer. It has no
    /// timeout of its own: with a silent peer it ends when the keepalive ends the session, and without
    /// a keepalive never; nor with a peer that answers no pings and is not silent.
    ///
    /// # Errors
    /// Why the session ended.
    ///
    /// # Cancel safety
    /// Can be cancelled at any time.
    pub async fn ping(&self) -> Result<Duration, SessionError> {
        self.0.ping().await
    }

    /// The last round trip measured. One is measured as the session begins.
    pub fn rtt(&self) -> Option<Duration> {
        self.0.rtt()
    }

    /// Tells the peer that no new streams are taken, and refuses those that come; the open ones live
    /// on. Waits for nothing: the driver sends it in its turn. go-yamux and most libp2p
    /// implementations end the session when they hear this.
    ///
    /// This is how a server stops without cutting anything off: its [`accept`](Self::accept) fails
    /// after the last stream that had come, and when every stream and every `Session` has been
    /// dropped, the session closes. Whoever spawned the driver of [`with_driver`](Self::with_driver) can
    /// wait for its task to see that end.
    ///
    /// # Errors
    /// Why the session ended, if it has.
    ///
    /// # Cancel safety
    /// It never waits, so it cannot be cancelled half way.
    pub async fn go_away(&self) -> Result<(), SessionError> {
        self.0.go_away().await
    }

    /// Closes in good order, within [`Config::close_timeout`]: no new streams; what was written before
    /// this call goes out; the peer may read it and end the streams that were finished here; then Go
    /// Away, and the end of the transport. Streams that were not finished are reset, however busy they
    /// are; so are those that wait to be accepted, even if they hold a complete request: to serve them
    /// first, [`go_away`](Self::go_away), and close when they are done. A stream that was dropped is a
    /// finished one: [`reset`](Stream::reset) an answer that need not be waited for.
    ///
    /// Await this before the program or its runtime ends: nobody moves bytes after that, and even what
    /// was flushed may be lost with the transport. The last second of the time, at most half of it, is
    /// kept for Go Away and the end of the transport. A peer that waits for the end of its input makes it
    /// last that long where closing `io` does not bring that end: see [`with_driver`](Self::with_driver).
    ///
    /// # Errors
    /// Why the session ended, if not by this call, nor by an [`abort`](Self::abort) before, or the peer
    /// with nothing left to deliver. [`SessionError::CloseTimeout`] if data may be lost. That is so too
    /// when the peer did not end a stream that was finished here: it may not have read all of it, and
    /// most peers drop the rest at Go Away. `Ok` says nothing of streams that were not finished, or that
    /// the peer reset; what was on its way to such a stream as the peer left counts as lost all the same.
    ///
    /// # Cancel safety
    /// The closing goes on if the call is cancelled; [`abort`](Self::abort) cuts it short.
    pub async fn close(&self) -> Result<(), SessionError> {
        self.0.close().await
    }

    /// [`close`](Self::close) within this time, if [`Config::close_timeout`] is longer; also when closing
    /// has begun, by whomever. For a program that has to end soon: what the peer has not taken by then is
    /// lost, but its streams are reset and it hears Go Away, where [`abort`](Self::abort) says nothing.
    /// Half of the time, at most a second, is for that.
    ///
    /// # Errors
    /// As for [`close`](Self::close).
    ///
    /// # Cancel safety
    /// The closing goes on if the call is cancelled.
    pub async fn close_within(&self, time: Duration) -> Result<(), SessionError> {
        self.0.close_within(time).await
    }

    /// Ends the session now. What has not been sent is lost, and every pending call fails with
    /// [`SessionError::Closed`]; so does a [`close`](Self::close) that still had something to deliver.
    /// The peer sees the transport end, which hashicorp/yamux takes for the end of its streams, as if
    /// they were complete.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Waits for the end of the session and says why it ended. The handle that waits counts as one: the
    /// session does not close for want of handles while somebody waits here; see
    /// [`on_closed`](Self::on_closed).
    ///
    /// # Cancel safety
    /// Can be cancelled at any time.
    pub async fn closed(&self) -> SessionError {
        self.0.closed().await
    }

    /// A future of why the session ended that does not keep it open: for a log, or a pool of sessions.
    ///
    /// # Cancel safety
    /// Can be cancelled at any time.
    pub fn on_closed(&self) -> impl Future<Output = SessionError> + Send + use<> {
        self.0.on_closed()
    }

    /// Whether the session has ended. One that has not may still refuse to [`open`](Self::open): see
    /// [`can_open`](Self::can_open).
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Why the session ended, if it has: what [`closed`](Self::closed) waits for.
    pub fn close_reason(&self) -> Option<SessionError> {
        self.0.close_reason()
    }

    /// Whether [`open`](Self::open) has a stream to give, now or once the peer has acknowledged earlier
    /// ones. Not after the peer's Go Away, while the streams that there are live on: a pool should look
    /// for another session.
    pub fn can_open(&self) -> bool {
        self.0.can_open()
    }

    /// Streams that are open, or wait to be accepted, or that the application still holds.
    pub fn num_streams(&self) -> usize {
        self.0.num_streams()
    }

    /// Which side of the connection this is.
    pub fn side(&self) -> Side {
        self.0.side()
    }

    /// The numbers of the session so far.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}

/// [`Session::open`] for who polls by hand, as traits of other libraries demand. It keeps the session
/// open.
///
/// ```
/// use std::future::poll_fn;
/// use yamux_async_std::{Config, Session};
///
/// # #[async_std::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let near = async_std::net::TcpStream::connect(listener.local_addr()?).await?;
/// # let (far, _) = listener.accept().await?;
/// # let server = Session::server(far, Config::default());
/// let session = Session::client(near, Config::default());
/// let mut opener = session.opener();
/// let stream = poll_fn(|cx| opener.poll_open(cx)).await?;
/// # drop((stream, server));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Opener {
    turn: driver::OpenTurn,
    session: driver::Session,
}

impl Opener {
    /// Opens a stream, as soon as it is this one's turn among all who wait for that. If it is not polled
    /// again when woken, others have their turn: each chance wakes all openers that wait, so one for each
    /// task is enough.
    ///
    /// # Errors
    /// As for [`Session::open`].
    pub fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stream, SessionError>> {
        self.session.poll_open(cx, &mut self.turn).map_ok(Stream::new)
    }
}

/// The streams that the peer opens: see [`Session::incoming`]. It keeps the session open. Where many wait,
/// each stream wakes all of them, for nobody knows which are still polled; [`Session::accept`] wakes one.
#[must_use = "it takes no stream until it is polled"]
#[derive(Debug)]
pub struct Incoming {
    turn: driver::AcceptTurn,
    session: Option<driver::Session>,
}

impl futures_core::Stream for Incoming {
    type Item = Result<Stream, SessionError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(session) = &this.session else { return Poll::Ready(None) };
        Poll::Ready(match ready!(session.poll_accept(cx, &mut this.turn)) {
            Ok(stream) => Some(Ok(Stream::new(stream))),
            Err(error) => {
                this.session = None;
                (!error.is_clean()).then_some(Err(error))
            }
        })
    }
}

/// Moves the bytes of a session: see [`Session::with_driver`]. Resolves when the session is over;
/// dropping it ends the session with [`SessionError::DriverDropped`] for every waiter.
#[derive(Debug)]
#[must_use = "a session only lives while its driver runs"]
pub struct Driver<T>(driver::Driver<Transport<T>, Timer>);

impl<T: AsyncRead + AsyncWrite + Unpin + 'static> Future for Driver<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}
