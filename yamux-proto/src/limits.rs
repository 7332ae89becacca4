//! The limits on what a peer may cause that are not settings, each with its reason.

use core::time::Duration;

use crate::time::Instant;

/// Streams of this side that may be unacknowledged; `open` waits beyond. Go's `AcceptBacklog` is 256
/// in every peer in use, and it refuses what exceeds it.
pub const UNACKED_STREAMS: usize = 256;

/// Refused streams whose RST has not been sent; beyond, input is left unread until the transport
/// takes them (CVE-2019-9514).
pub const PENDING_REFUSALS: usize = 4096;

// A peer that keeps to its backlog never gets that far. If it did, two that refuse each other's streams
// while a batch is under way each way would both stop reading, and neither batch would ever be taken.
const _: () = assert!(PENDING_REFUSALS > 4 * UNACKED_STREAMS);

/// Pings that have not been answered; further ones are dropped and counted (CVE-2019-9512).
pub const PENDING_PONGS: usize = 32;

/// Bytes staged for the transport by all streams together, if it takes them within [`PROMPT`], or half
/// of them if it does not. Without this bound, many bulk streams would write past the caches, and a
/// small request would wait behind them all.
pub const STAGED_BYTES: usize = 512 * 1024;

/// How long a transport may take over a batch and count as fast: a full batch in this time is 4 Gbit/s.
pub const PROMPT: Duration = Duration::from_millis(1);

/// How long a transport should take over a batch at the most: a request that the batch under way has
/// missed waits for it. What takes longer is smaller the next time, down to [`STAGED_LEAST`], unless it
/// turns out to take as long when it is smaller.
pub const UNHURRIED: Duration = Duration::from_millis(8);

/// Bytes staged for a transport that is slow, however slow it is.
pub const STAGED_LEAST: usize = 32 * 1024;

/// What a staged frame counts as at the least, in bytes: streams that write a byte each in turn would
/// otherwise stage a dozen times [`STAGED_BYTES`] in headers.
pub const FRAME_WEIGHT: usize = 64;

/// What a stream may always stage in a batch, in bytes, so that bulk cannot starve a small request, be
/// it written at once or in parts.
pub const STAGED_FLOOR: usize = 4096;

/// The largest body of a Data frame that this side sends, in bytes: py-libp2p loses its place on
/// larger ones.
pub const FRAME_BODY: usize = 64 * 1024;

/// The smallest body that is worth a frame while the peer dribbles window and there is more to send,
/// in bytes (CVE-2019-9511). After a round trip without more window, less is sent.
pub const DRIBBLE: usize = 1024;

/// How long a session that has failed may take to tell the peer.
pub const FAREWELL: Duration = Duration::from_secs(1);

/// How long input waits for the application to accept one stream when the backlog is full, before the
/// next is refused. An application that is busy gets its turn in this time. One that does not accept
/// costs the peer this pause once, until it has caught up with half of the backlog.
pub const ACCEPT_PATIENCE: Duration = Duration::from_millis(200);

/// How long input waits in all for an application that accepts more slowly than streams come, until it
/// has caught up with half of the backlog: other streams wait behind the SYNs.
pub const ACCEPT_PATIENCE_TOTAL: Duration = Duration::from_secs(1);

/// Frames without effect that may come at once, and how many more a second: empty Data, Window
/// Updates of nothing, frames for streams that never were, pongs nobody asked for, pings beyond
/// [`PENDING_PONGS`].
pub const GLITCHES: Rate = Rate { burst: 1024, per_second: 100 };

/// Streams that may be reset at once by the peer that opened them, before they are accepted, or because
/// of what it did, and how many more a second (CVE-2023-44487, CVE-2025-8671): the default of
/// [`Config::max_early_resets`](crate::Config::max_early_resets).
pub const RESETS: Rate = Rate::of_resets(1024);

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// As many at once.
    pub burst: u32,
    /// As many a second after that.
    pub per_second: u32,
}

/// Late frames that count as harmless for each stream, once it has ended: FIN, RST and Window Updates
/// cross ours on the wire. As many more as we have sent, because js-libp2p grants window for every
/// frame that it reads, also on streams that have ended.
pub(crate) const LATE_FRAMES: u32 = 8;

/// Late frames that can be harmless, over all streams that have ended.
pub(crate) const LATE_FRAMES_MAX: u32 = 65_536;

impl Rate {
    /// So many resets at once, and a quarter as many a second after that.
    pub(crate) const fn of_resets(burst: u32) -> Self {
        let per_second = if burst < 4 { 1 } else { burst / 4 };
        Self { burst, per_second }
    }
}

/// Fills by one for each offence and leaks at a steady rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeakyBucket {
    /// Offences that have not leaked, in nanoseconds of leaking.
    level: u64,
    burst: u64,
    cost: u64,
    leaked_until: Instant,
}

impl LeakyBucket {
    pub(crate) const fn new(rate: Rate, now: Instant) -> Self {
        let cost = match 1_000_000_000_u64.checked_div(rate.per_second as u64) {
            Some(cost) => cost,
            None => u64::MAX,
        };
        Self { level: 0, burst: cost.saturating_mul(rate.burst as u64), cost, leaked_until: now }
    }

    /// Counts one offence; false when that was one too many.
    pub(crate) fn fill(&mut self, now: Instant) -> bool {
        let leaked = now.as_nanos().saturating_sub(self.leaked_until.as_nanos());
        self.leaked_until = now;
        self.level = self.level.saturating_sub(leaked).saturating_add(self.cost);
        self.level <= self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_a_burst_and_leaks_with_time() {
        let mut bucket = LeakyBucket::new(Rate { burst: 3, per_second: 10 }, Instant::ORIGIN);
        assert!((0..3).all(|_| bucket.fill(Instant::ORIGIN)));
        assert!(!bucket.fill(Instant::ORIGIN));
        let later = Instant::ORIGIN + Duration::from_millis(250);
        assert!(bucket.fill(later), "two and a half have leaked");
        assert!(!bucket.fill(later));
    }
}
