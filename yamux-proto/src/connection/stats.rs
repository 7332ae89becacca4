//! What a session has done, in numbers.

use core::time::Duration;

/// Counters of one session since it began, and a few gauges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes read from the transport.
    pub bytes_received: u64,
    /// Bytes in line for the transport or taken by it, headers included.
    pub bytes_sent: u64,
    /// Bytes of stream data received.
    pub data_received: u64,
    /// Bytes of stream data accepted from the application.
    pub data_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Frames sent.
    pub frames_sent: u64,
    /// Window Updates received.
    pub window_updates_received: u64,
    /// Streams that this side opened.
    pub streams_opened: u64,
    /// Streams of the peer that the application accepted.
    pub streams_accepted: u64,
    /// Streams of the peer that were refused.
    pub streams_refused: u64,
    /// Streams that the peer reset.
    pub resets_received: u64,
    /// Streams that this side reset, refusals not counted.
    pub resets_sent: u64,
    /// Pings that the peer sent.
    pub pings_received: u64,
    /// Pings that were dropped because too many waited for their answer.
    pub pings_dropped: u64,
    /// Frames that came for a stream after its end.
    pub late_frames: u64,
    /// Frames without effect that counted against the glitch budget.
    pub glitches: u64,
    /// Bytes that were thrown away because the application had dropped the stream.
    pub data_discarded: u64,
    /// Times that input was left unread because of a limit.
    pub input_pauses: u64,
    /// Streams that are open now, or that the application still holds.
    pub streams: usize,
    /// Bytes that the application has not read now.
    pub unread: usize,
    /// What auto-tuning has added to the receive windows of the open streams, in bytes.
    pub window_growth: usize,
    /// The shortest round trip seen, except any that were too short for the clock.
    pub rtt_min: Option<Duration>,
    /// The last round trip seen.
    pub rtt: Option<Duration>,
}
