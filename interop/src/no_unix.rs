//! Stands for what only Unix has. The matrix leaves out what would need it.

use std::{convert::Infallible, path::PathBuf};

use anyhow::{Result, bail};
use tokio::process::Child;

use crate::link::BoxIo;

const MISSING: &str = "this system has no Unix sockets";

/// A socket that cannot be.
#[derive(Debug)]
pub(crate) struct Listener(Infallible);

impl Listener {
    pub(crate) fn bind(_: PathBuf) -> Result<Self> {
        bail!(MISSING)
    }

    pub(crate) fn address(&self) -> String {
        match self.0 {}
    }

    pub(crate) async fn accept(self) -> Result<BoxIo> {
        match self.0 {}
    }
}

pub(crate) async fn connect(_: &str) -> Result<BoxIo> {
    bail!(MISSING)
}

pub(crate) fn exec(_: &str) -> Result<(BoxIo, Child)> {
    bail!("{MISSING}, and a command gets one end of a pair of them")
}
