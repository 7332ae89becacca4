//! The halves of a stream, each for a task of its own.

use core::fmt;
use core::task::{Context, Poll};
use std::io::IoSlice;

use bytes::Bytes;

use super::error::StreamError;
use super::stream::Handle;
use crate::stream_id::StreamId;

/// The half of a [`Handle`] that reads.
pub struct RecvHandle(pub(super) Handle);

/// The half of a [`Handle`] that writes.
pub struct SendHandle(pub(super) Handle);

/// What every half has, as the whole does.
macro_rules! common {
    ($($half:ident)*) => {$(
        impl $half {
            /// The number of the stream.
            pub const fn id(&self) -> StreamId {
                self.0.id()
            }

            /// See [`Handle::is_acked`].
            pub fn is_acked(&self) -> bool {
                self.0.is_acked()
            }

            /// See [`Handle::close_reason`].
            pub fn close_reason(&self) -> Option<StreamError> {
                self.0.close_reason()
            }

            /// See [`Handle::reset_on_drop`].
            pub fn reset_on_drop(&mut self, code: Option<u32>) {
                self.0.reset_on_drop(code);
            }

            /// See [`Handle::reset`]: it ends the other half too.
            pub fn reset(&mut self, code: u32) {
                self.0.reset(code);
            }
        }

        impl fmt::Debug for $half {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

common!(RecvHandle SendHandle);

impl RecvHandle {
    /// See [`Handle::poll_read`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        sink: impl FnMut(&[u8]),
    ) -> Poll<Result<usize, StreamError>> {
        self.0.poll_read(cx, max, sink)
    }

    /// See [`Handle::poll_read_chunk`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_read_chunk(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
    ) -> Poll<Result<Option<Bytes>, StreamError>> {
        self.0.poll_read_chunk(cx, max)
    }
}

impl SendHandle {
    /// See [`Handle::poll_write`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, StreamError>> {
        self.0.poll_write(cx, data)
    }

    /// See [`Handle::poll_write_vectored`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize, StreamError>> {
        self.0.poll_write_vectored(cx, slices)
    }

    /// See [`Handle::poll_write_chunk`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_write_chunk(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
    ) -> Poll<Result<(), StreamError>> {
        self.0.poll_write_chunk(cx, data)
    }

    /// See [`Handle::poll_closed`].
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.0.poll_closed(cx)
    }

    /// See [`Handle::poll_flush`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.0.poll_flush(cx)
    }

    /// See [`Handle::poll_close`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.0.poll_close(cx)
    }
}
