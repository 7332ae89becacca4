//! Each cell of the matrix as a test of its own, named as in `hashicorp::echo::rust-client::tokio`.
//!
//! Beside them, for the Go implementations: `hashicorp::golden::server-echo` records a conversation
//! again and compares it with the golden bytes, and `hashicorp::conformance::server` plays the
//! conformance suite, which shows that the suite asks for nothing that Go does not do.

use std::{process::exit, time::Duration};

use anyhow::{Result, ensure};
use interop::{
    conformance::{self, cases, target::Target},
    golden::{
        self, recorder,
        script::{self, Script},
    },
    link::Side,
    matrix::{self, Cell},
    peer::{GO_MISSING, GoLibrary, GoProgram, go_is_installed},
};
use libtest_mimic::{Arguments, Failed, Trial};

/// Longer than anything takes on a slow machine: what runs into it hangs.
const TIMEOUT: Duration = Duration::from_secs(60);

fn main() {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = matrix::cells().into_iter().map(cell_trial).collect();
    trials.extend(script::all().into_iter().map(golden_trial));
    // The Go endpoint inherits its end of a Unix socket.
    if cfg!(unix) {
        for library in [GoLibrary::Hashicorp, GoLibrary::GoYamux] {
            trials.push(conformance_trial(library, Side::Server));
            trials.push(conformance_trial(library, Side::Client));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list && !go_is_installed() {
        println!("{GO_MISSING}");
        if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
            println!("CI is set, so this is a failure.");
            exit(101);
        }
    }
    conclusion.exit();
}

fn cell_trial(cell: Cell) -> Trial {
    let needs_go = cell.peer.needs_go();
    trial(cell.to_string(), needs_go, move || cell.run().map(drop))
}

fn golden_trial(script: Script) -> Trial {
    let library = script.library.flag();
    let name = format!("{library}::golden::{}-{}", script.go_side_name(), script.name());
    trial(name, true, move || {
        let stem = script.file_stem();
        let recorded = std::fs::read_to_string(golden::dir().join(format!("{stem}.hex")))?;
        let again = runtime()?.block_on(recorder::record(&script))?.to_text();
        ensure!(
            recorded == again,
            "{stem}: expected the golden bytes, got others; see record-golden --check\n{again}"
        );
        Ok(())
    })
}

fn conformance_trial(library: GoLibrary, side: Side) -> Trial {
    let (side_name, argument) = match side {
        Side::Client => ("client", "-client"),
        Side::Server => ("server", ""),
    };
    let name = format!("{}::conformance::{side_name}", library.flag());
    trial(name, true, move || {
        let program = GoProgram::build()?.path().display().to_string();
        let options = format!("-inherited -library {} {argument}", library.flag());
        let command = format!("exec '{program}' echo {options} 2>/dev/null");
        let mut target = Target::exec(command, side);
        let mut failures = Vec::new();
        runtime()?.block_on(async {
            for case in cases::all() {
                let result = conformance::play(&case, &mut target, TIMEOUT).await?;
                if result.failed() {
                    failures.push(format!("{}: {}", result.id, result.reason.unwrap_or_default()));
                }
            }
            anyhow::Ok(())
        })?;
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        Ok(())
    })
}

fn trial(name: String, needs_go: bool, run: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    let ignored = needs_go && !go_is_installed();
    let run = move || run().map_err(|error| Failed::from(format!("{error:#}")));
    Trial::test(name, run).with_ignored_flag(ignored)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
