//! The command line of the benchmarks.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use yamux_bench::{
    catalogue::{CASES, Case},
    chart,
    compare::{self, Plan},
    contender::Name,
    cost::{self, Tool},
    go,
    link::Tcp,
    machine,
    measure::Budget,
    one::{self, Report, Run},
    record::Record,
    runtime::Runtime,
};

#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Compares Rust Yamux with raw TCP and with the other multiplexers.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Names the workloads and who takes part in them.
    List,
    /// Runs one workload with one contender and prints JSON; for use under a profiler.
    One(OneArguments),
    /// Runs every contender in turn, prints ratios and targets, keeps a record, draws the charts.
    Compare(CompareArguments),
    /// Draws the charts of a record again.
    Charts {
        /// The record.
        record: PathBuf,
    },
    /// Counts instructions per operation, by callgrind.
    Instructions(CostArguments),
    /// Counts system calls per operation, by strace.
    SystemCalls(CostArguments),
    /// Counts allocations per operation, by a build of this program whose allocator counts.
    Allocations(CostArguments),
}

#[derive(Debug, Args)]
struct OneArguments {
    /// A name that `list` prints.
    workload: String,
    /// Who runs it.
    contender: Name,
    /// On which executor.
    #[arg(long, default_value = "mt")]
    runtime: Runtime,
    /// How long to run.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// How many operations to do instead; for bulk, writes of 64 KiB.
    #[arg(long)]
    operations: Option<u64>,
    #[command(flatten)]
    link: LinkArguments,
}

#[derive(Debug, Args)]
struct LinkArguments {
    /// The congestion control of the sockets, `default` for the kernel's own; without it the first
    /// of cubic and reno that is allowed.
    #[arg(long)]
    congestion: Option<String>,
}

#[derive(Debug, Args)]
struct CompareArguments {
    /// The smoke run: one short run of the quick workloads, no record, about a minute.
    #[arg(long)]
    quick: bool,
    /// Only workloads whose name contains one of these.
    #[arg(long = "workload")]
    workloads: Vec<String>,
    /// Only these contenders.
    #[arg(long = "contender")]
    contenders: Vec<Name>,
    /// Only this runtime.
    #[arg(long)]
    runtime: Option<Runtime>,
    /// Runs of each, of which the median counts.
    #[arg(long)]
    runs: Option<usize>,
    /// How long each run takes.
    #[arg(long)]
    seconds: Option<f64>,
    /// Leaves out instructions, system calls and allocations.
    #[arg(long)]
    no_costs: bool,
    /// Where to keep the record and the charts; without it only a complete run keeps them, beside
    /// the sources.
    #[arg(long)]
    record: Option<PathBuf>,
    #[command(flatten)]
    link: LinkArguments,
}

#[derive(Debug, Args)]
struct CostArguments {
    /// The workloads; without any, those that the targets speak of.
    #[arg(long = "workload")]
    workloads: Vec<String>,
    /// The contenders; without any, raw and ours.
    #[arg(long = "contender")]
    contenders: Vec<Name>,
    #[command(flatten)]
    link: LinkArguments,
}

impl LinkArguments {
    fn link(self) -> Tcp {
        match self.congestion.as_deref() {
            None => Tcp::unpaced(),
            Some("default") => Tcp { congestion: None },
            Some(_) => Tcp { congestion: self.congestion },
        }
    }
}

fn main() -> ExitCode {
    machine::allow_many_files();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // On one line, which is what `compare` shows of a run that failed.
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::List => list(),
        Command::One(arguments) => {
            println!("{}", serde_json::to_string(&run_one(arguments)?)?);
        }
        Command::Compare(arguments) => compare(arguments)?,
        Command::Charts { record } => {
            let directory = record.parent().context("a record lies in a directory")?;
            chart::draw(&Record::load(&record)?, directory)?;
        }
        Command::Instructions(arguments) => costs(Tool::Callgrind, arguments)?,
        Command::SystemCalls(arguments) => costs(Tool::Strace, arguments)?,
        Command::Allocations(arguments) => costs(Tool::Allocator, arguments)?,
    }
    Ok(())
}

fn list() {
    for case in CASES {
        let who: Vec<_> =
            Name::ALL.into_iter().filter(|&it| case.admits(it)).map(Name::name).collect();
        println!("{:16} {}\n{:16} {}", case.name, case.about, "", who.join(" "));
    }
}

fn run_one(arguments: OneArguments) -> anyhow::Result<Report> {
    let run = Run {
        case: Case::find(&arguments.workload)?,
        contender: arguments.contender,
        runtime: arguments.runtime,
        budget: match arguments.operations {
            Some(count) => Budget::Operations(count),
            None => Budget::Time(Duration::from_secs_f64(arguments.seconds)),
        },
    };
    let link = arguments.link.link();
    if run.contender.is_go() {
        let program = go::build()?;
        return one::report(run.command(&link, Some(&program))?, Duration::from_secs(600));
    }
    let report = run.here(&link)?;
    Ok(Report { allocations: allocations(), ..report })
}

#[cfg(feature = "count-allocations")]
fn allocations() -> Option<u64> {
    let stats = ALLOCATOR.stats();
    Some((stats.allocations + stats.reallocations) as u64)
}

#[cfg(not(feature = "count-allocations"))]
fn allocations() -> Option<u64> {
    None
}

fn compare(arguments: CompareArguments) -> anyhow::Result<()> {
    let complete = !arguments.quick
        && arguments.workloads.is_empty()
        && arguments.contenders.is_empty()
        && arguments.runtime.is_none();
    let mut plan = if arguments.quick { Plan::quick() } else { Plan::full() };
    plan.workloads = arguments.workloads;
    plan.contenders = arguments.contenders;
    plan.runtime = arguments.runtime;
    plan.costs &= !arguments.no_costs;
    if let Some(runs) = arguments.runs {
        plan.runs = runs.max(1);
    }
    if let Some(seconds) = arguments.seconds {
        plan.time = Duration::from_secs_f64(seconds);
    }
    let directory = arguments.record.or_else(|| complete.then(Record::directory));
    compare::compare(&plan, &arguments.link.link(), directory.as_deref())
}

fn costs(tool: Tool, arguments: CostArguments) -> anyhow::Result<()> {
    let workloads = if arguments.workloads.is_empty() {
        cost::WORKLOADS.to_vec()
    } else {
        arguments
            .workloads
            .iter()
            .map(|it| Case::find(it).map(|case| case.name))
            .collect::<Result<_, _>>()?
    };
    let contenders = if arguments.contenders.is_empty() {
        vec![Name::Raw, Name::Ours]
    } else {
        arguments.contenders
    };
    let link = arguments.link.link();
    let counter = tool.prepare()?;
    for workload in workloads {
        for &contender in &contenders {
            let each = counter.measure(Case::find(workload)?, contender, &link)?;
            println!("{workload:16} {:12} {each}", contender.name());
        }
    }
    Ok(())
}
