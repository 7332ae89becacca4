//! What a comparison found, kept beside the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{contender::Name, machine::Machine, measure::Measurement, runtime::Runtime};

/// A whole comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The day, in UTC.
    pub date: String,
    /// The commit that was measured.
    pub commit: String,
    /// Where.
    pub machine: Machine,
    /// How long each run took.
    pub seconds: f64,
    /// Runs of each entry.
    pub runs: usize,
    /// One for each workload, runtime and contender.
    pub entries: Vec<Entry>,
}

/// What one contender did in one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The workload.
    pub workload: String,
    /// On which executor.
    pub runtime: Runtime,
    /// Who.
    pub contender: Name,
    /// Medians over the runs, by figure.
    pub median: BTreeMap<String, f64>,
    /// The value of every run, by figure; nothing where a run did not report it. The same place is
    /// the same round in all entries of a workload on a runtime. Older records have none of this.
    #[serde(default)]
    pub runs: BTreeMap<String, Vec<Option<f64>>>,
    /// Why there is nothing, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Entry {
    /// Sums up the runs, which are given from the first round on.
    pub fn new(
        workload: &str,
        runtime: Runtime,
        contender: Name,
        measurements: &[Measurement],
        failure: Option<String>,
    ) -> Self {
        let (mut median, mut runs) = (BTreeMap::new(), BTreeMap::new());
        let names: BTreeSet<_> = measurements.iter().flat_map(|it| it.figures.keys()).collect();
        for name in names {
            let values: Vec<_> =
                measurements.iter().map(|it| it.figures.get(name).copied()).collect();
            if let Some(value) = middle(values.iter().copied().flatten()) {
                median.insert(name.clone(), value);
            }
            runs.insert(name.clone(), values);
        }
        Self { workload: workload.to_owned(), runtime, contender, median, runs, failure }
    }

    /// This one's `figure` divided by the other's `base`: the median over the rounds that both ran,
    /// or where single runs are not known, the ratio of the medians. None if that divides by zero.
    pub fn ratio(&self, figure: &str, other: &Self, base: &str) -> Option<f64> {
        let runs = (self.runs.get(figure), other.runs.get(base));
        let ratio = if let (Some(own), Some(others)) = runs {
            let ratios = own.iter().zip(others).filter_map(|(own, base)| Some((*own)? / (*base)?));
            // What is divided by zero is infinite and sorts last; zero by zero is no number.
            middle(ratios.filter(|it| !it.is_nan()))?
        } else {
            self.median.get(figure)? / other.median.get(base)?
        };
        ratio.is_finite().then_some(ratio)
    }

    /// The least and the most of the runs, if they are known.
    pub fn range(&self, figure: &str) -> Option<(f64, f64)> {
        let values = || self.runs.get(figure).into_iter().flatten().copied().flatten();
        Some((values().min_by(f64::total_cmp)?, values().max_by(f64::total_cmp)?))
    }
}

/// The median, if there is any value; of an even number, the mean of the two in the middle.
fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let above = *values.get(upper)?;
    Some(if values.len() % 2 == 1 { above } else { (values[upper - 1] + above) / 2.0 })
}

impl Record {
    /// The value of one figure, if it was measured.
    pub fn value(
        &self,
        workload: &str,
        runtime: Runtime,
        contender: Name,
        figure: &str,
    ) -> Option<f64> {
        self.entry(workload, runtime, contender)?.median.get(figure).copied()
    }

    /// The figure of `who` divided by that of `against`, as [`Entry::ratio`] does it.
    pub fn ratio(
        &self,
        workload: &str,
        runtime: Runtime,
        figure: &str,
        who: Name,
        against: Name,
    ) -> Option<f64> {
        let other = self.entry(workload, runtime, against)?;
        self.entry(workload, runtime, who)?.ratio(figure, other, figure)
    }

    /// The entry for one workload, runtime and contender.
    pub fn entry(&self, workload: &str, runtime: Runtime, contender: Name) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|it| (&*it.workload, it.runtime, it.contender) == (workload, runtime, contender))
    }

    /// Where records are kept: beside the sources.
    pub fn directory() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("record")
    }

    /// Writes it as `DATE-COMMIT.json`; says where.
    ///
    /// # Errors
    /// Those of writing.
    pub fn save(&self, directory: &Path) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(directory)?;
        let path = directory.join(format!("{}-{}.json", self.date, self.commit));
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(path)
    }

    /// Reads one.
    ///
    /// # Errors
    /// Those of reading, and that it is no record.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)?;
        serde_json::from_str(&text).with_context(|| format!("{} is no record", path.display()))
    }
}

#[cfg(test)]
impl Record {
    /// One of these entries alone.
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        Self {
            date: String::new(),
            commit: String::new(),
            machine: Machine::describe(&crate::link::Tcp::default()).expect("a machine"),
            seconds: 0.0,
            runs: 1,
            entries,
        }
    }
}

#[cfg(test)]
impl Entry {
    /// One of these values of one figure, a round each.
    pub(crate) fn of(
        workload: &str,
        runtime: Runtime,
        who: Name,
        figure: &str,
        values: &[f64],
    ) -> Self {
        let run = |value: &f64| Measurement::default().with(figure, *value);
        let runs: Vec<_> = values.iter().map(run).collect();
        Self::new(workload, runtime, who, &runs, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(runs: &[Measurement]) -> Entry {
        Entry::new("w", Runtime::MultiThread, Name::Raw, runs, None)
    }

    /// Of a figure with these values, a round each.
    fn ratio(own: &[f64], base: &[f64]) -> Option<f64> {
        let of = |who, values| Entry::of("w", Runtime::MultiThread, who, "x", values);
        let record = Record::of(vec![of(Name::Ours, own), of(Name::Raw, base)]);
        record.ratio("w", Runtime::MultiThread, "x", Name::Ours, Name::Raw)
    }

    #[test]
    fn medians() {
        assert_eq!(middle([9.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(middle([4.0, 1.0, 9.0, 2.0].into_iter()), Some(3.0));
        assert_eq!(middle([].into_iter()), None);
    }

    #[test]
    fn range_of_one_run_is_that_run() {
        let entry = entry(&[Measurement::default().with("x", 3.0)]);
        assert_eq!(entry.range("x"), Some((3.0, 3.0)));
        assert_eq!(entry.median["x"], 3.0);
        assert_eq!(entry.range("y"), None);
    }

    #[test]
    fn a_run_without_a_figure_keeps_its_place() {
        let with = |value| Measurement::default().with("x", value);
        let entry = entry(&[with(7.0), Measurement::default(), with(5.0)]);
        assert_eq!(entry.runs["x"], [Some(7.0), None, Some(5.0)]);
        assert_eq!(entry.range("x"), Some((5.0, 7.0)));
        assert_eq!(entry.median["x"], 6.0);
        let text = serde_json::to_string(&entry).expect("JSON");
        let again: Entry = serde_json::from_str(&text).expect("an entry");
        assert_eq!(again.runs, entry.runs);
    }

    #[test]
    fn a_ratio_is_that_of_runs_of_the_same_round() {
        // A machine in two states, which changes between the two runs of the third round.
        let (own, base) = ([200.0, 200.0, 40.0, 40.0, 40.0], [100.0, 100.0, 100.0, 20.0, 20.0]);
        assert_eq!(ratio(&own, &base), Some(2.0));
        assert_eq!(ratio(&base, &own), Some(0.5));
    }

    #[test]
    fn rounds_that_only_one_ran_make_no_ratio() {
        assert_eq!(ratio(&[6.0, 8.0], &[2.0, 2.0, 500.0, 500.0]), Some(3.5));
        assert_eq!(ratio(&[6.0], &[]), None);
        let x = |value| Measurement::default().with("x", value);
        let gap = entry(&[x(8.0), Measurement::default(), x(12.0)]);
        assert_eq!(gap.ratio("x", &entry(&[x(4.0), x(1.0), x(6.0)]), "x"), Some(2.0));
    }

    #[test]
    fn zeros_make_no_ratio_but_have_their_place() {
        assert_eq!(ratio(&[0.0], &[2.0]), Some(0.0));
        assert_eq!(ratio(&[2.0], &[0.0]), None);
        assert_eq!(ratio(&[0.0], &[0.0]), None);
        assert_eq!(ratio(&[2.0, 4.0, 6.0], &[2.0, 0.0, 2.0]), Some(3.0));
        assert_eq!(ratio(&[0.0, 4.0], &[0.0, 2.0]), Some(2.0));
    }

    #[test]
    fn without_runs_the_medians_make_the_ratio() {
        let older = |median: f64| {
            let text = format!(
                r#"{{ "workload": "w", "runtime": "mt", "contender": "raw",
                "median": {{ "x": {median:?} }}, "range": {{ "x": [1.0, 9.0] }} }}"#
            );
            serde_json::from_str::<Entry>(&text).expect("an entry")
        };
        assert_eq!(older(6.0).range("x"), None);
        assert_eq!(older(6.0).ratio("x", &older(3.0), "x"), Some(2.0));
        assert_eq!(older(6.0).ratio("x", &older(0.0), "x"), None);
        assert_eq!(older(6.0).ratio("x", &older(3.0), "y"), None);
        // What a tool has counted is in the medians only.
        let mut counted = entry(&[Measurement::default().with("y", 1.0)]);
        counted.median.insert("x".to_owned(), 12.0);
        assert_eq!(counted.ratio("x", &older(3.0), "x"), Some(4.0));
    }

    #[test]
    fn every_record_that_is_kept_loads() {
        let files = fs::read_dir(Record::directory()).expect("a directory");
        let paths = files.map(|it| it.expect("a file").path());
        let records: Vec<_> =
            paths.filter(|it| it.extension().is_some_and(|it| it == "json")).collect();
        assert!(!records.is_empty());
        for path in records {
            let record = Record::load(&path).unwrap_or_else(|error| panic!("{error:#}"));
            assert!(record.entries.iter().any(|it| !it.median.is_empty()), "{}", path.display());
        }
    }
}
