//! Sessions over blocking sockets, with threads in the place of a runtime:
//! `cargo run -p yamux-proto --example blocking`.
//!
//! The core does no I/O and knows no time. Here, three kinds of threads share it behind a lock: one
//! reads the socket, one writes to it and looks at the clock, and the application's own use streams.
//! Who has changed something wakes the others, and each looks for itself whether that concerns it.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the core's owner has the lock, the sockets and the clock"
)]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{thread, time};

use bytes::{Buf, BytesMut};
use yamux_proto::{
    Config, Connection, ConnectionError, GoAwayCode, Instant, OpenError, ReadError, Side, StreamId,
    Transmit, TransportState, UnknownStream, WriteError,
};

fn main() -> Result<(), Box<dyn Error>> {
    const STREAMS: u8 = 8;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = Session::new(TcpStream::connect(listener.local_addr()?)?, Side::Client)?;
    let server = Session::new(listener.accept()?.0, Side::Server)?;

    let echo = thread::spawn(move || {
        while let Some(stream) = server.accept() {
            let server = server.clone();
            thread::spawn(move || server.echo(stream).expect("an honest peer"));
        }
        server.wait_for_end()
    });

    thread::scope(|scope| {
        for n in 1..=STREAMS {
            let client = &client;
            scope.spawn(move || client.call(n).expect("an honest peer"));
        }
    });
    client.with(|connection| connection.close(GoAwayCode::NORMAL));
    println!("{STREAMS} streams at once carried a megabyte there and back each");
    println!("the client's session has ended: {}", client.wait_for_end());
    println!("the server's session has ended: {}", echo.join().expect("it does not panic"));
    Ok(())
}

/// A session and the threads that serve it.
#[derive(Clone)]
struct Session(Arc<Shared>);

struct Shared {
    connection: Mutex<Connection>,
    changed: Condvar,
    start: time::Instant,
}

impl Session {
    fn new(socket: TcpStream, side: Side) -> io::Result<Self> {
        let config = Config::default();
        socket.set_nodelay(true)?;
        // A peer that takes nothing is no better than one that is gone.
        socket.set_write_timeout(Some(config.write_stall_timeout()))?;
        let session = Self(Arc::new(Shared {
            connection: Mutex::new(Connection::new(side, config, Instant::ORIGIN)),
            changed: Condvar::new(),
            start: time::Instant::now(),
        }));
        let (reader, writer) = (session.clone(), session.clone());
        let input = socket.try_clone()?;
        thread::spawn(move || reader.read_socket(input));
        thread::spawn(move || writer.write_socket(socket));
        Ok(session)
    }

    fn now(&self) -> Instant {
        Instant::ORIGIN + self.0.start.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and lets everybody look.
    fn with<T>(&self, act: impl FnOnce(&mut Connection) -> T) -> T {
        let result = act(&mut self.lock());
        self.0.changed.notify_all();
        result
    }

    fn sleep<'a>(&self, connection: MutexGuard<'a, Connection>) -> MutexGuard<'a, Connection> {
        self.0.changed.wait(connection).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is an answer.
    fn wait_for<T>(&self, mut ask: impl FnMut(&mut Connection) -> Option<T>) -> T {
        let mut connection = self.lock();
        loop {
            // Here, to be woken is to look for oneself: events would say whom to wake.
            while connection.poll_event().is_some() {}
            if let Some(answer) = ask(&mut connection) {
                drop(connection);
                self.0.changed.notify_all();
                return answer;
            }
            connection = self.sleep(connection);
        }
    }
}

/// The two threads between the session and its socket.
impl Session {
    fn read_socket(&self, mut socket: TcpStream) {
        let (mut buffer, mut input) = (vec![0; 64 * 1024], BytesMut::new());
        loop {
            // To what was received, an error is an end.
            let read = socket.read(&mut buffer).unwrap_or(0);
            if read == 0 {
                return self.with(|connection| connection.handle_eof(self.now()));
            }
            input.extend_from_slice(&buffer[..read]);
            self.with(|connection| connection.handle_input(self.now(), &mut input));
            // More would be unread for too long, or opens streams that nobody accepts.
            let mut connection = self.lock();
            while !connection.wants_input() && connection.cause().is_none() {
                connection = self.sleep(connection);
                connection.handle_input(self.now(), &mut input);
            }
        }
    }

    fn write_socket(&self, mut socket: TcpStream) {
        let mut batch = Transmit::default();
        loop {
            let mut connection = self.lock();
            let now = self.now();
            if connection.poll_timeout().is_some_and(|at| at <= now) {
                connection.handle_timeout(now);
            }
            if connection.poll_transmit(now, &mut batch) {
                drop(connection);
                let written = write_batch(&mut socket, &mut batch);
                self.with(|connection| match written {
                    Ok(()) => connection.handle_transmitted(self.now()),
                    Err(_) => connection.handle_transport_failure(),
                });
                continue;
            }
            if connection.poll_writers() {
                drop(connection);
                self.0.changed.notify_all();
                thread::yield_now();
                continue;
            }
            match connection.transport_state() {
                TransportState::Open | TransportState::AwaitEnd => {}
                TransportState::CloseWrite => {
                    // An error means that there is nothing left to close.
                    let _ = socket.shutdown(Shutdown::Write);
                    connection.handle_write_closed(now);
                    continue;
                }
                TransportState::Done => {
                    let _ = socket.shutdown(Shutdown::Both);
                    self.0.changed.notify_all();
                    return;
                }
            }
            self.0.changed.notify_all();
            match connection.poll_timeout() {
                Some(at) => drop(self.0.changed.wait_timeout(connection, at - now)),
                None => drop(self.sleep(connection)),
            }
        }
    }
}

fn write_batch(socket: &mut TcpStream, batch: &mut Transmit) -> io::Result<()> {
    while batch.has_remaining() {
        let len = batch.chunk().len();
        socket.write_all(batch.chunk())?;
        batch.advance(len);
    }
    Ok(())
}

/// What the application does, one thread a stream.
impl Session {
    /// The next stream of the peer, until the session has ended.
    fn accept(&self) -> Option<StreamId> {
        self.wait_for(|connection| match connection.accept() {
            Some(stream) => Some(Some(stream)),
            None => connection.cause().map(|_| None),
        })
    }

    fn open(&self) -> Result<StreamId, OpenError> {
        self.wait_for(|connection| match connection.open() {
            Err(OpenError::Backlog) => None,
            opened => Some(opened),
        })
    }

    fn read_to_end(&self, stream: StreamId) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let (mut all, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
        loop {
            let read = self.wait_for(|connection| {
                match connection.stream(stream).map(|mut stream| stream.read(&mut buffer)) {
                    Ok(Err(ReadError::Blocked)) => None,
                    read => Some(read),
                }
            })??;
            if read == 0 {
                return Ok(all);
            }
            all.extend_from_slice(&buffer[..read]);
        }
    }

    /// Writes all of it, and FIN.
    fn write_all(
        &self,
        stream: StreamId,
        mut data: &[u8],
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        while !data.is_empty() {
            let written = self.wait_for(|connection| {
                match connection.stream(stream).map(|mut stream| stream.write(data)) {
                    Ok(Err(WriteError::Blocked)) => None,
                    written => Some(written),
                }
            })??;
            data = &data[written..];
        }
        Ok(self.with(|connection| connection.stream(stream).map(|mut stream| stream.finish()))??)
    }

    /// Frees the place that the stream has in the session: due for every one, finished or not.
    fn let_go(&self, stream: StreamId) -> Result<(), UnknownStream> {
        self.with(|connection| {
            connection.stream(stream)?.stop_writing();
            connection.stream(stream)?.stop_reading();
            Ok(())
        })
    }

    fn echo(&self, stream: StreamId) -> Result<(), Box<dyn Error + Send + Sync>> {
        let request = self.read_to_end(stream)?;
        self.write_all(stream, &request)?;
        Ok(self.let_go(stream)?)
    }

    fn call(&self, byte: u8) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (stream, request) = (self.open()?, vec![byte; 1 << 20]);
        self.write_all(stream, &request)?;
        assert!(self.read_to_end(stream)? == request, "stream {stream} gave something else");
        Ok(self.let_go(stream)?)
    }

    /// Waits until the transport is of no more use, and says why.
    fn wait_for_end(&self) -> ConnectionError {
        self.wait_for(|connection| match connection.transport_state() {
            TransportState::Done => connection.cause(),
            TransportState::Open | TransportState::CloseWrite | TransportState::AwaitEnd => None,
        })
    }
}
