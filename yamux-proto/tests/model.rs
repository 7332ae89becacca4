//! A property test: two sessions behave like a pair of byte queues for each stream, whatever the
//! order of calls and however the wire is cut.

#![allow(clippy::unwrap_used)]

mod world;

use proptest::prelude::*;
use world::{Op, World};
use yamux_proto::Config;

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..100_usize, 2 => 100..10_000_usize, 2 => 10_000..400_000_usize]
}

fn ops() -> impl Strategy<Value = Op> {
    let pick = 0..8_usize;
    prop_oneof![
        2 => Just(Op::Open),
        2 => Just(Op::Accept),
        6 => (pick.clone(), sizes(), any::<bool>())
            .prop_map(|(pick, len, chunk)| Op::Write { pick, len, chunk }),
        6 => (pick.clone(), sizes(), any::<bool>())
            .prop_map(|(pick, max, chunk)| Op::Read { pick, max, chunk }),
        1 => pick.clone().prop_map(|pick| Op::Finish { pick }),
        1 => (pick.clone(), 0..4_u32).prop_map(|(pick, code)| Op::Reset { pick, code }),
        1 => pick.clone().prop_map(|pick| Op::StopReading { pick }),
        1 => pick.prop_map(|pick| Op::StopWriting { pick }),
        1 => Just(Op::Ping),
        6 => Just(Op::Transmit),
        6 => sizes().prop_map(|bytes| Op::Deliver { bytes }),
        2 => (0..300_u64).prop_map(|time| Op::Pass { time }),
    ]
}

fn configs() -> impl Strategy<Value = Config> {
    let builder = || Config::builder().keepalive_interval(None);
    let tight = builder().accept_backlog(2).send_buffer(5000).linger_bytes(50_000);
    let wide = builder().initial_receive_window(1 << 20).max_inbound_streams(3);
    prop_oneof![Just(builder()), Just(tight), Just(wide)]
        .prop_map(|builder| builder.build().unwrap())
}

/// So many cases, unless `PROPTEST_CASES` says otherwise.
fn cases(cases: u32) -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return default;
    }
    ProptestConfig { cases, ..default }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn two_sessions_are_a_pair_of_queues_for_each_stream(
        config in configs(),
        script in prop::collection::vec((0..2_usize, ops()), 0..150),
        close in any::<bool>(),
    ) {
        let mut world = World::new(&config);
        for (side, op) in &script {
            world.apply(*side, op);
        }
        world.wind_up();
        if close { world.close() } else { world.assert_backlog_is_free() }
    }
}
