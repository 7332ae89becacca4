//! An in-memory transport that can be as narrow, as broken and as raw as a test wants.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use yamux_proto::{Flags, Frame, HEADER_LEN};

/// One end of a pipe; what it writes, the other end reads.
pub(crate) struct End {
    pipe: Arc<Mutex<[Direction; 2]>>,
    side: usize,
}

#[derive(Default)]
struct Direction {
    bytes: VecDeque<u8>,
    capacity: usize,
    closed: bool,
    failure: Option<io::ErrorKind>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// A pipe that holds `capacity` bytes in each direction.
pub(crate) fn pipe(capacity: usize) -> (End, End) {
    let direction = || Direction { capacity, ..Direction::default() };
    let pipe = Arc::new(Mutex::new([direction(), direction()]));
    (End { pipe: Arc::clone(&pipe), side: 0 }, End { pipe, side: 1 })
}

impl End {
    fn lock(&self) -> MutexGuard<'_, [Direction; 2]> {
        self.pipe.lock().unwrap()
    }

    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let direction = &mut self.lock()[1 - self.side];
        if let Some(kind) = direction.failure {
            return Poll::Ready(Err(kind.into()));
        }
        if direction.bytes.is_empty() && !direction.closed {
            direction.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = out.len().min(direction.bytes.len());
        for (place, byte) in out.iter_mut().zip(direction.bytes.drain(..len)) {
            *place = byte;
        }
        wake(&mut direction.writer);
        Poll::Ready(Ok(len))
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let direction = &mut self.lock()[self.side];
        if let Some(kind) = direction.failure {
            return Poll::Ready(Err(kind.into()));
        }
        if direction.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let len = data.len().min(direction.capacity - direction.bytes.len());
        if len == 0 {
            direction.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        direction.bytes.extend(&data[..len]);
        wake(&mut direction.reader);
        Poll::Ready(Ok(len))
    }

    /// Nothing more will be written by this end.
    pub(crate) fn close_write(&self) {
        let direction = &mut self.lock()[self.side];
        direction.closed = true;
        wake(&mut direction.reader);
        wake(&mut direction.writer);
    }

    /// Every use of either end fails from here on.
    pub(crate) fn fail(&self, kind: io::ErrorKind) {
        for direction in self.lock().iter_mut() {
            direction.failure = Some(kind);
            wake(&mut direction.reader);
            wake(&mut direction.writer);
        }
    }

    /// Writes raw bytes.
    pub(crate) async fn send(&self, mut data: &[u8]) {
        while !data.is_empty() {
            let sent = poll_fn(|cx| self.poll_write(cx, data)).await.unwrap();
            data = &data[sent..];
        }
    }

    pub(crate) async fn send_frame(&self, frame: Frame) {
        self.send(&frame.encode()).await;
    }

    /// Reads one frame and its body; `None` at the end.
    pub(crate) async fn frame(&self) -> Option<(Frame, Vec<u8>)> {
        let header = self.receive(HEADER_LEN).await?;
        let frame = Frame::decode(header.as_slice().try_into().unwrap()).unwrap();
        let body = self.receive(frame.body_len() as usize).await?;
        Some((frame, body))
    }

    /// Reads frames until one of a stream carries `flags`, and returns its stream's number.
    pub(crate) async fn stream_with(&self, wanted: Flags) -> u32 {
        loop {
            let (frame, _) = self.frame().await.expect("the session ended");
            if let Frame::Data { stream, flags, .. } | Frame::WindowUpdate { stream, flags, .. } =
                frame
            {
                if flags.contains(wanted) {
                    return stream.get();
                }
            }
        }
    }

    async fn receive(&self, len: usize) -> Option<Vec<u8>> {
        let mut received = vec![0; len];
        let mut at = 0;
        while at < len {
            match poll_fn(|cx| self.poll_read(cx, &mut received[at..])).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => at += read,
            }
        }
        Some(received)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for direction in self.lock().iter_mut() {
            direction.closed = true;
            wake(&mut direction.reader);
            wake(&mut direction.writer);
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
