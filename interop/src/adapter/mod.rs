//! Our own adapters, as the conversations see them. A further one is a file like `tokio.rs` and a
//! line in [`all`].

mod async_std;
mod tokio;

use std::io;

use yamux_tokio::{Config, StreamError};

use crate::session::{
    Abilities, Keepalive, Resets, SHORT_KEEPALIVE, Settings, StartSession, Stream,
};

/// One of our adapters.
pub trait Adapter: StartSession {
    /// The name in the matrix.
    fn name(&self) -> &'static str;
}

/// Every adapter.
pub fn all() -> Vec<&'static dyn Adapter> {
    vec![&tokio::Tokio, &async_std::AsyncStd]
}

/// The adapter for Tokio.
pub fn tokio() -> &'static dyn Adapter {
    &tokio::Tokio
}

/// The adapter for async-std.
pub fn async_std() -> &'static dyn Adapter {
    &async_std::AsyncStd
}

/// What our sessions can do, through whichever adapter.
pub const ABILITIES: Abilities = Abilities {
    pings: true,
    sends_go_away: true,
    survives_go_away: true,
    resets: Resets::Plainly,
    reset_codes: true,
    sees_resets: true,
    sees_loss: true,
    sees_last_fin: true,
    opens_at_once: true,
    whole_window_frames: false,
    window_setting: true,
    backlog_setting: true,
    keepalive_setting: true,
    large_echoes: true,
    closes_abruptly: false,
};

/// The configuration is the same for every adapter.
fn config(settings: Settings) -> io::Result<Config> {
    let mut builder = Config::builder();
    if let Some(window) = settings.receive_window {
        builder = builder.initial_receive_window(window);
    }
    if let Some(backlog) = settings.accept_backlog {
        builder = builder.accept_backlog(backlog);
    }
    builder = match settings.keepalive {
        Keepalive::Default => builder,
        Keepalive::Off => builder.keepalive_interval(None),
        Keepalive::Short => builder.keepalive_interval(Some(SHORT_KEEPALIVE)),
    };
    builder.build().map_err(io::Error::other)
}

/// So are the errors.
fn reset_code(error: &io::Error) -> Option<u32> {
    let StreamError::Reset(code) = StreamError::from_io(error)? else { return None };
    Some(code)
}

/// Makes a session of an adapter one that the conversations use: the adapters' calls are the same,
/// and their streams are once `$wrap` has given them Tokio's traits.
macro_rules! conversational {
    ($session:ty, $wrap:expr) => {
        impl Session for $session {
            fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
                Box::pin(async { Ok(super::boxed(Self::open(self).await?, $wrap)) })
            }

            fn accept(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
                Box::pin(async { Ok(super::boxed(Self::accept(self).await?, $wrap)) })
            }

            fn ping(&self) -> BoxFuture<'_, io::Result<()>> {
                Box::pin(async { Ok(Self::ping(self).await.map(drop)?) })
            }

            fn go_away(&self) -> BoxFuture<'_, io::Result<()>> {
                Box::pin(async { Ok(Self::go_away(self).await?) })
            }

            fn close(&self) -> BoxFuture<'_, io::Result<()>> {
                Box::pin(async { Ok(Self::close(self).await?) })
            }

            fn closed(&self) -> BoxFuture<'_, String> {
                Box::pin(async { Self::closed(self).await.to_string() })
            }

            fn reset_code(&self, error: &io::Error) -> Option<u32> {
                super::reset_code(error)
            }
        }
    };
}
use conversational;

fn boxed<S, T: Stream + 'static>(stream: S, wrap: impl FnOnce(S) -> T) -> Box<dyn Stream> {
    Box::new(wrap(stream))
}
