//! The workloads under criterion: every contender of this process on both runtimes.
//!
//! Criterion compares with its own last run, for work on one contender at a time. Ratios between
//! contenders come from `compare`, which interleaves them.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use yamux_bench::{
    catalogue::{CASES, Case},
    contender::Name,
    link::Tcp,
    machine,
    measure::Budget,
    workload::BULK_WRITE,
};

fn workloads(criterion: &mut Criterion) {
    machine::allow_many_files();
    let link = Tcp::unpaced();
    for case in CASES.iter().filter(|case| case.counts_operations()) {
        let mut group = criterion.benchmark_group(case.name);
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .throughput(throughput(case));
        for runtime in case.runtimes().iter().copied().filter(|it| it.is_tokio()) {
            let executor = runtime.build().expect("a runtime");
            for contender in Name::ALL.into_iter().filter(|&it| it.is_rust() && case.admits(it)) {
                group.bench_function(
                    BenchmarkId::new(contender.name(), runtime.name()),
                    |bencher| {
                        bencher.to_async(&executor).iter_custom(|operations| {
                            elapsed(case, contender, link.clone(), operations)
                        });
                    },
                );
            }
        }
    }
}

/// The time of the measured part, on a worker rather than on the thread that blocks.
async fn elapsed(case: &'static Case, contender: Name, link: Tcp, operations: u64) -> Duration {
    let run = async move { case.run(contender, &link, Budget::Operations(operations)).await };
    let measurement = tokio::spawn(run).await.expect("no panic").expect("a measurement");
    measurement.elapsed()
}

/// What one operation of the budget carries.
fn throughput(case: &Case) -> Throughput {
    if case.is_bulk() { Throughput::Bytes(BULK_WRITE as u64) } else { Throughput::Elements(1) }
}

criterion_group!(benches, workloads);
criterion_main!(benches);
