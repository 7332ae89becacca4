//! Copies out of the way of what processors are slow at.
//!
//! An AMD EPYC of the Zen 4 generation copies 3 GB/s by `rep movsb`, and not 18 to 50, when the
//! destination begins 1 to 15 bytes behind the source, modulo a page. Linux copies that way from and to
//! sockets, and `memmove` of glibc 2.36 does from 2,112 bytes on. What would be rare between buffers
//! anywhere is common behind headers of 12 bytes, since large buffers of others begin near the start of
//! a page: the kernel's right there, malloc's 16 bytes later. One frame without a body was enough to
//! halve the bulk that came behind it.
//!
//! Hence three rules. What is written is copied in small pieces where it would be slow in one, and what
//! is read in large pieces always: where it goes is the application's affair. A large buffer on its way
//! to the transport begins in the middle of a page. One that the transport is read into begins somewhere
//! else in a page each time: nobody knows where the kernel has what it copies there, and a start that is
//! bad for one copy would be so for all that follow. Where copies were fast by luck, that is a few per
//! cent one way or the other. `yamux-bench/README.md` has the figures.

use alloc::vec::Vec;

/// What is copied at once, in bytes: too little for `rep movsb`.
pub(crate) const PIECE: usize = 2048;

/// Buffers of this size and more are worth the gap at their start, in bytes.
pub(crate) const LARGE: usize = 16 * 1024;

/// The size of a page, in bytes.
pub(crate) const PAGE: usize = 4096;

/// The middle of a page, in bytes.
pub(crate) const MIDDLE: usize = PAGE / 2;

/// How far behind the source, modulo a page, a destination is out of danger, in bytes. Slow are 1 to 15.
const CLEAR: usize = 64;

/// Adds `data` to the end of `buffer`.
#[inline]
pub(crate) fn append(buffer: &mut Vec<u8>, data: &[u8]) {
    if data.len() <= PIECE {
        return buffer.extend_from_slice(data);
    }
    buffer.reserve(data.len());
    let size = if is_slow(buffer.spare_capacity_mut().as_ptr().cast(), data.as_ptr()) {
        PIECE
    } else {
        data.len()
    };
    for piece in data.chunks(size) {
        buffer.extend_from_slice(piece);
    }
}

/// Whether a long copy to `to` is slow as a whole.
fn is_slow(to: *const u8, from: *const u8) -> bool {
    (1..CLEAR).contains(&(to.addr().wrapping_sub(from.addr()) % PAGE))
}

/// Bytes to leave out at the start of an allocation so that the rest begins at `offset` in a page.
pub(crate) fn gap(start: *const u8, offset: usize) -> usize {
    offset.wrapping_sub(start.addr()) % PAGE
}

#[cfg(test)]
mod tests {
    use core::ptr::without_provenance;

    use super::*;

    #[test]
    fn what_is_left_begins_in_the_middle_of_a_page() {
        for (start, expected) in [(0, 2048), (16, 2032), (2048, 0), (2049, 4095), (4095, 2049)] {
            assert_eq!(gap(without_provenance(7 * PAGE + start), MIDDLE), expected, "at {start}");
        }
    }

    #[test]
    fn a_destination_a_little_behind_its_source_is_slow() {
        let at = |offset| without_provenance(7 * PAGE + offset);
        for (to, from, slow) in [
            (16, 16, false),
            (17, 16, true),
            (31, 16, true),
            (80, 16, false),
            (16, 17, false),
            (3, 4090, true),
            (2060, 16, false),
        ] {
            assert_eq!(is_slow(at(to), at(from)), slow, "from {from} to {to}");
            assert_eq!(is_slow(at(to + 5 * PAGE), at(from)), slow, "from {from} to {to}");
            assert_eq!(is_slow(at(to), at(from + 5 * PAGE)), slow, "from {from} to {to}");
        }
    }

    #[test]
    fn all_is_there_wherever_it_goes() {
        let data: Vec<u8> = (0..PIECE * 2 + 1 + PAGE).map(|at| (at % 251) as u8).collect();
        for len in [0, 1, PIECE, PIECE + 1, PIECE * 2 + 1] {
            // Every place of the source in a page: fast ones and slow ones.
            for start in 0..PAGE {
                let mut buffer = Vec::with_capacity(6 + len);
                buffer.extend_from_slice(b"before");
                append(&mut buffer, &data[start..start + len]);
                assert_eq!(buffer, [b"before", &data[start..start + len]].concat());
            }
        }
    }
}
