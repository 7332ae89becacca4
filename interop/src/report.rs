//! The matrix for a person and for a program.

use std::{collections::HashMap, time::Duration};

use comfy_table::{Cell as TableCell, Color, Table, TableComponent, presets};
use serde::Serialize;

use crate::{matrix::Cell, scenario};

/// How a cell went.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// As it should; how long it took.
    Passed {
        /// Seconds that the conversation took.
        seconds: f64,
    },
    /// Not as it should.
    Failed {
        /// What was expected, what came, and the frames exchanged.
        reason: String,
    },
    /// Not run.
    Skipped {
        /// What is missing.
        reason: String,
    },
}

/// A cell with its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The full name of the cell.
    pub name: String,
    /// The other implementation.
    pub peer: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The scenario.
    pub scenario: &'static str,
    /// `rust-client` or `rust-server`.
    pub role: &'static str,
    /// Our adapter.
    pub adapter: &'static str,
    /// How it went.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Row {
    /// A cell that was run, or not.
    pub fn new(cell: &Cell, outcome: Outcome) -> Self {
        Self {
            name: cell.to_string(),
            peer: cell.peer.name(),
            version: cell.peer.version(),
            scenario: cell.scenario.name,
            role: cell.role_name(),
            adapter: cell.adapter.name(),
            outcome,
        }
    }
}

impl From<anyhow::Result<Duration>> for Outcome {
    fn from(result: anyhow::Result<Duration>) -> Self {
        match result {
            Ok(took) => Self::Passed { seconds: took.as_secs_f64() },
            Err(error) => Self::Failed { reason: format!("{error:#}") },
        }
    }
}

/// One line for each scenario and role, one column for each peer, and in each cell the times with
/// our adapters side by side.
pub fn table(rows: &[Row]) -> Table {
    let (mut columns, mut lines, mut adapters) = (Vec::new(), Vec::new(), Vec::new());
    let mut cells: HashMap<_, Vec<&Outcome>> = HashMap::new();
    for row in rows {
        let column = (row.peer, row.version);
        let line = (row.scenario, row.role);
        remember(&mut columns, column);
        remember(&mut lines, line);
        remember(&mut adapters, row.adapter);
        cells.entry((line, column)).or_default().push(&row.outcome);
    }
    let order: Vec<&str> = scenario::all().iter().map(|scenario| scenario.name).collect();
    lines.sort_by_key(|(scenario, role)| (order.iter().position(|name| name == scenario), *role));
    let mut table = plain_table();
    let heads = columns.iter().map(|(peer, version)| {
        TableCell::new(format!("{peer}\n{version}\n{}", adapters.join(" / ")))
    });
    table.set_header(["scenario", "role"].into_iter().map(TableCell::new).chain(heads));
    let mut last = "";
    for line in lines {
        let (scenario, role) = line;
        let name = if scenario == last { "" } else { scenario };
        last = scenario;
        let outcomes = columns.iter().map(|column| match cells.get(&(line, *column)) {
            Some(outcomes) => show(outcomes),
            None => TableCell::new("–").fg(Color::DarkGrey),
        });
        table.add_row([name, role].into_iter().map(TableCell::new).chain(outcomes));
    }
    table
}

/// A table with a line under its head and none between its rows.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    for line in [
        TableComponent::HorizontalLines,
        TableComponent::MiddleIntersections,
        TableComponent::LeftBorderIntersections,
        TableComponent::RightBorderIntersections,
    ] {
        table.remove_style(line);
    }
    table
}

fn remember<T: PartialEq>(seen: &mut Vec<T>, value: T) {
    if !seen.contains(&value) {
        seen.push(value);
    }
}

fn show(outcomes: &[&Outcome]) -> TableCell {
    let texts: Vec<String> = outcomes.iter().map(|outcome| text(outcome)).collect();
    let failed = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed { .. }));
    let skipped = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Skipped { .. }));
    let colour = match (failed, skipped) {
        (true, _) => Color::Red,
        (false, true) => Color::Yellow,
        (false, false) => Color::Green,
    };
    let mark = if failed || skipped { "" } else { "✓ " };
    TableCell::new(format!("{mark}{}", texts.join(" / "))).fg(colour)
}

fn text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed { seconds } if *seconds >= 1.0 => format!("{seconds:.1} s"),
        Outcome::Passed { seconds } => format!("{:.0} ms", seconds * 1000.0),
        Outcome::Failed { .. } => "✗ failed".to_owned(),
        Outcome::Skipped { .. } => "skipped".to_owned(),
    }
}
