//! What a case is, and how it can end.

use anyhow::Result;
use futures::future::BoxFuture;
use serde::Serialize;

use super::wire::Wire;

/// How strict a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// An endpoint that breaks it does not work with others, or can be harmed.
    Must,
    /// Implementations in use differ, or the specification is silent.
    Should,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As the rule says.
    Passed,
    /// Not quite, in a way that implementations in use also have.
    Tolerated(String),
    /// Against the rule.
    Failed(String),
}

/// What a case does.
pub type Play = for<'a> fn(&'a mut Wire) -> BoxFuture<'a, Result<Outcome>>;

/// One rule, and how to see whether an endpoint keeps it.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name: group and rule, as in `framing/bad-version`.
    pub id: &'static str,
    /// How strict the rule is.
    pub level: Level,
    /// A heading of the specification, or the behaviour of the reference implementation.
    pub source: &'static str,
    /// The rule, in a sentence.
    pub rule: &'static str,
    /// What is done.
    pub play: Play,
}

impl Case {
    /// A rule that every endpoint has to keep.
    pub const fn must(
        id: &'static str,
        source: &'static str,
        rule: &'static str,
        play: Play,
    ) -> Self {
        Self { id, level: Level::Must, source, rule, play }
    }

    /// A rule that an endpoint had better keep.
    pub const fn should(
        id: &'static str,
        source: &'static str,
        rule: &'static str,
        play: Play,
    ) -> Self {
        Self { id, level: Level::Should, source, rule, play }
    }

    /// What is a failure against a `must` is a difference against a `should`.
    pub(super) fn judge(&self, outcome: Outcome) -> Outcome {
        match (outcome, self.level) {
            (Outcome::Failed(reason), Level::Should) => Outcome::Tolerated(reason),
            (outcome, _) => outcome,
        }
    }
}
