//! What the conversations need of a Yamux implementation.

use std::io;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::link::Side;

/// A Yamux session of whatever implementation.
///
/// Errors are `io::Error`: their kind is what the conversations judge.
pub trait Session: Send + Sync {
    /// Opens a stream.
    fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;
    /// Takes the next stream that the other side opened; an error once the session has ended.
    fn accept(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;
    /// Sends a ping and waits for its pong.
    fn ping(&self) -> BoxFuture<'_, io::Result<()>>;
    /// Sends Go Away 0 and keeps the streams that exist.
    fn go_away(&self) -> BoxFuture<'_, io::Result<()>>;
    /// Ends the session in the best way that the implementation knows.
    fn close(&self) -> BoxFuture<'_, io::Result<()>>;
    /// Waits until the session has ended, from whichever side, and says why.
    fn closed(&self) -> BoxFuture<'_, String>;
    /// The code of a reset, if the error is one that carries a code.
    fn reset_code(&self, _error: &io::Error) -> Option<u32> {
        None
    }
}

/// A Yamux stream of whatever implementation. Shutting it down sends FIN.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Ends both directions at once.
    fn reset(self: Box<Self>, code: u32);
    /// The two directions, each to be used by a task of its own.
    fn split(self: Box<Self>) -> (ReadHalf, WriteHalf);
}

/// The receiving direction of a stream.
pub type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
/// The sending direction of a stream.
pub type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// The knobs that a scenario turns. `None` leaves the default of the implementation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Receive window of a stream from its start, in bytes.
    pub receive_window: Option<u32>,
    /// How many streams may wait to be accepted.
    pub accept_backlog: Option<usize>,
    /// Time between keepalive pings.
    pub keepalive: Keepalive,
}

/// Whether a session sends keepalive pings.
#[derive(Clone, Copy, Debug, Default)]
pub enum Keepalive {
    /// As the implementation does by default; no scenario lasts long enough to see one.
    #[default]
    Default,
    /// Never.
    Off,
    /// So often that a scenario can wait for several.
    Short,
}

/// The interval of [`Keepalive::Short`].
pub const SHORT_KEEPALIVE: std::time::Duration = std::time::Duration::from_millis(50);

/// What an implementation can do, so that a scenario knows what to ask of it.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// Has a call that sends a ping.
    pub pings: bool,
    /// Has a call that sends Go Away and keeps the session.
    pub sends_go_away: bool,
    /// Lets its streams live on when it receives Go Away 0.
    pub survives_go_away: bool,
    /// How it resets a stream.
    pub resets: Resets,
    /// Sends and reports the code of a reset.
    pub reset_codes: bool,
    /// Reports a reset as an error, not as the end of the stream.
    pub sees_resets: bool,
    /// Reports the loss of the session as an error, not as the end of the stream.
    pub sees_loss: bool,
    /// Reports a FIN as sent even if the session ends right behind it.
    pub sees_last_fin: bool,
    /// Says at once that it opens a stream, not with the first data.
    pub opens_at_once: bool,
    /// Sends as much as the window allows in one frame.
    pub whole_window_frames: bool,
    /// Its receive window can be set.
    pub window_setting: bool,
    /// Limits how many streams wait to be accepted, and the limit can be set.
    pub backlog_setting: bool,
    /// Sends keepalive pings at an interval that can be set.
    pub keepalive_setting: bool,
    /// Moves more than a window each way on one stream without losing a wake-up.
    pub large_echoes: bool,
    /// Its way to close a session ends the streams with it, without a frame for each.
    pub closes_abruptly: bool,
}

/// How an implementation resets a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resets {
    /// With RST alone.
    Plainly,
    /// With FIN first and RST a while later.
    AfterFin,
}

/// Starts sessions of one implementation over a connected transport.
pub trait StartSession: Send + Sync {
    /// Starts a session. It runs on the current Tokio runtime until it ends.
    ///
    /// # Errors
    /// When the settings are not valid.
    fn start(
        &self,
        io: crate::link::BoxIo,
        side: Side,
        settings: Settings,
    ) -> io::Result<Box<dyn Session>>;
}
