//! What a figure depends on: the machine, its kernel, the libraries.

use std::{collections::BTreeMap, fs, io, process::Command};

use memory_stats::memory_stats;
use serde::{Deserialize, Serialize};

use crate::link::Tcp;

/// The workspace's lock file, which names the exact version of every rival.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));

/// The packages whose versions a record keeps.
const PACKAGES: [&str; 7] =
    ["async_smux", "h2", "tokio", "tokio-yamux", "yamux", "yamux-proto", "yamux-tokio"];

/// The machine that a record was made on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name for itself.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// Kernel name and release.
    pub kernel: String,
    /// Tasks that were running or ready beforehand, averaged over a minute.
    pub load: f64,
    /// The congestion control of the loopback sockets.
    pub congestion: String,
    /// Exact versions of what was compared.
    pub versions: BTreeMap<String, String>,
}

impl Machine {
    /// Describes this machine and the build that asks.
    ///
    /// # Errors
    /// Those of asking a socket for its congestion control.
    pub fn describe(link: &Tcp) -> io::Result<Self> {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Self {
            cpu: cpu_model(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: format!("{} {}", std::env::consts::OS, release.trim()),
            load: load(),
            congestion: link.congestion_in_force()?,
            versions: versions(LOCK),
        })
    }
}

fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    named.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn load() -> f64 {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().and_then(|minute| minute.parse().ok()).unwrap_or_default()
}

/// The versions of [`PACKAGES`] in a lock file.
fn versions(lock: &str) -> BTreeMap<String, String> {
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let mut found = BTreeMap::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        let Some(name) = value(line, "name = ") else {
            continue;
        };
        if let Some(version) = lines.next().and_then(|line| value(line, "version = ")) {
            if PACKAGES.contains(&name.as_str()) {
                found.insert(name, version);
            }
        }
    }
    found
}

/// The commit that is checked out, `-dirty` if the tree differs from it.
pub fn commit() -> String {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

/// Resident memory of this process.
///
/// # Errors
/// Where the system does not tell.
pub fn resident_bytes() -> io::Result<u64> {
    let stats = memory_stats().ok_or(io::ErrorKind::Unsupported)?;
    Ok(stats.physical_mem as u64)
}

/// Raises the limit on open files as far as allowed: raw contenders need two a stream.
pub fn allow_many_files() {
    // Where it cannot be raised the connections that do not fit say so themselves.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_every_rival() {
        let found = versions(LOCK);
        for name in ["async_smux", "h2", "tokio", "tokio-yamux", "yamux"] {
            assert!(found.contains_key(name), "{name} in {found:?}");
        }
    }

    #[test]
    fn resident_memory_is_some() {
        assert!(resident_bytes().is_ok_and(|bytes| bytes > 100_000));
    }
}
