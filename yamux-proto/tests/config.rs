//! Settings: the defaults, and what does not build.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use yamux_proto::{Config, ConfigError};

#[test]
fn defaults_are_the_documented_ones() {
    let config = Config::default();
    assert_eq!(Config::builder().build().unwrap(), config);
    let secs = Duration::from_secs;
    assert_eq!(config.accept_backlog(), 1024);
    assert_eq!(config.keepalive_interval(), Some(secs(30)));
    assert_eq!(config.keepalive_timeout(), secs(10));
    assert_eq!(config.write_stall_timeout(), secs(10));
    assert_eq!(config.open_timeout(), secs(75));
    assert_eq!(config.close_timeout(), secs(10));
    assert_eq!((config.linger_timeout(), config.linger_bytes()), (secs(30), 1 << 20));
    assert_eq!(config.reset_unfinished(), None);
    assert_eq!((config.max_inbound_streams(), config.max_early_resets()), (4096, 1024));
    assert_eq!(config.initial_receive_window(), 262_144);
    assert_eq!(config.max_receive_window(), 16 << 20);
    assert_eq!(config.max_receive_window_total(), 64 << 20);
    assert_eq!((config.send_buffer(), config.max_unread_bytes()), (1 << 20, 256 << 20));
}

#[test]
fn what_makes_no_sense_does_not_build() {
    let new = Config::builder;
    let table = [
        (new().accept_backlog(0), ConfigError::Zero("accept_backlog")),
        (new().max_inbound_streams(0), ConfigError::Zero("max_inbound_streams")),
        (new().max_early_resets(0), ConfigError::Zero("max_early_resets")),
        (new().send_buffer(0), ConfigError::Zero("send_buffer")),
        (new().keepalive_interval(Some(Duration::ZERO)), ConfigError::NoTime("keepalive_interval")),
        (new().open_timeout(Duration::ZERO), ConfigError::NoTime("open_timeout")),
        (new().initial_receive_window(262_143), ConfigError::WindowTooSmall(262_143)),
        (
            new().max_receive_window(u32::MAX),
            ConfigError::WindowTooLarge { field: "max_receive_window", bytes: u32::MAX },
        ),
        (
            new().max_receive_window(262_144).initial_receive_window(300_000),
            ConfigError::WindowShrinks { initial: 300_000, max: 262_144 },
        ),
        (
            new().max_unread_bytes(1000),
            ConfigError::UnreadTooSmall { unread: 1000, window: 16 << 20 },
        ),
    ];
    for (builder, error) in table {
        assert_eq!(builder.build(), Err(error));
    }
}

#[test]
fn the_hardened_settings_are_valid_and_tighter() {
    let (hardened, default) = (Config::hardened(), Config::default());
    let secs = Duration::from_secs;
    assert_eq!((hardened.open_timeout(), hardened.linger_timeout()), (secs(30), secs(5)));
    assert_eq!((hardened.linger_bytes(), hardened.send_buffer()), (262_144, 64 << 10));
    assert_eq!(Config::LARGEST_WINDOW, 1 << 30);
    assert!(hardened.max_unread_bytes() >= hardened.max_receive_window() as usize);
    assert!(hardened.max_receive_window() >= hardened.initial_receive_window());
    assert!(hardened.accept_backlog() < default.accept_backlog());
    assert!(hardened.max_inbound_streams() < default.max_inbound_streams());
    assert!(hardened.max_unread_bytes() < default.max_unread_bytes());
    let windows = hardened.max_inbound_streams() * hardened.initial_receive_window() as usize
        + hardened.max_receive_window_total();
    assert!(hardened.max_unread_bytes() > windows, "unread streams must not stop the others");
}
