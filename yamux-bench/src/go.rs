//! The Go rivals: a program of the interop module that runs the same workloads at both ends.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

/// Builds the Go program and says where it is; a build that changes nothing takes no time.
///
/// # Errors
/// That there is no Go toolchain, or what it says of the sources.
pub fn build() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("yamux-bench-go");
    let output = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(sources())
        .output()
        .context("`go` is needed and did not start: install it")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the Go program did not build: {}", errors.trim());
    Ok(program)
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop/go")
}
