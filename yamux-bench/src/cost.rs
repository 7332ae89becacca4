//! What one operation costs, counted rather than timed: the same run twice, with different numbers
//! of operations, under a tool that counts; the difference leaves out starting and connecting.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, bail, ensure};

use crate::{
    catalogue::Case,
    contender::Name,
    link::Tcp,
    measure::{Budget, figure},
    one::{Report, Run, report},
    runtime::Runtime,
    targets::number,
};

/// The workloads that the targets speak of.
pub const WORKLOADS: [&str; 3] = ["bulk-1", "message-32", "ping-pong-1"];

/// Under callgrind a run is some fifty times slower.
const LIMIT: Duration = Duration::from_secs(300);

/// Makes glibc copy by vector instructions whatever the length. Callgrind counts a string
/// instruction once for each byte, although the processor moves a cache line at a time.
const NO_STRING_INSTRUCTIONS: &str = "glibc.cpu.x86_rep_movsb_threshold=0x7fffffff:\
    glibc.cpu.x86_rep_stosb_threshold=0x7fffffff";

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Instructions, by `valgrind --tool=callgrind`.
    Callgrind,
    /// System calls, by `strace -c -f`.
    Strace,
    /// Allocations, by a build of this program whose allocator counts.
    Allocator,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 3] = [Self::Callgrind, Self::Strace, Self::Allocator];

    /// The figure that it yields.
    pub fn figure(self) -> &'static str {
        match self {
            Self::Callgrind => figure::INSTRUCTIONS,
            Self::Strace => figure::SYSTEM_CALLS,
            Self::Allocator => figure::ALLOCATIONS,
        }
    }

    /// Looks whether it is here, and what it is to run.
    ///
    /// # Errors
    /// What is missing, by name, and how to get it.
    pub fn prepare(self) -> anyhow::Result<Counter> {
        let needs = |program: &str| match Command::new(program).arg("--version").output() {
            Ok(_) => Ok(()),
            Err(error) => bail!("`{program}` is needed and did not start ({error}): install it"),
        };
        let program = match self {
            Self::Callgrind => needs("valgrind").and_then(|()| Ok(std::env::current_exe()?))?,
            Self::Strace => needs("strace").and_then(|()| Ok(std::env::current_exe()?))?,
            Self::Allocator => build_counting()?,
        };
        Ok(Counter { tool: self, program })
    }

    /// The command that runs `program` under this tool, which writes what it counts to `output`.
    fn wrap(self, program: &Path, output: &str) -> Command {
        let mut wrapped = match self {
            Self::Callgrind => {
                let mut wrapped = Command::new("valgrind");
                wrapped
                    .env("GLIBC_TUNABLES", NO_STRING_INSTRUCTIONS)
                    .args(["--quiet", "--tool=callgrind"])
                    .arg(format!("--callgrind-out-file={output}"));
                wrapped
            }
            Self::Strace => {
                let mut wrapped = Command::new("strace");
                wrapped.args(["-f", "-c", "-o", output]);
                wrapped
            }
            Self::Allocator => return Command::new(program),
        };
        wrapped.arg(program);
        wrapped
    }

    /// What was counted, by kind.
    fn counts(self, output: &str, report: &Report) -> anyhow::Result<BTreeMap<String, u64>> {
        match self {
            Self::Callgrind => {
                let text = fs::read_to_string(output)?;
                let total = text.lines().rev().find_map(|line| {
                    line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:"))
                });
                let total = total.context("callgrind wrote no total")?;
                let total = total.split_whitespace().next().unwrap_or_default().parse()?;
                Ok([("instructions".to_owned(), total)].into())
            }
            Self::Strace => Ok(system_calls(&fs::read_to_string(output)?)),
            Self::Allocator => {
                let total = report.allocations.context("the run counted no allocations")?;
                Ok([("allocations".to_owned(), total)].into())
            }
        }
    }
}

/// Builds this program with an allocator that counts, beside this one: counting slows every
/// allocation, so the program that is timed must not.
fn build_counting() -> anyhow::Result<PathBuf> {
    let target = std::env::current_exe()?.with_file_name("count-allocations");
    let output = Command::new("cargo")
        .args(["build", "--release", "--locked", "--bin", "yamux-bench"])
        .args(["--features", "count-allocations", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .context("`cargo` is needed to build what counts allocations, and did not start")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "what counts allocations did not build: {}", errors.trim());
    let program = format!("yamux-bench{}", std::env::consts::EXE_SUFFIX);
    Ok(target.join("release").join(program))
}

/// The table of `strace -c`: calls are the fourth column, the name is the last.
fn system_calls(table: &str) -> BTreeMap<String, u64> {
    let row = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let calls = columns.get(3)?.parse().ok()?;
        let name = *columns.last()?;
        (name != "total").then(|| (name.to_owned(), calls))
    };
    table.lines().filter_map(row).collect()
}

/// Counts for one operation, by kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost(BTreeMap<String, f64>);

impl Cost {
    /// All kinds together.
    pub fn total(&self) -> f64 {
        self.0.values().sum()
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", number(self.total()))?;
        let noise = self.total() / 100.0;
        let mut kinds: Vec<_> = self.0.iter().filter(|(_, each)| **each > noise).collect();
        kinds.sort_by(|a, b| b.1.total_cmp(a.1));
        for (kind, each) in kinds {
            write!(f, "  {kind} {}", number(*each))?;
        }
        Ok(())
    }
}

/// A tool that is ready, and the program that it runs.
#[derive(Debug)]
pub struct Counter {
    tool: Tool,
    program: PathBuf,
}

impl Counter {
    /// The figure that it yields.
    pub fn figure(&self) -> &'static str {
        self.tool.figure()
    }

    /// What one operation of `case` costs `contender` on the current-thread runtime, where waiting
    /// and waking do not depend on which worker was quicker.
    ///
    /// # Errors
    /// That a run failed.
    pub fn measure(
        &self,
        case: &'static Case,
        contender: Name,
        link: &Tcp,
    ) -> anyhow::Result<Cost> {
        let (few, many) = sizes(case.name);
        let (small, few) = self.count(case, contender, link, few)?;
        let (large, many) = self.count(case, contender, link, many)?;
        let operations = many.saturating_sub(few).max(1) as f64;
        let each = |(kind, count): (String, u64)| {
            let before = small.get(&kind).copied().unwrap_or_default();
            (kind, (count as f64 - before as f64) / operations)
        };
        Ok(Cost(large.into_iter().map(each).collect()))
    }

    /// One run under the tool: its counts and its operations.
    fn count(
        &self,
        case: &'static Case,
        contender: Name,
        link: &Tcp,
        operations: u64,
    ) -> anyhow::Result<(BTreeMap<String, u64>, u64)> {
        let output = Scratch::new(self.figure());
        let path = output.0.to_string_lossy();
        let runtime = Runtime::CurrentThread;
        let run = Run { case, contender, runtime, budget: Budget::Operations(operations) };
        let mut command = self.tool.wrap(&self.program, &path);
        command.args(run.command(link, None)?.get_args());
        let report = report(command, LIMIT)
            .with_context(|| format!("{} with {}", case.name, contender.name()))?;
        Ok((self.tool.counts(&path, &report)?, report.measurement.operations))
    }
}

/// Operations of the two runs: enough that the difference is steady, few enough for callgrind.
fn sizes(workload: &str) -> (u64, u64) {
    if workload.starts_with("bulk") || workload.starts_with("memory") {
        (500, 3_000)
    } else if workload.starts_with("message") {
        (20_000, 220_000)
    } else {
        (1_000, 11_000)
    }
}

/// A file that a tool writes to, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("yamux-bench-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A tool that failed may have written nothing.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strace_table() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     ------ ----------- ----------- --------- --------- ----------------\n \
                     60.00    0.000600           1       400           sendto\n \
                     40.00    0.000400           2       200        10 recvfrom\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                     100.00    0.001000           1       600        10 total\n";
        let calls = system_calls(table);
        assert_eq!(calls, [("recvfrom".into(), 200), ("sendto".into(), 400)].into());
    }
}
