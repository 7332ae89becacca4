//! Bytes that both sides can compute: an endless pseudo-random sequence for every seed.

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const READ_SIZE: usize = 64 * 1024;

/// A position in the sequence of one seed. The Go peer computes the same sequence (`pattern.go`).
#[derive(Clone, Debug)]
pub struct Pattern {
    seed: u64,
    offset: u64,
}

impl Pattern {
    /// The start of the sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, offset: 0 }
    }

    /// Writes the next bytes of the sequence into all of `buf`.
    pub fn fill(&mut self, buf: &mut [u8]) {
        let mut rest = buf;
        while !rest.is_empty() {
            let word = self.next_word(rest.len());
            let (head, tail) = rest.split_at_mut(word.len);
            head.copy_from_slice(word.bytes());
            rest = tail;
        }
    }

    /// Compares `buf` with the next bytes of the sequence.
    ///
    /// # Errors
    /// Names the first byte that differs.
    pub fn check(&mut self, buf: &[u8]) -> Result<()> {
        let mut rest = buf;
        while !rest.is_empty() {
            let start = self.offset;
            let word = self.next_word(rest.len());
            let (head, tail) = rest.split_at(word.len);
            if head != word.bytes() {
                return Err(self.difference(start, word.bytes(), head));
            }
            rest = tail;
        }
        Ok(())
    }

    fn difference(&self, start: u64, expected: &[u8], got: &[u8]) -> anyhow::Error {
        let at = expected.iter().zip(got).position(|(a, b)| a != b).unwrap_or(0);
        anyhow::anyhow!(
            "seed {}: byte {}: expected {:#04x}, got {:#04x}",
            self.seed,
            start + at as u64,
            expected[at],
            got[at]
        )
    }

    /// The bytes from the offset to the end of its word, at most `limit` of them.
    fn next_word(&mut self, limit: usize) -> Word {
        let start = (self.offset % 8) as usize;
        let len = limit.min(8 - start);
        let word = Word { bytes: self.word(self.offset / 8).to_le_bytes(), start, len };
        self.offset += len as u64;
        word
    }

    /// The output of SplitMix64 for one position of its counter.
    fn word(&self, index: u64) -> u64 {
        let z = self.seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

struct Word {
    bytes: [u8; 8],
    start: usize,
    len: usize,
}

impl Word {
    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }
}

/// Writes `total` bytes of the sequence of `seed` in writes of `chunk` bytes.
///
/// # Errors
/// The first error of the writer, with the offset that it happened at.
pub async fn send<W: AsyncWrite + Unpin + ?Sized>(
    writer: &mut W,
    seed: u64,
    total: usize,
    chunk: usize,
) -> Result<()> {
    let mut pattern = Pattern::new(seed);
    let mut buf = vec![0; chunk.min(total)];
    let mut sent = 0;
    while sent < total {
        let len = buf.len().min(total - sent);
        let part = &mut buf[..len];
        pattern.fill(part);
        writer.write_all(part).await.with_context(|| format!("write at byte {sent} of {total}"))?;
        sent += len;
    }
    Ok(())
}

/// Reads exactly `total` bytes and verifies each against the sequence of `seed`.
///
/// # Errors
/// An error of the reader, an early end, or a byte that differs.
pub async fn receive<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    seed: u64,
    total: usize,
) -> Result<()> {
    let mut pattern = Pattern::new(seed);
    let mut buf = vec![0; READ_SIZE.min(total)];
    let mut received = 0;
    while received < total {
        let len = buf.len().min(total - received);
        let n = reader
            .read(&mut buf[..len])
            .await
            .with_context(|| format!("read at byte {received} of {total}"))?;
        if n == 0 {
            bail!("expected {total} bytes, but the stream ended after {received}");
        }
        pattern.check(&buf[..n])?;
        received += n;
    }
    Ok(())
}

/// As [`receive`], and wants the end of the stream after the last byte.
///
/// # Errors
/// As [`receive`]; also anything but the end of the stream after the last byte.
pub async fn receive_all<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    seed: u64,
    total: usize,
) -> Result<()> {
    receive(reader, seed, total).await?;
    want_end(reader).await
}

/// Wants the end of the stream.
///
/// # Errors
/// A further byte, or an error of the reader.
pub async fn want_end<R: AsyncRead + Unpin + ?Sized>(reader: &mut R) -> Result<()> {
    let n = reader
        .read(&mut [0; 1])
        .await
        .context("expected the end of the stream, but reading failed")?;
    ensure!(n == 0, "expected the end of the stream, got a further byte");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Go peer pins the same bytes.
    #[test]
    fn the_sequence_is_pinned() {
        let mut pattern = Pattern::new(1);
        let mut buf = [0; 16];
        pattern.fill(&mut buf[..5]);
        pattern.fill(&mut buf[5..]);
        let hex: String = buf.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "c15c0289ec2d0a9167ec8e65a18debbe");
    }

    #[test]
    fn a_wrong_byte_is_named() {
        let mut buf = [0; 100];
        Pattern::new(7).fill(&mut buf);
        Pattern::new(7).check(&buf).expect("the bytes are right");
        buf[42] ^= 1;
        let error = Pattern::new(7).check(&buf).expect_err("byte 42 is wrong");
        assert!(error.to_string().contains("byte 42"), "{error}");
    }
}
