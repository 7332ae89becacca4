//! The settings of a session, with their defaults and limits.

use core::time::Duration;

use thiserror::Error;

use crate::flow_control::INITIAL_WINDOW;
use crate::limits::RESETS;

/// The settings of a session. A value of this type is always valid.
///
/// The defaults fit a service whose peers may be buggy but are not malicious; [`Config::hardened`] fits
/// one that trusts nobody. Keepalive, write and open timeouts are those of Go's `DefaultConfig`. Unlike
/// there, windows grow with the path, up to 16 MiB where Go stays at 256 KiB; 1,024 streams may wait to
/// be accepted, not 256; and a stream that was dropped has 30 s to end, not 5 minutes.
///
/// # Memory
/// What a peer can make one session hold is at most the sum of
/// - `max_unread_bytes` of data that the application has not read, twice for what fragmentation
///   wastes, and 16 KiB for each stream that has some of it, plus 2 MiB of read buffers;
/// - 2 MiB of staged output (a batch being written and one being filled, in buffers that grow by
///   doubling), plus 16 KiB for each stream that the application writes to and the peer does not read;
/// - 3 MiB of empty queues for the data that comes next, until nothing has come for a while;
/// - about 200 bytes for each stream, up to 400 where their number has just passed a power of two, and
///   70 more where the peer leaves ids out: `max_inbound_streams` of the peer's and however many of
///   ours.
///
/// Independently of `max_unread_bytes`, windows bound unread data to `initial_receive_window` for
/// each stream and `max_receive_window_total` for all of them together.
///
/// ```
/// use core::time::Duration;
/// # use yamux_proto::{Config, ConfigError};
///
/// let config = Config::builder()
///     .keepalive_interval(Some(Duration::from_secs(15)))
///     .max_receive_window(4 * 1024 * 1024)
///     .build()?;
/// assert_eq!(config.accept_backlog(), 1024);
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    accept_backlog: usize,
    keepalive_interval: Option<Duration>,
    keepalive_timeout: Duration,
    write_stall_timeout: Duration,
    open_timeout: Duration,
    close_timeout: Duration,
    linger_timeout: Duration,
    linger_bytes: u32,
    reset_unfinished: Option<u32>,
    max_inbound_streams: usize,
    max_early_resets: u32,
    initial_receive_window: u32,
    max_receive_window: u32,
    max_receive_window_total: usize,
    send_buffer: usize,
    max_unread_bytes: usize,
}

/// Why a [`ConfigBuilder`] does not build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A count or a size that must be at least 1 is 0; the field is named.
    #[error("{0} must not be zero")]
    Zero(&'static str),
    /// A duration that must pass before something happens is zero; the field is named.
    #[error("{0} must be longer than zero")]
    NoTime(&'static str),
    /// A window below the 262,144 bytes that every Yamux peer takes for granted.
    #[error("initial_receive_window is {0} bytes, less than the protocol's 262144")]
    WindowTooSmall(u32),
    /// A window above 1 GiB.
    #[error("{field} is {bytes} bytes, more than {}", Config::LARGEST_WINDOW)]
    WindowTooLarge {
        /// The builder's method.
        field: &'static str,
        /// What it was given.
        bytes: u32,
    },
    /// The largest window is smaller than the initial one.
    #[error("max_receive_window is {max} bytes, less than the initial {initial}")]
    WindowShrinks {
        /// `initial_receive_window`.
        initial: u32,
        /// `max_receive_window`.
        max: u32,
    },
    /// Less unread data is allowed than the window of one stream may bring: `max_unread_bytes` must
    /// not be less than `max_receive_window`.
    #[error("max_unread_bytes is {unread} bytes, less than max_receive_window, {window}")]
    UnreadTooSmall {
        /// `max_unread_bytes`.
        unread: usize,
        /// `max_receive_window`.
        window: u32,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            accept_backlog: 1024,
            keepalive_interval: Some(Duration::from_secs(30)),
            keepalive_timeout: Duration::from_secs(10),
            write_stall_timeout: Duration::from_secs(10),
            open_timeout: Duration::from_secs(75),
            close_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(30),
            linger_bytes: 1024 * 1024,
            reset_unfinished: None,
            max_inbound_streams: 4096,
            max_early_resets: RESETS.burst,
            initial_receive_window: INITIAL_WINDOW,
            max_receive_window: 16 * 1024 * 1024,
            max_receive_window_total: 64 * 1024 * 1024,
            send_buffer: 1024 * 1024,
            max_unread_bytes: 256 * 1024 * 1024,
        }
    }
}

impl Config {
    /// The largest window that can be configured: 1 GiB.
    pub const LARGEST_WINDOW: u32 = 1 << 30;

    /// Starts from the defaults.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder { config: Self::default() }
    }

    /// Starts from this configuration.
    ///
    /// ```
    /// # use yamux_proto::Config;
    /// let config = Config::hardened().to_builder().max_inbound_streams(16).build()?;
    /// assert_eq!(config.accept_backlog(), Config::hardened().accept_backlog());
    /// # Ok::<(), yamux_proto::ConfigError>(())
    /// ```
    pub fn to_builder(&self) -> ConfigBuilder {
        ConfigBuilder { config: self.clone() }
    }

    /// Closing is to take this long at the most.
    pub(crate) fn hurry_close(&mut self, time: Duration) {
        self.close_timeout = self.close_timeout.min(time);
    }

    /// For peers that may be hostile: fewer streams, smaller windows, shorter patience. The peer may
    /// have 64 streams open at once; what it opens beyond that is reset with code 0. At most
    /// 57 MiB a session. The peer's streams together cannot reach `max_unread_bytes`, so that
    /// however many of them are left unread, the others go on.
    pub fn hardened() -> Self {
        Self {
            accept_backlog: 64,
            open_timeout: Duration::from_secs(30),
            linger_timeout: Duration::from_secs(5),
            linger_bytes: INITIAL_WINDOW,
            max_inbound_streams: 64,
            max_receive_window: 1024 * 1024,
            max_receive_window_total: 4 * 1024 * 1024,
            send_buffer: 64 * 1024,
            max_unread_bytes: 24 * 1024 * 1024,
            ..Self::default()
        }
    }
}

/// Builds a [`Config`]; each method sets what the getter with its name returns.
#[derive(Clone, Debug)]
#[must_use]
pub struct ConfigBuilder {
    config: Config,
}

/// Declares a getter of [`Config`] and a setter of [`ConfigBuilder`] for each setting, both with its
/// documentation.
macro_rules! settings {
    ($($(#[doc = $doc:literal])* $field:ident: $type:ty,)*) => {
        impl Config {
            $(
                $(#[doc = $doc])*
                pub const fn $field(&self) -> $type {
                    self.$field
                }
            )*
        }

        impl ConfigBuilder {
            $(
                $(#[doc = $doc])*
                pub fn $field(mut self, $field: $type) -> Self {
                    self.config.$field = $field;
                    self
                }
            )*
        }
    };
}

settings! {
    /// Inbound streams that may wait for `accept`. At least 1, default 1,024.
    ///
    /// While the application accepts, a SYN beyond that waits for a place, for at most 200 ms, and so
    /// does all input behind it. Waits that add up to a second without the application catching up are
    /// the last: from then on such a SYN is refused with RST.
    accept_backlog: usize,
    /// Silence after which the peer is pinged, or `None` for no keepalive. Longer than zero, default
    /// 30 s.
    ///
    /// Without it, nothing but the transport tells of a peer that is gone, and nothing at all does while
    /// input waits for the application to read: see
    /// [`max_unread_bytes`](Config::max_unread_bytes).
    keepalive_interval: Option<Duration>,
    /// Silence after such a ping that ends the session. Any byte counts as life, and so does progress
    /// on a transport whose buffer was full. Longer than zero, default 10 s.
    keepalive_timeout: Duration,
    /// How long the transport may refuse to take a single byte, and how long it may take to flush: one
    /// with a buffer of its own must be able to drain it in that time. Longer than zero, default 10 s.
    write_stall_timeout: Duration,
    /// How long a SYN may go unanswered before its stream is reset; the session lives on. Longer than
    /// zero, default 75 s.
    ///
    /// A stream whose FIN has been sent waits on for the peer: hashicorp/yamux never acknowledges one
    /// that was finished before it was accepted. Parity's `yamux`, 0.14, acknowledges a stream with the
    /// first frame that it sends on it: one that only ever brings it a little is never acknowledged. For
    /// such streams, [`Duration::MAX`] waits for ever.
    open_timeout: Duration,
    /// How long the whole of a graceful close may take. Default 10 s.
    ///
    /// The last second of it, at most half, is kept for Go Away and the end of the transport: what has
    /// not been drained by then is given up.
    close_timeout: Duration,
    /// How long a dropped stream waits for the peer's FIN before it is reset. Default 30 s.
    ///
    /// The Go libraries drop what they have not read when they see RST, and other peers what they have
    /// not accepted: for those that may take longer, choose a longer time, or keep the stream until the
    /// peer has finished.
    linger_timeout: Duration,
    /// Bytes that a dropped stream takes and discards before it is reset. Default 1 MiB.
    ///
    /// With less than the protocol's window of 256 KiB, it costs a peer little to have its own streams
    /// reset. Such resets then count like those of
    /// [`max_early_resets`](Config::max_early_resets).
    linger_bytes: u32,
    /// The code with which a stream is reset that is dropped before this side has finished it, or `None`
    /// for FIN, which looks like the end of a complete message. Default `None`, as with quinn; h2, Parity's
    /// `yamux` and tokio-yamux reset.
    ///
    /// With a code, whatever drops a stream half way, an error, a panic or a cancelled task, never makes
    /// a part look like the whole, and every message has to be finished: the stream shut down. What
    /// `reset_on_drop` of a stream says comes before this.
    reset_unfinished: Option<u32>,
    /// Streams that the peer may have open at once; a SYN beyond is refused with RST. At least 1,
    /// default 4,096.
    ///
    /// One that both sides have finished counts until the application drops it. A peer that opens the
    /// next as soon as it reads the end of one needs some room beyond what it has under way.
    max_inbound_streams: usize,
    /// Streams that the peer may reset before they are accepted, at once; beyond, a quarter as many a
    /// second. More of them end the session: to open and reset costs a peer nothing. At least 1, default
    /// 1,024.
    ///
    /// A peer whose requests time out resets them. An application that lets many wait to be accepted,
    /// and trusts the peer, may allow for more.
    max_early_resets: u32,
    /// The receive window of a new stream, in bytes. From 256 KiB, the protocol's and the default, to
    /// 1 GiB.
    initial_receive_window: u32,
    /// The window that auto-tuning may reach on one stream, in bytes. From `initial_receive_window` to
    /// 1 GiB, and no more than `max_unread_bytes`; default 16 MiB.
    ///
    /// A window grows when it is what holds the peer back, and shrinks while small messages come on other
    /// streams, by what makes them wait and bulk hardly faster: down to the initial one where a round
    /// trip takes less than 5 ms, and to 48 KiB elsewhere.
    max_receive_window: u32,
    /// What auto-tuning may add to the windows of all streams together, in bytes. Default 64 MiB.
    max_receive_window_total: usize,
    /// Bytes that one stream may have accepted from the application and not yet handed to the
    /// transport: one half is written while the other fills. At least 1, default 1 MiB: on a fast
    /// transport, 512 KiB at once move 1.3 times as much between two threads as 128 KiB do.
    ///
    /// A transport that takes its time gets at most 128 KiB of a stream at once, whatever is set here.
    send_buffer: usize,
    /// Unread bytes on all streams together beyond which nothing more is read from the transport. At
    /// least `max_receive_window`, default 256 MiB.
    ///
    /// Then the whole session waits for the application to read, and a peer that cannot write for its
    /// [`write_stall_timeout`](Config::write_stall_timeout) ends it. An application that may leave a
    /// thousand full streams unread while it waits for another one needs a larger limit, or fewer
    /// streams: the windows of all streams together are what can be unread at most.
    max_unread_bytes: usize,
}

impl ConfigBuilder {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn build(self) -> Result<Config, ConfigError> {
        let config = self.config;
        config.check_counts()?;
        config.check_times()?;
        config.check_windows()?;
        Ok(config)
    }
}

impl Config {
    fn check_counts(&self) -> Result<(), ConfigError> {
        let counts = [
            ("accept_backlog", self.accept_backlog == 0),
            ("max_inbound_streams", self.max_inbound_streams == 0),
            ("max_early_resets", self.max_early_resets == 0),
            ("send_buffer", self.send_buffer == 0),
        ];
        match counts.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((field, _)) => Err(ConfigError::Zero(field)),
            None => Ok(()),
        }
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        let times = [
            ("keepalive_interval", self.keepalive_interval.unwrap_or(Duration::MAX)),
            ("keepalive_timeout", self.keepalive_timeout),
            ("write_stall_timeout", self.write_stall_timeout),
            ("open_timeout", self.open_timeout),
        ];
        match times.into_iter().find(|(_, time)| time.is_zero()) {
            Some((field, _)) => Err(ConfigError::NoTime(field)),
            None => Ok(()),
        }
    }

    fn check_windows(&self) -> Result<(), ConfigError> {
        let (initial, max) = (self.initial_receive_window, self.max_receive_window);
        if initial < INITIAL_WINDOW {
            return Err(ConfigError::WindowTooSmall(initial));
        }
        for (field, bytes) in [("initial_receive_window", initial), ("max_receive_window", max)] {
            if bytes > Self::LARGEST_WINDOW {
                return Err(ConfigError::WindowTooLarge { field, bytes });
            }
        }
        if max < initial {
            return Err(ConfigError::WindowShrinks { initial, max });
        }
        if self.max_unread_bytes < usize::try_from(max).unwrap_or(usize::MAX) {
            return Err(ConfigError::UnreadTooSmall { unread: self.max_unread_bytes, window: max });
        }
        Ok(())
    }
}
