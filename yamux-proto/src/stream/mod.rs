//! One stream: its state, its two halves, and the view of it that the application uses.

mod recv;
mod send;
mod state;
mod tail;
mod view;

#[cfg(feature = "driver")]
pub(crate) use recv::SLICE_MIN;
pub(crate) use recv::{Pool, RecvHalf};
pub(crate) use send::{Blocked, Dribble, SendHalf};
pub(crate) use state::State;
pub use view::Stream;
