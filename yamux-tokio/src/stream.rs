//! Streams in the traits of Tokio.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;
use yamux_proto::StreamId;
use yamux_proto::driver::{Handle, RecvHandle, SendHandle, StreamError};

/// One stream of a session, to read and write.
///
/// - Reading yields 0 bytes only after the peer finished the stream. A reset is
///   [`ConnectionReset`](io::ErrorKind::ConnectionReset). The end of the session is
///   [`NotConnected`](io::ErrorKind::NotConnected), or [`TimedOut`](io::ErrorKind::TimedOut) if a
///   timeout ended it, or [`InvalidData`](io::ErrorKind::InvalidData) if the peer broke the protocol.
///   A stream that the peer never acknowledged is `TimedOut` too, after
///   [`open_timeout`](crate::Config::open_timeout). All of them come after what was received before;
///   [`StreamError::from_io`] tells more.
/// - Writing takes what the peer's window and the stream's send buffer have room for, and sends it
///   without a flush. A flush waits until the transport has it. When the peer has finished the stream
///   and then resets it, because it wants no more, writes fail; what was flushed stays flushed, and the
///   answer can be read.
/// - Shutting down finishes the stream: the peer reads to the end, and can still write.
/// - Dropping finishes it too, without waiting; what the peer still sends is discarded for a while,
///   and then the stream is reset. To the peer that is the end of a complete message, also if it
///   was an error or a cancelled task that dropped the stream: where that matters, say
///   [`reset_on_drop`](Self::reset_on_drop) first, or
///   [`Config::reset_unfinished`](crate::Config::reset_unfinished) for all streams.
///
/// Streams are independent: of several that have something to read, any may be read first, whatever the
/// order on the wire, as the executor likes.
///
/// Reads, writes, flushes and shutdowns are cancel safe: a cancelled one has lost no data, and the FIN of
/// a shutdown is in line from its first poll on. So is [`read_chunk`](Self::read_chunk); a cancelled
/// [`write_chunk`](Self::write_chunk) may have sent a part.
///
/// ```
/// use bytes::Bytes;
/// use yamux_tokio::{Config, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (near, far) = tokio::io::duplex(4096);
/// # let client = Session::client(near, Config::default());
/// # let server = Session::server(far, Config::default());
/// let mut stream = client.open().await?;
/// stream.write_chunk(Bytes::from_static(b"no copy")).await?;
///
/// let mut peer = server.accept().await?;
/// let chunk = peer.read_chunk(64).await?;
/// assert_eq!(chunk.as_deref(), Some(&b"no copy"[..]));
/// # Ok(())
/// # }
/// ```
pub struct Stream {
    handle: Handle,
    buffered: Buffered,
}

/// The reading half of a [`Stream`].
pub struct RecvHalf {
    handle: RecvHandle,
    buffered: Buffered,
}

/// The writing half of a [`Stream`].
pub struct SendHalf {
    handle: SendHandle,
}

// What was received is nobody's business in a log.
impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

impl fmt::Debug for RecvHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvHalf").field("id", &self.id().get()).finish_non_exhaustive()
    }
}

impl fmt::Debug for SendHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendHalf").field("id", &self.id().get()).finish_non_exhaustive()
    }
}

/// What `fill_buf` lent out; boxed when it is first used, to keep streams small.
type Buffered = Option<Box<Bytes>>;

impl Stream {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle, buffered: None }
    }

    /// Splits into halves that two tasks can use. Dropping the [`SendHalf`] finishes the stream.
    /// Dropping the [`RecvHalf`] discards what still arrives; after
    /// [`Config::linger_bytes`](crate::Config::linger_bytes) of it the whole stream is reset, the
    /// other half too.
    #[must_use]
    pub fn into_split(self) -> (RecvHalf, SendHalf) {
        let (recv, send) = self.handle.split();
        (RecvHalf { handle: recv, buffered: self.buffered }, SendHalf { handle: send })
    }
}

/// What every handle has.
macro_rules! common {
    ($($type:ident)*) => {$(
        impl $type {
            /// The number of the stream.
            pub fn id(&self) -> StreamId {
                self.handle.id()
            }

            /// Whether the peer has shown that it has taken the stream; always true for the peer's own.
            ///
            /// A peer that resets a stream of ours before that has refused it: none of its application's
            /// code has seen the stream, and what was to be done over it can be tried again. That holds
            /// for peers that acknowledge in `accept`, as this library does; hashicorp/yamux does too,
            /// but never what we had finished before, and Parity's `yamux` with its first frame on the
            /// stream.
            pub fn is_acked(&self) -> bool {
                self.handle.is_acked()
            }

            /// Why nothing more can come or go, once that is so: the stream was reset, both sides have
            /// finished it ([`StreamError::Finished`]), or the session has ended. What had come before
            /// can be read. To look here before work begins on a stream just accepted spares the work
            /// for a request that was cancelled meanwhile.
            pub fn close_reason(&self) -> Option<StreamError> {
                self.handle.close_reason()
            }

            /// Ends both directions at once, those of another half too: after what was written, the
            /// peer gets a reset with `code`. A peer may end the session if more than a few hundred
            /// streams a second are reset before it has accepted them; this library does at 256,
            /// after the first 1,024.
            pub fn reset(&mut self, code: u32) {
                self.handle.reset(code);
            }

            /// From now on, to drop this before it has ended is to [`reset`](Self::reset) the stream with
            /// `code`: for a task that may be cancelled or fail. Its peer does not take a part for the
            /// whole then, and hears at once that nobody waits for the answer any more. The writing half
            /// has ended with its shutdown, the reading half with the peer's, a [`Stream`] with both. The
            /// halves of [`into_split`](Stream::into_split) keep the setting.
            ///
            /// `None` takes that back, and to drop this is to finish the stream. Do so when the task is
            /// done, if the peer may not have finished the stream by then, as with requests that say how
            /// long they are: a reset makes hashicorp/yamux throw away what its application has not read.
            ///
            /// ```
            /// # async fn doc(mut stream: yamux_tokio::Stream) -> std::io::Result<()> {
            /// # use tokio::io::AsyncWriteExt;
            /// stream.reset_on_drop(1); // a request, a timeout, an error on the way
            /// stream.write_all(b"the answer").await?;
            /// stream.shutdown().await?;
            /// stream.reset_on_drop(None); // all is well
            /// # Ok(())
            /// # }
            /// ```
            pub fn reset_on_drop(&mut self, code: impl Into<Option<u32>>) {
                self.handle.reset_on_drop(code.into());
            }
        }
    )*};
}

/// What the handles that read have.
macro_rules! reading {
    ($($type:ident)*) => {$(
        impl $type {
            /// The next bytes, at most `max`, in one piece and without a copy; `None` only after the
            /// peer finished the stream. With a `max` of 0, an empty piece at once.
            ///
            /// A piece may be a part of the session's read buffer, 272 kB at most, which lives as long as
            /// the piece: copy what is kept for long.
            ///
            /// # Errors
            /// As for reading.
            ///
            /// # Cancel safety
            /// A cancelled call has taken nothing.
            pub async fn read_chunk(&mut self, max: usize) -> io::Result<Option<Bytes>> {
                poll_fn(|cx| self.poll_read_chunk(cx, max)).await
            }

            /// [`read_chunk`](Self::read_chunk) for who polls by hand.
            ///
            /// # Errors
            /// As for reading.
            pub fn poll_read_chunk(
                &mut self,
                cx: &mut Context<'_>,
                max: usize,
            ) -> Poll<io::Result<Option<Bytes>>> {
                if let Some(bytes) = lent(&mut self.buffered) {
                    return Poll::Ready(Ok(Some(bytes.split_to(max.min(bytes.len())))));
                }
                in_turn(cx, |cx| self.handle.poll_read_chunk(cx, max)).map_err(Into::into)
            }
        }

        impl AsyncRead for $type {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                if let Some(bytes) = lent(&mut self.buffered) {
                    buf.put_slice(&bytes.split_to(buf.remaining().min(bytes.len())));
                    return Poll::Ready(Ok(()));
                }
                let max = buf.remaining();
                let read = in_turn(cx, |cx| {
                    self.handle.poll_read(cx, max, |piece| buf.put_slice(piece))
                });
                ready!(read)?;
                Poll::Ready(Ok(()))
            }
        }

        impl AsyncBufRead for $type {
            fn poll_fill_buf(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<&[u8]>> {
                let this = self.get_mut();
                if lent(&mut this.buffered).is_none() {
                    // A copy: a slice of the session's buffer would keep all of it alive for as long as
                    // the application takes over a line, and a peer could have that for each stream.
                    let mut copy = Vec::new();
                    let read = in_turn(cx, |cx| {
                        this.handle.poll_read(cx, FILL_MAX, |piece| copy.extend_from_slice(piece))
                    });
                    ready!(read)?;
                    **this.buffered.get_or_insert_default() = copy.into();
                }
                Poll::Ready(Ok(this.buffered.as_deref().map_or(&[], |bytes| bytes)))
            }

            fn consume(mut self: Pin<&mut Self>, amount: usize) {
                if let Some(bytes) = lent(&mut self.buffered) {
                    drop(bytes.split_to(amount));
                }
            }
        }
    )*};
}

/// What the handles that write have.
macro_rules! writing {
    ($($type:ident)*) => {$(
        impl $type {
            /// Writes all of `chunk`, without a copy unless it is shorter than 4 KiB. Data is sent
            /// without a flush.
            ///
            /// # Errors
            /// As for writing.
            ///
            /// # Cancel safety
            /// When cancelled, a part of `chunk` from its front may have been taken, and will be sent: who
            /// needs to know which writes by [`write_chunk_buf`](Self::write_chunk_buf).
            pub async fn write_chunk(&mut self, mut chunk: Bytes) -> io::Result<()> {
                self.write_chunk_buf(&mut chunk).await
            }

            /// [`write_chunk`](Self::write_chunk) from the front of `chunk` until nothing is left of it.
            ///
            /// # Errors
            /// As for writing.
            ///
            /// # Cancel safety
            /// What was not taken stays in `chunk`, also after an error, and can be written later.
            pub async fn write_chunk_buf(&mut self, chunk: &mut Bytes) -> io::Result<()> {
                poll_fn(|cx| self.poll_write_chunk(cx, chunk)).await
            }

            /// [`write_chunk_buf`](Self::write_chunk_buf) for who polls by hand.
            ///
            /// # Errors
            /// As for writing.
            pub fn poll_write_chunk(
                &mut self,
                cx: &mut Context<'_>,
                chunk: &mut Bytes,
            ) -> Poll<io::Result<()>> {
                self.handle.poll_write_chunk(cx, chunk).map_err(Into::into)
            }

            /// Waits until nothing more can come or go, and says why: the stream was reset, both
            /// sides have finished it ([`StreamError::Finished`]), or the session has ended. To a
            /// handler that has read its request to the end, this is the sign to stop working on the
            /// answer.
            ///
            /// # Cancel safety
            /// Can be cancelled at any time.
            pub async fn closed(&mut self) -> StreamError {
                poll_fn(|cx| self.poll_closed(cx)).await
            }

            /// [`closed`](Self::closed) for who polls by hand. A task that also writes, flushes or
            /// closes the stream is woken for the last of them that it polled, and polls all it waits
            /// for.
            pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
                self.handle.poll_closed(cx)
            }
        }

        impl AsyncWrite for $type {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.handle.poll_write(cx, buf).map_err(Into::into)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.handle.poll_write_vectored(cx, bufs).map_err(Into::into)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.handle.poll_flush(cx).map_err(Into::into)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.handle.poll_close(cx).map_err(Into::into)
            }
        }
    )*};
}

common!(Stream RecvHalf SendHalf);
reading!(Stream RecvHalf);
writing!(Stream SendHalf);

/// The most that `fill_buf` takes at once, in bytes.
const FILL_MAX: usize = 16 * 1024;

/// Reads as Tokio's own I/O does: a task that always finds something gives way to others in time, the
/// driver among them. Writers give way by themselves.
fn in_turn<T>(cx: &mut Context<'_>, read: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    let budget = ready!(coop::poll_proceed(cx));
    let read = read(cx);
    if read.is_ready() {
        budget.made_progress();
    }
    read
}

/// What `fill_buf` lent out and nobody consumed.
fn lent(buffered: &mut Buffered) -> Option<&mut Bytes> {
    buffered.as_deref_mut().filter(|bytes| !bytes.is_empty())
}
