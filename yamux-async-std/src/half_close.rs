//! The end of the write side, for sockets that do not close it by themselves.

use std::any::Any;
use std::io;
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

use async_io::Async;

/// Closes the write side of a socket of async-std or async-io: their `poll_close` only flushes, and a
/// peer that waits for the end of its input would not see it before the socket is dropped. Any other
/// type is taken to have done so itself.
pub(crate) fn shut_down(io: &dyn Any) -> io::Result<()> {
    let how = Shutdown::Write;
    if let Some(socket) = io.downcast_ref::<Async<TcpStream>>() {
        return socket.get_ref().shutdown(how);
    }
    #[cfg(unix)]
    if let Some(socket) = io.downcast_ref::<Async<UnixStream>>() {
        return socket.get_ref().shutdown(how);
    }
    #[cfg(feature = "async-std")]
    if let Some(socket) = io.downcast_ref::<async_std::net::TcpStream>() {
        return socket.shutdown(how);
    }
    #[cfg(all(feature = "async-std", unix))]
    if let Some(socket) = io.downcast_ref::<async_std::os::unix::net::UnixStream>() {
        return socket.shutdown(how);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::TcpListener;
    use std::time::Duration;

    use futures_io::{AsyncRead, AsyncWrite};
    use yamux_proto::driver::Transport as _;

    use super::*;
    use crate::runtime::Transport;

    /// Fails instead of waiting for ever.
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

    /// The peer reads to the end while this side still has the transport.
    fn the_peer_sees_the_end(
        io: impl AsyncRead + AsyncWrite + Unpin + 'static,
        mut peer: impl io::Read,
    ) {
        let mut transport = Transport::new(io);
        futures::executor::block_on(poll_fn(|cx| transport.poll_close(cx))).unwrap();
        assert_eq!(peer.read(&mut [0]).expect("the input ends"), 0);
        drop(transport);
    }

    fn tcp() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        far.set_read_timeout(PATIENCE).unwrap();
        (near, far)
    }

    #[cfg(unix)]
    fn unix() -> (UnixStream, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_read_timeout(PATIENCE).unwrap();
        (near, far)
    }

    #[test]
    fn of_async_io() {
        let (near, far) = tcp();
        the_peer_sees_the_end(Async::new(near).unwrap(), far);
        #[cfg(unix)]
        {
            let (near, far) = unix();
            the_peer_sees_the_end(Async::new(near).unwrap(), far);
        }
    }

    #[cfg(feature = "async-std")]
    #[test]
    fn of_async_std() {
        let (near, far) = tcp();
        the_peer_sees_the_end(async_std::net::TcpStream::from(near), far);
        #[cfg(unix)]
        {
            let (near, far) = unix();
            the_peer_sees_the_end(async_std::os::unix::net::UnixStream::from(near), far);
        }
    }

    #[test]
    fn of_async_net() {
        let (near, far) = tcp();
        let near = smol::net::TcpStream::try_from(near).unwrap();
        the_peer_sees_the_end(near, far);
    }
}
