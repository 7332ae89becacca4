//! The two Go libraries, in one program that is built here.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, Result, ensure};
use futures::future::BoxFuture;

use super::{Peer, Plan, Remote, go_process};
use crate::{
    session::{Abilities, Resets},
    target_dir,
};

/// A Go implementation of Yamux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoLibrary {
    /// github.com/hashicorp/yamux.
    Hashicorp,
    /// github.com/libp2p/go-yamux/v5.
    GoYamux,
}

impl GoLibrary {
    /// What the Go program calls the library.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Hashicorp => "hashicorp",
            Self::GoYamux => "go-yamux",
        }
    }
}

impl Peer for GoLibrary {
    fn name(&self) -> &'static str {
        self.flag()
    }

    fn version(&self) -> &'static str {
        match self {
            Self::Hashicorp => "v0.1.2",
            Self::GoYamux => "v5.1.0",
        }
    }

    fn needs_go(&self) -> bool {
        true
    }

    fn abilities(&self) -> Abilities {
        let hashicorp = *self == Self::Hashicorp;
        Abilities {
            pings: true,
            sends_go_away: true,
            survives_go_away: hashicorp,
            resets: if hashicorp { Resets::AfterFin } else { Resets::Plainly },
            reset_codes: !hashicorp,
            sees_resets: true,
            sees_loss: !hashicorp,
            sees_last_fin: true,
            opens_at_once: true,
            whole_window_frames: hashicorp,
            window_setting: true,
            backlog_setting: true,
            keepalive_setting: hashicorp,
            large_echoes: true,
            closes_abruptly: true,
        }
    }

    fn start<'a>(&'a self, plan: Plan<'a>) -> BoxFuture<'a, Result<Remote>> {
        Box::pin(go_process::start(*self, plan))
    }
}

/// What to tell a person without Go.
pub const GO_MISSING: &str = "There is no `go` on the PATH, so the cells against Go were not run: \
     install Go 1.23 or newer from https://go.dev/dl/ and run this again.";

/// Whether there is a `go` to build and run the Go peers with.
pub fn go_is_installed() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let mut version = Command::new("go");
        version.arg("version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

/// The program in `interop/go`.
#[derive(Clone, Debug)]
pub struct GoProgram {
    path: PathBuf,
}

impl GoProgram {
    /// Builds the program, once in the life of this process.
    ///
    /// # Errors
    /// What the Go compiler says.
    pub fn build() -> Result<Self> {
        static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
        match BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}"))) {
            Ok(path) => Ok(Self { path: path.clone() }),
            Err(error) => Err(anyhow::anyhow!("{error}")),
        }
    }

    /// The executable.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn build() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    let program = target_dir::temporary()?.join(format!("go-peer-{}", std::process::id()));
    let output = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(&source)
        .output()
        .context("running go build")?;
    ensure!(
        output.status.success(),
        "go build in {} failed:\n{}",
        source.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    // Several test programs may build at the same time; the name that they share changes at once.
    let shared = program.with_file_name(format!("go-peer{}", std::env::consts::EXE_SUFFIX));
    std::fs::rename(&program, &shared)?;
    Ok(shared)
}
