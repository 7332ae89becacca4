//! What this side may send on a stream.

use super::INITIAL_WINDOW;

/// Bytes that the peer has granted and that have not been used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendWindow(u32);

/// The peer granted more than the protocol can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl SendWindow {
    pub(crate) const fn new() -> Self {
        Self(INITIAL_WINDOW)
    }

    pub(crate) fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Uses up to `wanted` bytes and says how many.
    pub(crate) fn take(&mut self, wanted: usize) -> usize {
        let taken = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.0);
        self.0 = self.0.saturating_sub(taken);
        usize::try_from(taken).unwrap_or(usize::MAX)
    }

    /// Adds what a Window Update grants.
    pub(crate) fn grow(&mut self, delta: u32) -> Result<(), Overflow> {
        self.0 = self.0.checked_add(delta).ok_or(Overflow)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_no_more_than_is_left() {
        let mut window = SendWindow::new();
        assert_eq!(window.take(262_143), 262_143);
        assert_eq!(window.take(5), 1);
        assert_eq!(window.take(5), 0);
    }

    #[test]
    fn grows_to_the_last_byte_the_field_can_count() {
        let mut window = SendWindow::new();
        assert_eq!(window.grow(u32::MAX - INITIAL_WINDOW), Ok(()));
        assert_eq!(window.grow(1), Err(Overflow));
    }
}
