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
mod tests {
    use super::*;

    fn entry(runs: &[Measurement]) -> Entry {
        Entry::new("w", Runtime::MultiThread, Name::Raw, runs, None)
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
