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
    /// Bytes in a packet.
    pub mtu: u16,
    /// What a socket may buffer at the least, at first and at the most, in bytes; `None` leaves the
    /// kernel's defaults.
    pub socket_buffer: Option<[u32; 3]>,
}

impl Namespaces {
    /// A gigabit over a long distance. Jumbo frames leave the processors to who is measured. A socket
    /// may buffer several times what is under way at the most, and at first so much that the kernel need
    /// not find out, which takes it from nothing to half a second, by chance.
    pub fn long_path(tcp: Tcp) -> Self {
        let socket_buffer = Some([4 * 1024, 1024 * 1024, 32 * 1024 * 1024]);
        Self { path: Path::GIGABIT_50_MS, tcp, mtu: 9_000, socket_buffer }
    }

    /// A home's uplink, with everything as it is found there.
    pub fn uplink(tcp: Tcp) -> Self {
        Self { path: Path::UPLINK, tcp, mtu: 1_500, socket_buffer: None }
    }

    /// Whether this process may make namespaces and TUN devices.
    ///
    /// # Errors
    /// What is missing.
    pub fn check() -> anyhow::Result<()> {
        system::check()
    }
}
