//! What Rust Yamux is meant to reach, and whether a record does.

use comfy_table::{Table, presets::NOTHING};

use crate::{
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
    /// The best of the rivals that are Rust libraries.
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
        let of = |who, figure| record.value(self.workload, runtime, who, figure);
        let ours = of(self.who, self.figure)?;
        let best = |wanted: fn(Name) -> bool| {
            let rivals = Name::ALL.into_iter().filter(|it| it.is_rival() && wanted(*it));
            rivals.filter_map(|it| of(it, self.figure)).max_by(f64::total_cmp)
        };
        match self.against {
            Against::Itself => Some(ours),
            Against::Same(who) => Some(ours / of(who, self.figure)?),
            Against::Contender(who, figure) => Some(ours / of(who, figure)?),
            Against::BestRust => Some(ours / best(Name::is_rust)?),
            Against::BestGo => Some(ours / best(Name::is_go)?),
            Against::Elsewhere(who, workload) => {
                Some(ours / record.value(workload, runtime, who, self.figure)?)
            }
            Against::Runtime(other) => {
                Some(ours / record.value(self.workload, other, self.who, self.figure)?)
            }
            Against::BeyondRaw => Some(ours - of(Name::Raw, self.figure)?),
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

    #[test]
    fn a_ratio_is_taken_within_the_workload() {
        let entry = |who, value| {
            let run = crate::measure::Measurement::default().with(PER_SECOND, value);
            Entry::new("churn-1", MT, who, &[run], None)
        };
        let record = Record {
            date: String::new(),
            commit: String::new(),
            machine: crate::machine::Machine::describe(&crate::link::Tcp::default()).expect("one"),
            seconds: 0.0,
            runs: 1,
            entries: vec![entry(Name::Raw, 10.0), entry(Name::Ours, 40.0), entry(Name::H2, 20.0)],
        };
        let raw = least("churn-1", &[MT], PER_SECOND, 3.8, RAW);
        assert_eq!(raw.reached(&record, MT), Some(4.0));
        let rival = least("churn-1", &[MT], PER_SECOND, 1.6, Against::BestRust);
        assert_eq!(rival.reached(&record, MT), Some(2.0));
        assert_eq!(raw.reached(&record, CT), None);
    }
}
