//! Every contender does every workload that counts operations, and none loses a byte.

use yamux_bench::{
    catalogue::{CASES, Case},
    contender::Name,
    link::{Link, Path, Tcp},
    machine,
    measure::{Budget, figure},
    runtime::Runtime,
    workload::BULK_WRITE,
};

const OPERATIONS: u64 = 200;

/// What a run of so many operations must report, for cases that divide them evenly.
fn expected(case: &Case) -> Option<u64> {
    match case.name {
        "bulk-1" | "memory-bulk" => Some(OPERATIONS * BULK_WRITE as u64),
        "churn-1" | "ping-pong-1" | "ping-pong-100" | "beside-bulk" => Some(OPERATIONS),
        name if name.starts_with("message") => Some(OPERATIONS),
        _ => None,
    }
}

fn run_all(runtime: Runtime) {
    machine::allow_many_files();
    for case in CASES.iter().filter(|case| case.quick && case.counts_operations()) {
        let takes_part = |it: &Name| it.is_rust() && case.admits_on(runtime, *it);
        for contender in Name::ALL.into_iter().filter(takes_part) {
            let link = Tcp::unpaced();
            let what = format!("{} {} {}", case.name, runtime.name(), contender.name());
            let work =
                async move { case.run(contender, &link, Budget::Operations(OPERATIONS)).await };
            let measurement = runtime.run(work).unwrap_or_else(|error| panic!("{what}: {error:#}"));
            assert!(measurement.operations > 0, "{what}");
            if let Some(expected) = expected(case) {
                assert_eq!(measurement.operations, expected, "{what}");
            }
            assert!(measurement.figures[figure::SECONDS] > 0.0, "{what}");
        }
    }
}

#[test]
fn multi_thread() {
    run_all(Runtime::MultiThread);
}

#[test]
fn current_thread() {
    run_all(Runtime::CurrentThread);
}

#[test]
fn smol() {
    run_all(Runtime::Smol);
}

#[test]
fn a_path_delays_and_delivers_in_order() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    let work = async {
        let (mut near, mut far) = Path::GIGABIT_50_MS.connect().await?;
        let sent: Vec<u8> = (0..=250).cycle().take(1_000_000).collect();
        let began = Instant::now();
        let copy = sent.clone();
        let writer = tokio::spawn(async move {
            near.write_all(&copy).await?;
            near.shutdown().await
        });
        let mut received = Vec::new();
        far.read_to_end(&mut received).await?;
        writer.await??;
        // A megabyte takes 8 ms on the wire, and 25 ms to the other end.
        let taken = began.elapsed().as_millis();
        anyhow::ensure!(taken >= 33, "{taken} ms");
        anyhow::ensure!(received == sent, "other bytes than were sent");
        Ok(())
    };
    Runtime::CurrentThread.run(work).expect("a path");
}
