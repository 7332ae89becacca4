//! The table of ratios.

use comfy_table::{CellAlignment, Table, presets::NOTHING};

use crate::{
    catalogue::{CASES, Case, more_is_better},
    contender::Name,
    measure::figure,
    record::{Entry, Record},
    runtime::Runtime,
};

/// Prints one table for each runtime: for every workload each contender's figure and how many
/// times better than raw it is.
pub(super) fn print(record: &Record) {
    for runtime in Runtime::ALL {
        let cases: Vec<_> =
            CASES.iter().filter(|case| has(record, case.name, runtime, None)).collect();
        if cases.is_empty() {
            continue;
        }
        let contenders: Vec<_> = Name::ALL
            .into_iter()
            .filter(|&who| cases.iter().any(|case| has(record, case.name, runtime, Some(who))))
            .collect();
        let print = |what, table: Table| {
            if table.row_count() > 0 {
                println!("\n{}: {what}\n{table}", about(runtime));
            }
        };
        print("figure, x raw of the same round", ratios(record, runtime, &cases, &contenders));
        if contenders.contains(&Name::Ours) {
            let table = advantage(record, runtime, &cases, &contenders);
            print("ours is so many times as good", table);
        }
        let table = latencies(record, runtime, &cases, &contenders);
        print("latency in us, p50 / p99 / p99.9", table);
        let table = distances(record, runtime, &cases, &contenders);
        print("ns for a cache line from core to core before the runs", table);
    }
}

fn about(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::MultiThread => "multi-thread, two workers",
        Runtime::CurrentThread => "current-thread",
        Runtime::Smol => "smol, one thread",
    }
}

fn has(record: &Record, workload: &str, runtime: Runtime, who: Option<Name>) -> bool {
    record.entries.iter().any(|it| {
        it.workload == workload
            && it.runtime == runtime
            && who.is_none_or(|who| who == it.contender)
    })
}

fn ratios(record: &Record, runtime: Runtime, cases: &[&Case], contenders: &[Name]) -> Table {
    fill(cases, contenders, |case, who| {
        let Some(value) = record.value(case.name, runtime, who, case.figure) else {
            return failed(record, case, runtime, who);
        };
        let value = show(case.figure, value);
        match better(record, case, runtime, who, Name::Raw) {
            Some(ratio) if who != Name::Raw => format!("{value} {}", times(ratio)),
            Some(_) | None => value,
        }
    })
}

fn advantage(record: &Record, runtime: Runtime, cases: &[&Case], contenders: &[Name]) -> Table {
    fill(cases, contenders, |case, who| {
        better(record, case, runtime, Name::Ours, who).map_or_else(String::new, times)
    })
}

fn latencies(record: &Record, runtime: Runtime, cases: &[&Case], contenders: &[Name]) -> Table {
    let cases = that_report(figure::P50, record, runtime, cases);
    fill(&cases, contenders, |case, who| {
        let at = |name| record.value(case.name, runtime, who, name);
        match (at(figure::P50), at(figure::P99), at(figure::P999)) {
            (Some(p50), Some(p99), Some(p999)) => format!("{p50:.0} / {p99:.0} / {p999:.0}"),
            (_, _, _) => String::new(),
        }
    })
}

fn distances(record: &Record, runtime: Runtime, cases: &[&Case], contenders: &[Name]) -> Table {
    let cases = that_report(figure::CORE_TO_CORE, record, runtime, cases);
    fill(&cases, contenders, |case, who| {
        let entry = record.entry(case.name, runtime, who);
        let range = entry.and_then(|it| it.range(figure::CORE_TO_CORE));
        range.map_or_else(String::new, |(least, most)| format!("{least:.0} to {most:.0}"))
    })
}

/// Those of the cases in which somebody has this figure.
fn that_report<'a>(
    figure: &str,
    record: &Record,
    runtime: Runtime,
    cases: &[&'a Case],
) -> Vec<&'a Case> {
    let reports = |it: &Entry, case: &Case| {
        it.workload == case.name && it.runtime == runtime && it.median.contains_key(figure)
    };
    let has = |case: &&Case| record.entries.iter().any(|it| reports(it, case));
    cases.iter().copied().filter(has).collect()
}

fn fill(cases: &[&Case], contenders: &[Name], cell: impl Fn(&Case, Name) -> String) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    let names = contenders.iter().map(|it| it.name());
    table.set_header(["workload"].into_iter().chain(names));
    for case in cases {
        let cells = contenders.iter().map(|&who| cell(case, who));
        table.add_row([case.name.to_owned()].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn failed(record: &Record, case: &Case, runtime: Runtime, who: Name) -> String {
    let failure = record.entry(case.name, runtime, who).and_then(|it| it.failure.as_ref());
    if failure.is_some() { "failed".to_owned() } else { String::new() }
}

/// How many times as good `who` is as `than`.
fn better(record: &Record, case: &Case, runtime: Runtime, who: Name, than: Name) -> Option<f64> {
    let (above, below) = if more_is_better(case.figure) { (who, than) } else { (than, who) };
    record.ratio(case.name, runtime, case.figure, above, below)
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("x{ratio:.2}") } else { format!("x{ratio:.0}") }
}

/// A figure with its unit, to three digits.
pub(crate) fn show(name: &str, value: f64) -> String {
    match name {
        figure::BYTES_PER_SECOND => format!("{}B/s", scaled(value)),
        figure::PER_SECOND => format!("{}/s", scaled(value)),
        figure::P50 | figure::P99 | figure::P999 => format!("{value:.0} us"),
        figure::SECONDS => format!("{}s", scaled(value)),
        figure::RESIDENT | figure::FIRST_SECOND => format!("{}B", scaled(value)),
        _ => scaled(value).trim_end().to_owned(),
    }
}

/// Three digits and a prefix, for a unit to follow.
fn scaled(value: f64) -> String {
    let steps = [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (0.0, "u")];
    let (unit, prefix) = steps
        .into_iter()
        .find(|(unit, _)| value.abs() >= *unit && value != 0.0)
        .unwrap_or((1.0, ""));
    let scaled = value / if unit == 0.0 { 1e-6 } else { unit };
    let digits = if scaled < 10.0 { 2 } else { usize::from(scaled < 100.0) };
    format!("{scaled:.digits$} {prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits() {
        assert_eq!(show(figure::BYTES_PER_SECOND, 2.345e9), "2.35 GB/s");
        assert_eq!(show(figure::PER_SECOND, 45_678.0), "45.7 k/s");
        assert_eq!(show(figure::SECONDS, 0.0123), "12.3 ms");
        assert_eq!(show(figure::P50, 63.2), "63 us");
        assert_eq!(show(figure::FIRST_SECOND, 0.0), "0.00 B");
        assert_eq!(show(figure::RESIDENT, 274.0), "274 B");
    }

    #[test]
    fn less_is_better_of_some_figures() {
        let more = Case::find("ping-pong-1").expect("a workload");
        let less = Case::find("beside-bulk").expect("a workload");
        assert_eq!((more.figure, less.figure), (figure::PER_SECOND, figure::P50));
        for (case, expected) in [(more, 0.5), (less, 2.0)] {
            let of = |who, values| {
                Entry::of(case.name, Runtime::CurrentThread, who, case.figure, values)
            };
            // The rounds tell, not the medians.
            let record = Record::of(vec![
                of(Name::Ours, &[50.0, 5.0, 5.0]),
                of(Name::Raw, &[100.0, 100.0, 10.0]),
            ]);
            let reached = better(&record, case, Runtime::CurrentThread, Name::Ours, Name::Raw);
            assert_eq!(reached, Some(expected), "{}", case.name);
        }
    }
}
