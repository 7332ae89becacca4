//! Where this crate may leave files.

use std::{fs, io, path::PathBuf};

/// The temporary directory inside Cargo's target directory, created if need be.
///
/// # Errors
/// When the running program is not inside a target directory, or the directory cannot be made.
pub fn temporary() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    // Cargo marks the root of its target directory with this file.
    let root = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file());
    let root = root.or_else(|| program.parent()).ok_or(io::ErrorKind::NotFound)?;
    let dir = root.join("tmp").join("interop");
    fs::create_dir_all(&dir)?;
    Ok(dir)
}
