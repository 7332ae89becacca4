//! The conformance suite against our own adapters, as either side.

use std::{sync::Arc, time::Duration};

use interop::{
    adapter,
    conformance::{
        self, cases,
        target::{Target, serve_echoes},
    },
    link::Side,
    session::Settings,
};
use tokio::net::TcpStream;

/// Longer than anything takes on a slow machine: what runs into it hangs.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn passes_everything(side: Side) {
    for adapter in adapter::all() {
        let mut target = Target::in_process(adapter, side);
        let mut differences = Vec::new();
        for case in cases::all() {
            let result = conformance::play(&case, &mut target, TIMEOUT).await;
            let result = result.expect("there is a connection");
            if result.outcome != "passed" {
                let reason = result.reason.unwrap_or_default();
                differences.push(format!("{}: {}: {reason}", result.id, result.outcome));
            }
        }
        assert!(differences.is_empty(), "{}:\n{}", adapter.name(), differences.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_adapters_pass_as_the_server() {
    passes_everything(Side::Server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_adapters_pass_as_the_client() {
    passes_everything(Side::Client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_may_dial() {
    let mut target = Target::listen("127.0.0.1:0", Side::Client).await.expect("a free port");
    let address = target.listens_on().expect("it listens");
    tokio::spawn(async move {
        while let Ok(stream) = TcpStream::connect(address).await {
            let session = adapter::tokio()
                .start(Box::new(stream), Side::Client, Settings::default())
                .expect("the defaults are valid");
            serve_echoes(Arc::from(session)).await;
        }
    });
    for case in cases::all().iter().filter(|case| case.id.starts_with("opening/data")) {
        let result = conformance::play(case, &mut target, TIMEOUT).await;
        let result = result.expect("there is a connection");
        assert_eq!(result.outcome, "passed", "{}: {:?}", result.id, result.reason);
    }
}

#[test]
#[cfg(unix)]
fn a_dead_endpoint_fails_every_case() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut target = Target::exec("exec true".to_owned(), Side::Server);
        for case in cases::all() {
            let result = conformance::play(&case, &mut target, TIMEOUT).await;
            let result = result.expect("the command starts");
            assert!(result.failed(), "{} {}", result.id, result.outcome);
        }
    });
}

#[test]
fn case_names_are_unique_and_none_is_lost() {
    let mut names: Vec<&str> = cases::all().iter().map(|case| case.id).collect();
    assert_eq!(names.len(), 91, "the README says how many");
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
