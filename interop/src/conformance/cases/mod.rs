//! The cases, grouped by heading of the specification.

mod closing;
mod flow_control;
mod framing;
mod go_away;
mod hostile;
mod opening;
mod ping;

use super::case::Case;
use crate::pattern::Pattern;

/// The largest frame that every endpoint takes at the start of a stream.
const WINDOW: usize = crate::frame::INITIAL_WINDOW as usize;

/// Every case, in the order in which it is played.
pub fn all() -> Vec<Case> {
    [
        framing::cases(),
        opening::cases(),
        flow_control::cases(),
        closing::cases(),
        ping::cases(),
        go_away::cases(),
        hostile::cases(),
    ]
    .concat()
}

/// `length` bytes that are unlike each other.
fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Pattern::new(5).fill(&mut bytes);
    bytes
}
