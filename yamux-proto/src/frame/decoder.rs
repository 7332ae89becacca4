//! Cuts a byte stream into frame headers and pieces of bodies.

use core::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::header::{Frame, FrameError, HEADER_LEN};

/// Turns bytes, split however the transport split them, into headers and pieces of bodies.
///
/// It keeps no bytes of its own: an incomplete header stays in the caller's buffer, and a body is
/// handed on as far as it has arrived, so that a header's word reserves no memory.
///
/// ```
/// use bytes::BytesMut;
/// use yamux_proto::{Decoder, Frame, Item};
///
/// let mut decoder = Decoder::default();
/// let mut input = BytesMut::from(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, b'a', b'b'][..]);
/// assert!(matches!(decoder.next(&mut input), Ok(Some(Item::Frame(Frame::Data { length: 3, .. })))));
/// let Ok(Some(Item::Body(piece))) = decoder.next(&mut input) else { panic!() };
/// assert_eq!((piece.as_slice(), piece.is_last()), (&b"ab"[..], false));
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    /// Bytes of the body under way that have not been handed on.
    body_remaining: usize,
}

/// What the decoder found.
#[derive(Debug)]
pub enum Item<'a> {
    /// A header; the body of a Data frame follows as [`Item::Body`] unless it is empty.
    Frame(Frame),
    /// Some of the body of the last Data frame.
    Body(Piece<'a>),
}

/// A piece of a body at the front of the input; it leaves the input when this is taken or dropped.
pub struct Piece<'a> {
    input: &'a mut BytesMut,
    len: usize,
    last: bool,
}

impl Decoder {
    /// The next item, or `None` until more input has arrived.
    ///
    /// # Errors
    /// A header that is none. The input is of no use from there on.
    #[inline]
    pub fn next<'a>(&mut self, input: &'a mut BytesMut) -> Result<Option<Item<'a>>, FrameError> {
        if self.body_remaining > 0 {
            let len = self.body_remaining.min(input.len());
            if len == 0 {
                return Ok(None);
            }
            self.body_remaining = self.body_remaining.saturating_sub(len);
            return Ok(Some(Item::Body(Piece { input, len, last: self.body_remaining == 0 })));
        }
        let Some(header) = input.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let frame = Frame::decode(header)?;
        input.advance(HEADER_LEN);
        self.body_remaining = usize::try_from(frame.body_len()).unwrap_or(usize::MAX);
        Ok(Some(Item::Frame(frame)))
    }

    /// Whether the input so far ended inside a body; bytes left in the input mean inside a header.
    pub const fn is_inside_body(&self) -> bool {
        self.body_remaining > 0
    }
}

impl Piece<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.input.get(..self.len).unwrap_or_default()
    }

    /// Whether the body ends with this piece.
    pub const fn is_last(&self) -> bool {
        self.last
    }

    /// The bytes without a copy; they keep the input's allocation alive.
    pub fn take(mut self) -> Bytes {
        let len = core::mem::take(&mut self.len);
        self.input.split_to(len).freeze()
    }
}

impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").field("len", &self.len).field("last", &self.last).finish()
    }
}

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        self.input.advance(self.len);
    }
}
