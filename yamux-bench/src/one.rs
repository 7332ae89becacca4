//! One run of one case with one contender, in this process or in one of its own.

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::Case,
    contender::Name,
    cores,
    link::Tcp,
    measure::{Budget, Measurement, figure},
    runtime::Runtime,
};

/// The part of the time that a timed run first spends on a session of its own, unmeasured, while
/// the allocator and the caches settle.
const WARM_UP: u32 = 5;

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The workload.
    pub case: &'static Case,
    /// Who does it.
    pub contender: Name,
    /// On which executor.
    pub runtime: Runtime,
    /// How long.
    pub budget: Budget,
}

/// What came of it, as the `one` command prints it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The workload.
    pub workload: String,
    /// Who did it.
    pub contender: Name,
    /// On which executor.
    pub runtime: Runtime,
    /// The congestion control of its sockets.
    pub congestion: String,
    /// What was measured.
    #[serde(flatten)]
    pub measurement: Measurement,
    /// Allocations of the whole process, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocations: Option<u64>,
    /// Exact versions of libraries that the lock file does not know.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub versions: std::collections::BTreeMap<String, String>,
}

impl Run {
    /// Runs it in this process.
    ///
    /// # Errors
    /// Those of the workload.
    pub fn here(self, link: &Tcp) -> anyhow::Result<Report> {
        let congestion = link.congestion_in_force()?;
        let link = link.clone();
        let work = async move {
            if let (Budget::Time(time), true) = (self.budget, self.case.counts_operations()) {
                let warm_up = Budget::Time(time / WARM_UP);
                self.case.run(self.contender, &link, warm_up).await?;
            }
            self.case.run(self.contender, &link, self.budget).await
        };
        let apart = (self.runtime == Runtime::MultiThread).then(cores::distance).flatten();
        let mut measurement = self.runtime.run(work)?;
        if let Some(apart) = apart {
            measurement = measurement.with(figure::CORE_TO_CORE, apart.as_nanos() as f64);
        }
        Ok(Report {
            workload: self.case.name.to_owned(),
            contender: self.contender,
            runtime: self.runtime,
            congestion,
            measurement,
            allocations: None,
            versions: Default::default(),
        })
    }

    /// The command that runs it in a process of its own and prints a [`Report`].
    ///
    /// # Errors
    /// That this program does not know its own file.
    pub fn command(self, link: &Tcp, go: Option<&Path>) -> anyhow::Result<Command> {
        let mut command = if self.contender.is_go() {
            let mut command = Command::new(go.context("the Go program was not built")?);
            command.arg("bench");
            command
        } else {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("one");
            command
        };
        command.args([
            self.case.name,
            self.contender.name(),
            "--runtime",
            self.runtime.name(),
            "--congestion",
            link.congestion.as_deref().unwrap_or("default"),
        ]);
        match self.budget {
            Budget::Time(time) => command.args(["--seconds", &time.as_secs_f64().to_string()]),
            Budget::Operations(count) => command.args(["--operations", &count.to_string()]),
        };
        Ok(command)
    }
}

/// Runs a command that prints a [`Report`], and ends it if it takes longer than `limit`.
///
/// # Errors
/// That it could not be started, took too long, failed, or printed something else.
pub fn report(mut command: Command, limit: Duration) -> anyhow::Result<Report> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {}", command.get_program().to_string_lossy()))?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("still running after {:.0} s", limit.as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let success = child.wait()?.success();
    let (output, errors) = outputs(&mut child)?;
    if !success {
        bail!("{}", errors.trim().lines().last().unwrap_or("failed without a word"));
    }
    serde_json::from_str(&output).with_context(|| format!("not a report: {output}"))
}

/// What a finished child wrote; both fit a pipe's buffer, so that it never waited for us.
fn outputs(child: &mut Child) -> std::io::Result<(String, String)> {
    let (mut output, mut errors) = (String::new(), String::new());
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut output)?;
    }
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut errors)?;
    }
    Ok((output, errors))
}
