//! Two sessions do what the model says, whatever is called in whatever order.
//!
//! Input: a byte of setup, then four bytes for each call.

#![no_main]

#[path = "../../tests/world/mod.rs"]
mod world;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use world::{Op, World};
use yamux_proto::{Config, ConfigBuilder};

fn config(setup: u8) -> Config {
    let builder: ConfigBuilder = Config::builder().keepalive_interval(None);
    let builder = match setup >> 1 & 3 {
        0 => builder,
        1 => builder.accept_backlog(2).send_buffer(5000).linger_bytes(50_000),
        2 => builder.initial_receive_window(1 << 20).max_inbound_streams(3),
        _ => builder.linger_timeout(Duration::from_millis(100)),
    };
    builder.build().expect("a valid configuration")
}

/// A call, and the side that makes it.
fn decode(call: [u8; 4]) -> (usize, Op) {
    let [kind, pick, high, low] = call;
    let (side, chunk, pick) = (usize::from(kind >> 7), kind & 64 != 0, usize::from(pick));
    // Small sizes and large ones.
    let size = usize::from(low) << (high & 15).min(11);
    let op = match kind & 31 {
        0..=2 => Op::Open,
        3..=5 => Op::Accept,
        6..=10 => Op::Write { pick, len: size, chunk },
        11..=15 => Op::Read { pick, max: size, chunk },
        16 => Op::Finish { pick },
        17 => Op::Reset { pick, code: u32::from(low) },
        18 => Op::StopReading { pick },
        19 => Op::StopWriting { pick },
        20 => Op::Ping,
        21..=24 => Op::Transmit,
        25..=28 => Op::Deliver { bytes: size },
        _ => Op::Pass { time: u64::from(low) },
    };
    (side, op)
}

fuzz_target!(|data: &[u8]| {
    let Some((setup, calls)) = data.split_first() else { return };
    let mut world = World::new(&config(*setup));
    for call in calls.chunks_exact(4).take(400) {
        let (side, op) = decode([call[0], call[1], call[2], call[3]]);
        world.apply(side, &op);
    }
    world.wind_up();
    if setup & 1 == 0 { world.close() } else { world.assert_backlog_is_free() }
});
