//! Plays the conformance suite against an endpoint that echoes every stream.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::{ArgGroup, Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use interop::{
    adapter,
    conformance::{self, case::Case, cases, report, target::Target},
    link::Side,
    peer::InProcess,
};

/// Plays raw frames against an endpoint that accepts every Yamux stream and echoes it, and reports
/// which rules it keeps. Every case has a connection of its own.
#[derive(Parser)]
#[command(group(ArgGroup::new("reach").required(true).args(["target", "listen", "exec", "built_in"])))]
struct Arguments {
    /// Play only the cases whose name contains this
    filter: Option<String>,
    /// The endpoint listens here: HOST:PORT, or unix:PATH
    #[arg(long, value_name = "ADDR")]
    target: Option<String>,
    /// The endpoint dials this address, again for every case
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The endpoint is this shell command, started for every case, on its standard input and output
    #[arg(long, value_name = "CMD")]
    exec: Option<String>,
    /// The endpoint is an implementation that this program contains
    #[arg(long, value_name = "NAME")]
    built_in: Option<BuiltIn>,
    /// The side of the endpoint; a server takes odd stream ids [default: server; client with --listen]
    #[arg(long)]
    side: Option<EndpointSide>,
    /// How long to wait for what has to come
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    timeout: f64,
    /// Also write the results to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the results to this file as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum EndpointSide {
    Client,
    Server,
}

#[derive(Clone, Copy, ValueEnum)]
enum BuiltIn {
    /// Our adapter for Tokio
    Tokio,
    /// Our adapter for async-std
    AsyncStd,
    /// The crate yamux
    Yamux,
    /// The crate tokio-yamux
    TokioYamux,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut target = target(&arguments).await?;
    let timeout = Duration::from_secs_f64(arguments.timeout);
    let filter = arguments.filter.clone().unwrap_or_default();
    let cases: Vec<Case> =
        cases::all().into_iter().filter(|case| case.id.contains(&filter)).collect();
    let style = ProgressStyle::with_template("{elapsed:>4} {wide_bar} {pos}/{len}  {msg}")?;
    let bar = ProgressBar::new(cases.len() as u64).with_style(style);
    let mut results = Vec::new();
    for case in &cases {
        bar.set_message(case.id);
        results.push(conformance::play(case, &mut target, timeout).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{}\n{}", report::table(&results), report::summary(&results));
    if let Some(file) = &arguments.json {
        write(file, &serde_json::to_string_pretty(&results)?)?;
    }
    if let Some(file) = &arguments.junit {
        write(file, &report::junit(&results)?)?;
    }
    let failed = results.iter().any(report::CaseResult::failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn target(arguments: &Arguments) -> Result<Target> {
    let side = |default| match arguments.side {
        Some(EndpointSide::Client) => Side::Client,
        Some(EndpointSide::Server) => Side::Server,
        None => default,
    };
    if let Some(address) = &arguments.target {
        return Ok(Target::dial(address.clone(), side(Side::Server)));
    }
    if let Some(address) = &arguments.listen {
        return Target::listen(address, side(Side::Client)).await;
    }
    if let Some(command) = &arguments.exec {
        return Ok(Target::exec(command.clone(), side(Side::Server)));
    }
    let built_in = arguments.built_in.context("one of the ways to reach an endpoint")?;
    Ok(match built_in {
        BuiltIn::Tokio => Target::in_process(adapter::tokio(), side(Side::Server)),
        BuiltIn::AsyncStd => Target::in_process(adapter::async_std(), side(Side::Server)),
        BuiltIn::Yamux => Target::in_process(InProcess::RustYamux.starter(), side(Side::Server)),
        BuiltIn::TokioYamux => {
            Target::in_process(InProcess::TokioYamux.starter(), side(Side::Server))
        }
    })
}

fn write(file: &PathBuf, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}
