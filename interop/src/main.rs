//! Runs the interop matrix and prints it.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use interop::{
    matrix::{self, Cell},
    peer::{GO_MISSING, go_is_installed},
    report::{self, Outcome, Row},
};

/// Runs Rust Yamux against other implementations of Yamux and prints how it went.
#[derive(Parser)]
struct Arguments {
    /// Run only the cells whose name contains this, such as `hashicorp`, `echo` or `rust-client`
    filter: Option<String>,
    /// Also write the matrix to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// List the names of the cells and run none
    #[arg(long)]
    list: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let filter = arguments.filter.unwrap_or_default();
    let cells: Vec<Cell> =
        matrix::cells().into_iter().filter(|cell| cell.to_string().contains(&filter)).collect();
    if arguments.list {
        for cell in &cells {
            println!("{cell}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let rows = run(&cells)?;
    print(&rows);
    if let Some(file) = arguments.json {
        fs::write(&file, serde_json::to_string_pretty(&rows)?)
            .with_context(|| format!("writing {}", file.display()))?;
    }
    let failed = rows.iter().any(|row| matches!(row.outcome, Outcome::Failed { .. }));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn run(cells: &[Cell]) -> Result<Vec<Row>> {
    let style = ProgressStyle::with_template("{elapsed:>4} {wide_bar} {pos}/{len}  {msg}")?;
    let bar = ProgressBar::new(cells.len() as u64).with_style(style);
    let mut rows = Vec::new();
    for cell in cells {
        bar.set_message(cell.to_string());
        let outcome = if cell.peer.needs_go() && !go_is_installed() {
            Outcome::Skipped { reason: GO_MISSING.to_owned() }
        } else {
            Outcome::from(cell.run())
        };
        if let Outcome::Failed { .. } = outcome {
            bar.println(format!("✗ {cell}"));
        }
        rows.push(Row::new(cell, outcome));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(rows)
}

fn print(rows: &[Row]) {
    println!("{}", report::table(rows));
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for row in rows {
        match &row.outcome {
            Outcome::Passed { .. } => passed += 1,
            Outcome::Failed { reason } => {
                failed += 1;
                println!("\n✗ {}\n{reason}", row.name);
            }
            Outcome::Skipped { .. } => skipped += 1,
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if skipped > 0 {
        println!("{GO_MISSING}");
    }
}
