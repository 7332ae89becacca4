//! A batch on its way into the transport.

use alloc::vec::Vec;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};

use bytes::Buf;

use super::Transport;
use crate::connection::Transmit;

/// What is copied together for a transport that takes one buffer at a time, in bytes: as much as fits
/// a TLS record.
const TOGETHER: usize = 16 * 1024;

/// Control frames and small messages do not wait in one write with more than this, in bytes: it may be a
/// record or a message that the peer can read only when all of it is there. On 10 Mbit/s, a ping beside
/// an upload would take 53 ms then instead of 39.
const IN_COMPANY: usize = 4 * 1024;

/// Writes what is left of the batch, and flushes behind it: only then the transport has it, and a
/// flush that gets stuck is no better than a write.
pub(super) fn poll_send(
    transport: &mut impl Transport,
    cx: &mut Context<'_>,
    batch: &mut Transmit,
) -> Poll<io::Result<()>> {
    while batch.has_remaining() {
        let written = if !transport.is_write_vectored() {
            write_together(transport, cx, batch)
        } else if batch.has_chunks() {
            write_segments::<64>(transport, cx, batch)
        } else {
            // Most batches are one buffer of frames, with control frames ahead of it at times.
            write_segments::<2>(transport, cx, batch)
        };
        batch.advance(ready!(written)?);
    }
    transport.poll_flush(cx)
}

/// One vectored write of at most `N` segments.
fn write_segments<const N: usize>(
    transport: &mut impl Transport,
    cx: &mut Context<'_>,
    batch: &Transmit,
) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); N];
    let mut count: usize = 0;
    for (slice, segment) in slices.iter_mut().zip(batch.segments()) {
        *slice = IoSlice::new(segment);
        count = count.saturating_add(1);
    }
    write(transport, cx, slices.get(..count).unwrap_or_default())
}

/// One write of the first segment, or of a copy of several.
fn write_together(
    transport: &mut impl Transport,
    cx: &mut Context<'_>,
    batch: &Transmit,
) -> Poll<io::Result<usize>> {
    let (first, all) = (batch.chunk(), batch.remaining());
    let leads = batch.has_head() && all > IN_COMPANY;
    if leads || first.len() >= TOGETHER || first.len() == all {
        return write(transport, cx, &[IoSlice::new(first)]);
    }
    let mut together = Vec::with_capacity(all.min(TOGETHER));
    for segment in batch.segments() {
        let room = TOGETHER.saturating_sub(together.len());
        // There may be a segment for each of many streams, and this is done for every 16 KiB of them.
        if room == 0 {
            break;
        }
        together.extend_from_slice(segment.get(..room).unwrap_or(segment));
    }
    write(transport, cx, &[IoSlice::new(&together)])
}

fn write(
    transport: &mut impl Transport,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let given = slices.iter().fold(0, |sum: usize, slice| sum.saturating_add(slice.len()));
    Poll::Ready(match ready!(transport.poll_write_vectored(cx, slices))? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written if written > given => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the transport says that it wrote more than it was given",
        )),
        written => Ok(written),
    })
}
