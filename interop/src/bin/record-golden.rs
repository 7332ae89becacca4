//! Records the golden bytes anew from the Go implementations and reports what changed.

use std::{fs, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use interop::{
    golden::{self, recorder, script},
    peer::{GO_MISSING, go_is_installed},
};
use similar::{ChangeTag, TextDiff};

/// Records conversations with the Go implementations, frame by frame, in `interop/golden`.
#[derive(Parser)]
struct Arguments {
    /// Report what is different and leave the files alone; fails if anything is
    #[arg(long)]
    check: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(go_is_installed(), "{GO_MISSING}");
    let mut changed = 0;
    for script in script::all() {
        let path = golden::dir().join(format!("{}.hex", script.file_stem()));
        let new = recorder::record(&script).await?.to_text();
        let old = fs::read_to_string(&path).unwrap_or_default();
        if old == new {
            continue;
        }
        changed += 1;
        println!("{} is different:", path.display());
        print_difference(&old, &new);
        if !arguments.check {
            fs::write(&path, new).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    println!("{changed} of {} recordings are different", script::all().len());
    Ok(if arguments.check && changed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_difference(old: &str, new: &str) {
    for change in TextDiff::from_lines(old, new).iter_all_changes() {
        match change.tag() {
            ChangeTag::Delete => print!("- {change}"),
            ChangeTag::Insert => print!("+ {change}"),
            ChangeTag::Equal => {}
        }
    }
}
