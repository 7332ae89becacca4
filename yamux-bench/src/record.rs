//! What a comparison found, kept beside the sources.

use std::{
    collections::BTreeMap,
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
    /// The least and the most of the runs, by figure.
    pub range: BTreeMap<String, (f64, f64)>,
    /// Why there is nothing, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Entry {
    /// Sums up the runs.
    pub fn new(
        workload: &str,
        runtime: Runtime,
        contender: Name,
        runs: &[Measurement],
        failure: Option<String>,
    ) -> Self {
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, &value) in runs.iter().flat_map(|run| &run.figures) {
            values.entry(name.clone()).or_default().push(value);
        }
        let (mut median, mut range) = (BTreeMap::new(), BTreeMap::new());
        for (name, mut values) in values {
            values.sort_by(f64::total_cmp);
            if let [least, .., most] | [least @ most] = values[..] {
                range.insert(name.clone(), (least, most));
            }
            median.insert(name, middle(&values));
        }
        Self { workload: workload.to_owned(), runtime, contender, median, range, failure }
    }
}

/// The median of sorted values; of an even number, the mean of the two in the middle.
fn middle(sorted: &[f64]) -> f64 {
    let upper = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[upper] } else { (sorted[upper - 1] + sorted[upper]) / 2.0 }
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

    #[test]
    fn medians() {
        assert_eq!(middle(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(middle(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }

    #[test]
    fn range_of_one_run_is_that_run() {
        let run = Measurement::default().with("x", 3.0);
        let entry = Entry::new("w", Runtime::MultiThread, Name::Raw, &[run], None);
        assert_eq!(entry.range["x"], (3.0, 3.0));
        assert_eq!(entry.median["x"], 3.0);
    }
}
