//! The results, for a person, for a program, and for a CI system.

use std::time::Duration;

use comfy_table::{Cell as TableCell, Color, ContentArrangement, Table};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::case::{Case, Level, Outcome};
use crate::report::plain_table;

/// How a case ended, with what was exchanged.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// The name of the case.
    pub id: &'static str,
    /// How strict the rule is.
    pub level: Level,
    /// Where the rule comes from.
    pub source: &'static str,
    /// The rule.
    pub rule: &'static str,
    /// `passed`, `tolerated` or `failed`.
    pub outcome: &'static str,
    /// What was different, if something was.
    pub reason: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// The frames sent (`->`) and received (`<-`).
    pub exchange: Vec<String>,
}

impl CaseResult {
    pub(super) fn new(
        case: &Case,
        outcome: Outcome,
        took: Duration,
        exchange: Vec<String>,
    ) -> Self {
        let (outcome, reason) = match outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Tolerated(reason) => ("tolerated", Some(reason)),
            Outcome::Failed(reason) => ("failed", Some(reason)),
        };
        Self {
            id: case.id,
            level: case.level,
            source: case.source,
            rule: case.rule,
            outcome,
            reason,
            seconds: took.as_secs_f64(),
            exchange,
        }
    }

    /// Whether a rule was broken that has to be kept.
    pub fn failed(&self) -> bool {
        self.outcome == "failed"
    }
}

/// One line a case.
pub fn table(results: &[CaseResult]) -> Table {
    let mut table = plain_table();
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["case", "level", "outcome", "rule, and what was different"]);
    for result in results {
        let level = match result.level {
            Level::Must => "must",
            Level::Should => "should",
        };
        let outcome = match result.outcome {
            "passed" => TableCell::new("✓ passed").fg(Color::Green),
            "tolerated" => TableCell::new("~ tolerated").fg(Color::Yellow),
            _ => TableCell::new("✗ failed").fg(Color::Red),
        };
        let mut rule = result.rule.to_owned();
        if let Some(reason) = &result.reason {
            rule.push_str(&format!("\n→ {reason}"));
        }
        table.add_row([
            TableCell::new(result.id),
            TableCell::new(level),
            outcome,
            TableCell::new(rule),
        ]);
    }
    table
}

/// What the failed cases exchanged, and how many ended how.
pub fn summary(results: &[CaseResult]) -> String {
    let mut text = String::new();
    for result in results.iter().filter(|result| result.failed()) {
        let reason = result.reason.as_deref().unwrap_or_default();
        text.push_str(&format!("✗ {} ({})\n  {reason}\n", result.id, result.source));
        for line in &result.exchange {
            text.push_str(&format!("    {line}\n"));
        }
    }
    let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count();
    let (passed, tolerated, failed) = (count("passed"), count("tolerated"), count("failed"));
    text.push_str(&format!(
        "{} cases: {passed} passed, {tolerated} tolerated differences, {failed} failed",
        results.len()
    ));
    text
}

/// The results as JUnit XML.
///
/// # Errors
/// When a text cannot be represented.
pub fn junit(results: &[CaseResult]) -> anyhow::Result<String> {
    let mut suite = TestSuite::new("yamux");
    for result in results {
        let status = match &result.reason {
            Some(reason) if result.failed() => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(reason.clone());
                status.set_description(result.exchange.join("\n"));
                status
            }
            _ => TestCaseStatus::success(),
        };
        let mut case = TestCase::new(result.id, status);
        case.set_time(Duration::from_secs_f64(result.seconds));
        if let Some(reason) = result.reason.as_ref().filter(|_| !result.failed()) {
            case.set_system_out(format!("tolerated difference: {reason}"));
        }
        suite.add_test_case(case);
    }
    let mut report = Report::new("yamux conformance");
    report.add_test_suite(suite);
    Ok(report.to_string()?)
}
