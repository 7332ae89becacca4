//! Golden bytes: conversations with the Go implementations, recorded frame by frame.
//!
//! A [`recorder`] plays the one side by hand, in frames, against a live Go peer on the other side,
//! and keeps both directions in `interop/golden/*.hex`. A [`replay`] puts the core in the place of
//! the recorder: it has to send the same frames and to understand Go's.

pub mod recorder;
pub mod replay;
pub mod script;
pub mod transcript;

use std::path::{Path, PathBuf};

/// Where the recordings are kept.
pub fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}
