//! Every contender in turn, each run in a process of its own.
//!
//! Runs are interleaved: one of each contender, then again, so that what disturbs the machine for
//! a while disturbs all of them. Only ratios within one comparison mean anything. They are taken
//! within each round, and their median counts.

mod table;

pub(crate) use self::table::show;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    catalogue::{CASES, Case},
    chart,
    contender::Name,
    cost::{self, Tool},
    go,
    link::{Namespaces, Tcp},
    machine::{Machine, commit},
    measure::{Budget, Measurement},
    one::{Run, report},
    record::{Entry, Record},
    runtime::Runtime,
    targets,
};

/// A load average above which the machine is shared with something else.
const BUSY: f64 = 0.7;

/// What a comparison covers.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Only cases whose name contains one of these; all if empty.
    pub workloads: Vec<String>,
    /// Only these; all if empty.
    pub contenders: Vec<Name>,
    /// Only this one.
    pub runtime: Option<Runtime>,
    /// Runs of each entry.
    pub runs: usize,
    /// How long a run measures.
    pub time: Duration,
    /// How much longer it may take before it counts as hanging.
    pub patience: Duration,
    /// When to stop starting runs.
    pub total: Option<Duration>,
    /// Whether instructions, system calls and allocations are counted too.
    pub costs: bool,
    /// Whether only the quick cases are run.
    pub quick: bool,
}

impl Plan {
    /// Everything, five times.
    pub fn full() -> Self {
        Self {
            workloads: Vec::new(),
            contenders: Vec::new(),
            runtime: None,
            runs: 5,
            time: Duration::from_millis(500),
            patience: Duration::from_secs(30),
            total: None,
            costs: true,
            quick: false,
        }
    }

    /// The smoke run: does everyone still work, and is a ratio wildly off?
    pub fn quick() -> Self {
        Self {
            runs: 1,
            time: Duration::from_millis(80),
            patience: Duration::from_secs(3),
            total: Some(Duration::from_secs(180)),
            costs: false,
            quick: true,
            ..Self::full()
        }
    }

    fn covers(&self, case: &Case) -> bool {
        let named = self.workloads.is_empty()
            || self.workloads.iter().any(|part| case.name.contains(part.as_str()));
        named && (case.quick || !self.quick || !self.workloads.is_empty())
    }

    fn contenders(&self, case: &Case, runtime: Runtime, equipment: &Equipment) -> Vec<Name> {
        let wanted = |it: &Name| self.contenders.is_empty() || self.contenders.contains(it);
        let possible = |it: &Name| case.admits_on(runtime, *it) && equipment.suffices(case, *it);
        Name::ALL.into_iter().filter(wanted).filter(possible).collect()
    }

    /// The cases with the runtimes under which they are run.
    fn rounds(&self) -> Vec<(&'static Case, Runtime)> {
        let mut rounds = Vec::new();
        for case in CASES.iter().filter(|case| self.covers(case)) {
            let wanted = |it: &Runtime| self.runtime.is_none_or(|only| only == *it);
            rounds.extend(case.runtimes().iter().copied().filter(wanted).map(|it| (case, it)));
        }
        rounds
    }
}

/// Runs the plan, prints what it found and, given a `directory`, keeps it there with its charts.
///
/// # Errors
/// That nothing could be run at all, or that ours failed in a workload; a rival that fails is part
/// of what is found.
pub fn compare(plan: &Plan, link: &Tcp, directory: Option<&Path>) -> anyhow::Result<()> {
    let equipment = Equipment::find(plan);
    let mut machine = Machine::describe(link)?;
    // Before the runs: what is checked out afterwards need not be what ran.
    let commit = commit();
    println!(
        "{} x {}, {}, congestion control {} ({})",
        machine.cores,
        machine.cpu,
        machine.kernel,
        machine.congestion,
        if link.congestion.is_some() { "asked for" } else { "the kernel's default" },
    );
    if machine.load > BUSY {
        println!(
            "load average {}: other work is running, and even ratios will be off",
            machine.load
        );
    }
    let mut entries = run_all(plan, link, &equipment, &mut machine.versions);
    if plan.costs {
        add_costs(plan, link, &mut entries);
    }
    let record = Record {
        date: time::OffsetDateTime::now_utc().date().to_string(),
        commit,
        machine,
        seconds: plan.time.as_secs_f64(),
        runs: plan.runs,
        entries,
    };
    table::print(&record);
    targets::print(&record);
    if let Some(directory) = directory {
        println!("record: {}", record.save(directory)?.display());
        chart::draw(&record, directory)?;
    }
    judge(&record)
}

/// A rival that fails is a finding; that ours does is an error, which the smoke run is there for.
fn judge(record: &Record) -> anyhow::Result<()> {
    let ours = |it: &&Entry| matches!(it.contender, Name::Ours | Name::OursChunks);
    let failure = |it: &Entry| Some(format!("{}: {}", it.workload, it.failure.as_ref()?));
    let failures: Vec<_> = record.entries.iter().filter(ours).filter_map(failure).collect();
    anyhow::ensure!(failures.is_empty(), "ours failed in {}", failures.join(", "));
    Ok(())
}

/// What not every machine has.
#[derive(Debug)]
struct Equipment {
    /// The Go program.
    go: Option<PathBuf>,
    /// The right to make network namespaces.
    namespaces: bool,
}

impl Equipment {
    /// Looks for what the plan has a use for, and says what is not there.
    fn find(plan: &Plan) -> Self {
        let wants_go = plan.contenders.is_empty() || plan.contenders.iter().any(|it| it.is_go());
        let go = wants_go.then(go::build).and_then(|built| {
            built.inspect_err(|error| println!("without the Go contenders: {error:#}")).ok()
        });
        let mut cases = CASES.iter().filter(|case| plan.covers(case));
        let namespaces = cases.any(Case::needs_namespaces)
            && Namespaces::check()
                .inspect_err(|error| println!("without the path under the kernel's TCP: {error:#}"))
                .is_ok();
        Self { go, namespaces }
    }

    fn suffices(&self, case: &Case, contender: Name) -> bool {
        (self.go.is_some() || !contender.is_go()) && (self.namespaces || !case.needs_namespaces())
    }
}

/// One case on one runtime while its runs come in.
#[derive(Default)]
struct Runs {
    /// In the order of the rounds, without a gap: who fails is not run again.
    done: BTreeMap<Name, Vec<Measurement>>,
    failed: BTreeMap<Name, String>,
}

fn run_all(
    plan: &Plan,
    link: &Tcp,
    equipment: &Equipment,
    versions: &mut BTreeMap<String, String>,
) -> Vec<Entry> {
    let rounds = plan.rounds();
    let count: usize = rounds
        .iter()
        .map(|(case, it)| plan.contenders(case, *it, equipment).len() * plan.runs)
        .sum();
    let bar = progress(count as u64);
    let end = plan.total.map(|total| Instant::now() + total);
    let go = equipment.go.as_deref();
    let mut entries = Vec::new();
    for (case, runtime) in rounds {
        let contenders = plan.contenders(case, runtime, equipment);
        let mut runs = Runs::default();
        for round in 0..plan.runs {
            // Nobody always runs right after the same neighbour's leftovers.
            for step in 0..contenders.len() {
                let contender = contenders[(round + step) % contenders.len()];
                bar.set_message(format!("{} {} {}", case.name, runtime.name(), contender.name()));
                bar.inc(1);
                if end.is_some_and(|end| Instant::now() > end) {
                    runs.failed.entry(contender).or_insert_with(|| "out of time".to_owned());
                } else if !runs.failed.contains_key(&contender) {
                    let run = Run { case, contender, runtime, budget: Budget::Time(plan.time) };
                    runs.add(run, link, go, plan.patience + plan.time, versions);
                }
            }
        }
        entries.extend(runs.entries(case, runtime, &contenders, &bar));
    }
    bar.finish_and_clear();
    entries
}

impl Runs {
    fn add(
        &mut self,
        run: Run,
        link: &Tcp,
        go: Option<&Path>,
        limit: Duration,
        versions: &mut BTreeMap<String, String>,
    ) {
        match run.command(link, go).and_then(|command| report(command, limit)) {
            Ok(report) => {
                versions.extend(report.versions);
                self.done.entry(run.contender).or_default().push(report.measurement);
            }
            Err(error) => {
                self.failed.insert(run.contender, format!("{error:#}"));
            }
        }
    }

    fn entries(
        mut self,
        case: &Case,
        runtime: Runtime,
        contenders: &[Name],
        bar: &ProgressBar,
    ) -> Vec<Entry> {
        let entry = |&contender: &Name| {
            let failure = self.failed.remove(&contender);
            if let Some(why) = &failure {
                let who = contender.name();
                bar.suspend(|| eprintln!("{} {} {who}: {why}", case.name, runtime.name()));
            }
            let runs = self.done.remove(&contender).unwrap_or_default();
            Entry::new(case.name, runtime, contender, &runs, failure)
        };
        contenders.iter().map(entry).collect()
    }
}

fn progress(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Counts costs with the tools that are there, and says which are not.
fn add_costs(plan: &Plan, link: &Tcp, entries: &mut [Entry]) {
    let counters: Vec<_> = Tool::ALL
        .into_iter()
        .filter_map(|tool| tool.prepare().inspect_err(|error| println!("{error:#}")).ok())
        .collect();
    let mut failures = BTreeSet::new();
    for entry in entries.iter_mut().filter(|entry| {
        entry.runtime == Runtime::CurrentThread
            && cost::WORKLOADS.contains(&&*entry.workload)
            && matches!(entry.contender, Name::Raw | Name::Ours)
    }) {
        let Some(case) = CASES.iter().find(|case| case.name == entry.workload && plan.covers(case))
        else {
            continue;
        };
        for counter in &counters {
            match counter.measure(case, entry.contender, link) {
                Ok(cost) => drop(entry.median.insert(counter.figure().to_owned(), cost.total())),
                Err(error) => drop(failures.insert(format!("{error:#}"))),
            }
        }
    }
    for failure in failures {
        println!("not counted: {failure}");
    }
}
