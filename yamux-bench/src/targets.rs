//! What Rust Yamux is meant to reach, and whether a record does.

use comfy_table::{Table, presets::NOTHING};

use crate::{
    catalogue::more_is_better,
    contender::Name,
    measure::figure::{
        ALLOCATIONS, BYTES_PER_SECOND, CPU, CPU_USER, INSTRUCTIONS, P50, P99, PER_SECOND, RESIDENT,
        SECONDS, SYSTEM_CALLS,
    },
    record::Record,
    runtime::Runtime::{self, CurrentThread as CT, MultiThread as MT, Smol as SMOL},
};

/// What our figure is set against.
#[derive(Clone, Copy, Debug)]
enum Against {
    /// Nothing: the figure itself is bounded.
    Itself,
    /// The same figure of another contender.
    Same(Name),
    /// Another contender's figure of the same workload.
    Contender(Name, &'static str),
    /// The best of the rivals that are Rust libraries: the one with the worst ratio for us.
    BestRust,
    /// The better of the two Go libraries.
    BestGo,
    /// A contender's same figure in another workload.
    Elsewhere(Name, &'static str),
    /// Our own same figure on another runtime.
    Runtime(Runtime),
    /// What the bare link takes anyway is subtracted.
    BeyondRaw,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Clone, Copy, Debug)]
struct Target {
    who: Name,
    workload: &'static str,
    runtimes: &'static [Runtime],
    figure: &'static str,
    against: Against,
    bound: Bound,
}

const RAW: Against = Against::Same(Name::Raw);
const BOTH: &[Runtime] = &[MT, CT];

const fn least(
    workload: &'static str,
    runtimes: &'static [Runtime],
    figure: &'static str,
    value: f64,
    against: Against,
) -> Target {
    Target { who: Name::Ours, workload, runtimes, figure, against, bound: Bound::AtLeast(value) }
}

const fn most(
    workload: &'static str,
    runtimes: &'static [Runtime],
    figure: &'static str,
    value: f64,
    against: Against,
) -> Target {
    Target { who: Name::Ours, workload, runtimes, figure, against, bound: Bound::AtMost(value) }
}

/// A bound on bulk without copies.
const fn chunks(
    workload: &'static str,
    runtimes: &'static [Runtime],
    value: f64,
    than: Name,
) -> Target {
    let against = Against::Same(than);
    let target = least(workload, runtimes, BYTES_PER_SECOND, value, against);
    Target { who: Name::OursChunks, ..target }
}

/// The targets. Ratios hold within one interleaved comparison on two cores.
#[rustfmt::skip]
const TARGETS: &[Target] = &[
    least("bulk-1", BOTH, BYTES_PER_SECOND, 1.0, RAW),
    most("bulk-1", BOTH, CPU_USER, 1.0, Against::Contender(Name::Raw, CPU)),
    least("bulk-1", BOTH, BYTES_PER_SECOND, 2.0, Against::BestRust),
    least("bulk-1", BOTH, BYTES_PER_SECOND, 2.0, Against::BestGo),
    chunks("bulk-1", BOTH, 1.1, Name::Ours),
    least("bulk-16", BOTH, BYTES_PER_SECOND, 0.85, RAW),
    least("bulk-16", BOTH, BYTES_PER_SECOND, 1.6, Against::BestRust),
    least("message-32", BOTH, PER_SECOND, 110.0, RAW),
    least("message-32", BOTH, PER_SECOND, 5.0, Against::Same(Name::AsyncSmux)),
    least("message-32", BOTH, PER_SECOND, 200.0, Against::BestGo),
    least("message-4096", BOTH, PER_SECOND, 6.0, RAW),
    least("message-4096", BOTH, PER_SECOND, 3.5, Against::BestRust),
    least("ping-pong-1", BOTH, PER_SECOND, 1.0, RAW),
    most("ping-pong-1", BOTH, P99, 1.1, RAW),
    least("ping-pong-100", &[MT], PER_SECOND, 5.0, RAW),
    least("ping-pong-100", &[CT], PER_SECOND, 20.0, RAW),
    least("ping-pong-100", BOTH, PER_SECOND, 2.4, Against::BestRust),
    least("ping-pong-1000", &[MT], PER_SECOND, 9.0, RAW),
    least("ping-pong-1000", &[CT], PER_SECOND, 20.0, RAW),
    least("ping-pong-1000", BOTH, PER_SECOND, 2.4, Against::BestRust),
    least("churn-1", BOTH, PER_SECOND, 3.8, RAW),
    least("churn-1", BOTH, PER_SECOND, 1.6, Against::BestRust),
    least("churn-64", BOTH, PER_SECOND, 18.0, RAW),
    least("churn-64", BOTH, PER_SECOND, 5.0, Against::BestRust),
    most("beside-bulk", BOTH, P50, 4.0, RAW),
    least("beside-bulk", BOTH, BYTES_PER_SECOND, 0.8, RAW),
    least("memory-bulk", &[MT], BYTES_PER_SECOND, 0.35, RAW),
    least("memory-bulk", &[CT], BYTES_PER_SECOND, 0.6, RAW),
    chunks("memory-bulk", &[MT], 0.7, Name::Raw),
    chunks("memory-bulk", &[CT], 0.9, Name::Raw),
    most("open-100k", &[MT], RESIDENT, 300.0, Against::Itself),
    most("open-1m", &[MT], RESIDENT, 300.0, Against::Itself),
    most("idle-connection", &[CT], RESIDENT, 8192.0, Against::BeyondRaw),
    most("open-100k", &[MT], SECONDS, 0.5, Against::Itself),
    most("open-100k", &[MT], SECONDS, 12.0, Against::Elsewhere(Name::Ours, "open-10k")),
    most("open-1m", &[MT], SECONDS, 12.0, Against::Elsewhere(Name::Ours, "open-100k")),
    least("path-1", &[MT], BYTES_PER_SECOND, 0.98, RAW),
    least("path-16", &[MT], BYTES_PER_SECOND, 0.98, RAW),
    least("path-tcp-1", &[MT], BYTES_PER_SECOND, 0.98, RAW),
    least("path-tcp-16", &[MT], BYTES_PER_SECOND, 0.98, RAW),
    least("path-from-go-1", &[MT], BYTES_PER_SECOND, 0.95, Against::Elsewhere(Name::Raw, "path-1")),
    least("path-from-go-16", &[MT], BYTES_PER_SECOND, 0.95, Against::Elsewhere(Name::Raw, "path-16")),
    least("bulk-1", &[SMOL], BYTES_PER_SECOND, 0.85, Against::Runtime(CT)),
    least("message-32", &[SMOL], PER_SECOND, 0.85, Against::Runtime(CT)),
    least("ping-pong-1", &[SMOL], PER_SECOND, 0.85, Against::Runtime(CT)),
    least("ping-pong-100", &[SMOL], PER_SECOND, 0.85, Against::Runtime(CT)),
    least("churn-1", &[SMOL], PER_SECOND, 0.85, Against::Runtime(CT)),
    most("bulk-1", &[CT], INSTRUCTIONS, 0.33, Against::Itself),
    most("message-32", &[CT], INSTRUCTIONS, 380.0, Against::Itself),
    most("ping-pong-1", &[CT], INSTRUCTIONS, 11_500.0, Against::Itself),
    most("bulk-1", &[CT], ALLOCATIONS, 1e-7, Against::Itself),
    most("message-32", &[CT], ALLOCATIONS, 1e-3, Against::Itself),
    most("ping-pong-1", &[CT], ALLOCATIONS, 1e-2, Against::Itself),
    most("ping-pong-1", &[CT], SYSTEM_CALLS, 6.05, Against::Itself),
    most("bulk-1", &[CT], SYSTEM_CALLS, 4.0 / 65_536.0, Against::Itself),
    most("message-32", &[CT], SYSTEM_CALLS, 0.01, Against::Itself),
];

impl Target {
    /// What was reached, as far as the record tells.
    fn reached(&self, record: &Record, runtime: Runtime) -> Option<f64> {
        let entry = |who| record.entry(self.workload, runtime, who);
        let value = |who| record.value(self.workload, runtime, who, self.figure);
        let paired = |who| record.ratio(self.workload, runtime, self.figure, self.who, who);
        match self.against {
            Against::Itself => value(self.who),
            Against::Same(who) => paired(who),
            Against::Contender(who, figure) => {
                entry(self.who)?.ratio(self.figure, entry(who)?, figure)
            }
            Against::BestRust => self.against_best(Name::is_rust, paired),
            Against::BestGo => self.against_best(Name::is_go, paired),
            // Other workloads and runtimes have other rounds, which leaves the medians.
            Against::Elsewhere(who, workload) => {
                Some(value(self.who)? / record.value(workload, runtime, who, self.figure)?)
            }
            Against::Runtime(other) => {
                let there = record.value(self.workload, other, self.who, self.figure)?;
                Some(value(self.who)? / there)
            }
            Against::BeyondRaw => Some(value(self.who)? - value(Name::Raw)?),
        }
    }

    /// The ratio to the best of the rivals, which is the worst for us.
    fn against_best(
        &self,
        wanted: fn(Name) -> bool,
        ratio: impl Fn(Name) -> Option<f64>,
    ) -> Option<f64> {
        let rivals = Name::ALL.into_iter().filter(|it| it.is_rival() && wanted(*it));
        let ratios = rivals.filter_map(ratio);
        if more_is_better(self.figure) {
            ratios.min_by(f64::total_cmp)
        } else {
            ratios.max_by(f64::total_cmp)
        }
    }

    fn against(&self) -> String {
        match self.against {
            Against::Itself => String::new(),
            Against::Same(who) => format!("x {}", who.name()),
            Against::Contender(who, figure) => format!("x {} {figure}", who.name()),
            Against::BestRust => "x the best Rust rival".to_owned(),
            Against::BestGo => "x the better Go library".to_owned(),
            Against::Elsewhere(who, workload) => format!("x {} in {workload}", who.name()),
            Against::Runtime(other) => format!("x {} on {}", self.who.name(), other.name()),
            Against::BeyondRaw => "beyond raw".to_owned(),
        }
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    fn show(self) -> String {
        match self {
            Self::AtLeast(bound) => format!(">= {}", number(bound)),
            Self::AtMost(bound) => format!("<= {}", number(bound)),
        }
    }
}

/// Prints the targets that the record can judge.
pub fn print(record: &Record) {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["workload", "", "who", "figure", "target", "", "reached", ""]);
    let (mut met, mut judged) = (0, 0);
    for target in TARGETS {
        for &runtime in target.runtimes {
            let Some(value) = target.reached(record, runtime) else {
                continue;
            };
            let holds = target.bound.holds(value);
            judged += 1;
            met += u32::from(holds);
            table.add_row([
                target.workload,
                runtime.name(),
                target.who.name(),
                target.figure,
                &target.bound.show(),
                &target.against(),
                &number(value),
                if holds { "met" } else { "NOT MET" },
            ]);
        }
    }
    if judged > 0 {
        println!("\ntargets: {met} of {judged} met\n{table}");
    }
}

/// Three significant digits, in full where that is short.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 0.01 => format!("{value:.3}"),
        zero if zero < 1e-12 => "0".to_owned(),
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{CASES, Case},
        record::Entry,
    };

    #[test]
    fn every_target_is_about_something_that_is_measured() {
        for target in TARGETS {
            let case = Case::find(target.workload).expect("a workload");
            assert!(case.admits(target.who), "{target:?}");
            assert!(target.runtimes.iter().all(|it| case.runtimes().contains(it)), "{target:?}");
            if let Against::Elsewhere(who, workload) = target.against {
                assert!(Case::find(workload).expect("a workload").admits(who), "{target:?}");
            }
        }
    }

    #[test]
    fn names_are_unique() {
        for (index, case) in CASES.iter().enumerate() {
            assert!(CASES[..index].iter().all(|other| other.name != case.name), "{}", case.name);
        }
    }

    fn churn(who: Name, values: &[f64]) -> Entry {
        Entry::of("churn-1", MT, who, PER_SECOND, values)
    }

    #[test]
    fn a_ratio_is_taken_within_the_workload() {
        let record = Record::of(vec![
            churn(Name::Raw, &[10.0]),
            churn(Name::Ours, &[40.0]),
            churn(Name::H2, &[20.0]),
        ]);
        let raw = least("churn-1", &[MT], PER_SECOND, 3.8, RAW);
        assert_eq!(raw.reached(&record, MT), Some(4.0));
        let rival = least("churn-1", &[MT], PER_SECOND, 1.6, Against::BestRust);
        assert_eq!(rival.reached(&record, MT), Some(2.0));
        assert_eq!(raw.reached(&record, CT), None);
    }

    #[test]
    fn the_best_rival_is_the_best_within_the_rounds() {
        // The machine slows down after the first round, but for one rival a run later.
        let record = Record::of(vec![
            churn(Name::Ours, &[40.0, 4.0, 4.0]),
            churn(Name::H2, &[10.0, 10.0, 1.0]),
            churn(Name::RustYamux, &[20.0, 2.0, 2.0]),
        ]);
        let target = |figure| least("churn-1", &[MT], figure, 1.6, Against::BestRust);
        assert_eq!(target(PER_SECOND).reached(&record, MT), Some(2.0));

        let latency = |who, value| Entry::of("churn-1", MT, who, P50, &[value]);
        let record = Record::of(vec![
            latency(Name::Ours, 6.0),
            latency(Name::H2, 3.0),
            latency(Name::RustYamux, 12.0),
        ]);
        assert_eq!(target(P50).reached(&record, MT), Some(2.0));
    }

    #[test]
    fn another_figure_is_set_against_the_same_round_and_another_workload_is_not() {
        let of =
            |workload, who, figure, values: &[f64]| Entry::of(workload, MT, who, figure, values);
        let record = Record::of(vec![
            of("bulk-1", Name::Ours, CPU_USER, &[8.0, 8.0, 2.0]),
            of("bulk-1", Name::Raw, CPU, &[4.0, 1.0, 1.0]),
            of("open-100k", Name::Ours, SECONDS, &[8.0, 8.0, 2.0]),
            of("open-10k", Name::Ours, SECONDS, &[4.0, 1.0, 1.0]),
        ]);
        let cpu = most("bulk-1", &[MT], CPU_USER, 1.0, Against::Contender(Name::Raw, CPU));
        assert_eq!(cpu.reached(&record, MT), Some(2.0));
        let elsewhere = Against::Elsewhere(Name::Ours, "open-10k");
        let seconds = most("open-100k", &[MT], SECONDS, 12.0, elsewhere);
        assert_eq!(seconds.reached(&record, MT), Some(8.0));
    }
}
