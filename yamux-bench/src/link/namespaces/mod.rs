//! The long path under the kernel's own TCP: two network namespaces, and packets that are carried
//! from one to the other at a rate and with a delay.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
pub mod system;

use super::{Path, Tcp};

/// TCP over a [`Path`] between two network namespaces.
#[derive(Clone, Debug)]
pub struct Namespaces {
    /// The path between them.
    pub path: Path,
    /// The sockets' settings.
    pub tcp: Tcp,
}

impl Namespaces {
    /// Whether this process may make namespaces and TUN devices.
    ///
    /// # Errors
    /// What is missing.
    pub fn check() -> anyhow::Result<()> {
        system::check()
    }
}
