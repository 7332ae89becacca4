//! What a call on a stream comes to: its result, its error, or a place among those who wait.

use core::task::{Context, Poll};

use super::error::StreamError;
use super::shared::State;
use super::wakers::Wakes;
use crate::connection::Key;
use crate::error::{ReadError, WriteError};

impl State {
    pub(super) fn poll_read_result<T>(
        &mut self,
        cx: &Context<'_>,
        key: Key,
        result: Result<T, ReadError>,
        wakes: &mut Wakes,
    ) -> Poll<Result<T, StreamError>> {
        Poll::Ready(match result {
            Ok(read) => Ok(read),
            Err(ReadError::Blocked) => {
                self.wait_to_read(key, cx, wakes);
                return Poll::Pending;
            }
            Err(ReadError::Reset(why)) => Err(why.into()),
            Err(ReadError::Closed(cause)) => Err(self.error(cause).into()),
        })
    }

    pub(super) fn poll_write_result(
        &mut self,
        cx: &Context<'_>,
        key: Key,
        result: Result<usize, WriteError>,
        wakes: &mut Wakes,
    ) -> Poll<Result<usize, StreamError>> {
        Poll::Ready(match result {
            Ok(written) => Ok(written),
            Err(WriteError::Blocked) => {
                self.wait_to_write(key, cx, wakes);
                return Poll::Pending;
            }
            Err(WriteError::Finished) => Err(StreamError::Finished),
            Err(WriteError::Reset(why)) => Err(why.into()),
            Err(WriteError::Closed(cause)) => Err(self.error(cause).into()),
        })
    }

    pub(super) fn close_reason(&mut self, key: Key) -> Option<StreamError> {
        let stream = self.connection.stream_at(key);
        if let Some(why) = stream.reset_cause() {
            return Some(why.into());
        }
        if stream.is_ended() {
            return Some(StreamError::Finished);
        }
        self.cause().map(Into::into)
    }

    pub(super) fn poll_closed(
        &mut self,
        cx: &Context<'_>,
        key: Key,
        wakes: &mut Wakes,
    ) -> Poll<StreamError> {
        if let Some(why) = self.close_reason(key) {
            return Poll::Ready(why);
        }
        self.wait_to_write(key, cx, wakes);
        self.connection.stream_at(key).await_end();
        Poll::Pending
    }

    pub(super) fn poll_flush(
        &mut self,
        cx: &Context<'_>,
        key: Key,
        wakes: &mut Wakes,
    ) -> Poll<Result<(), StreamError>> {
        let stream = self.connection.stream_at(key);
        let (reset, stopped) = (stream.reset_cause(), stream.is_stopped());
        let flushed = stream.last_batch().is_none_or(|batch| self.is_flushed(batch));
        match reset {
            // The peer has said all it had to say, and may have answered what was flushed: whoever
            // flushes behind a request goes on to read that.
            Some(_) if stopped && flushed => return Poll::Ready(Ok(())),
            Some(why) => return Poll::Ready(Err(why.into())),
            None => {}
        }
        match self.cause() {
            // What was flushed before a clean FIN stays flushed; with the stream open, the caller
            // would take success for a sign that more can follow.
            Some(cause) if !flushed || self.connection.stream_at(key).can_write() => {
                Poll::Ready(Err(StreamError::from(cause)))
            }
            None if !flushed => {
                self.wait_to_flush(key, cx, wakes);
                Poll::Pending
            }
            Some(_) | None => Poll::Ready(Ok(())),
        }
    }
}
