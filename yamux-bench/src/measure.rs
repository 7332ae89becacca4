//! How long a workload runs, and what is known afterwards.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The names of the figures that workloads report, with their units in the name.
pub mod figure {
    /// Payload bytes that arrived in a second.
    pub const BYTES_PER_SECOND: &str = "bytes_per_second";
    /// Operations completed in a second: messages, round trips, exchanges, streams opened.
    pub const PER_SECOND: &str = "per_second";
    /// Median latency in microseconds.
    pub const P50: &str = "p50_us";
    /// 99th percentile of the latency in microseconds.
    pub const P99: &str = "p99_us";
    /// 99.9th percentile of the latency in microseconds.
    pub const P999: &str = "p999_us";
    /// User CPU nanoseconds of the whole process for one operation.
    pub const CPU_USER: &str = "cpu_user_ns_per_operation";
    /// User and system CPU nanoseconds of the whole process for one operation.
    pub const CPU: &str = "cpu_ns_per_operation";
    /// Resident bytes that one more stream or connection costs, both ends together.
    pub const RESIDENT: &str = "resident_bytes_each";
    /// Seconds that the measured part took.
    pub const SECONDS: &str = "seconds";
    /// Payload bytes of the first second on a long path, while windows still grow.
    pub const FIRST_SECOND: &str = "first_second_bytes";
    /// Nanoseconds for one operation of the codec.
    pub const NANOSECONDS: &str = "ns_per_operation";
    /// Instructions executed for one operation.
    pub const INSTRUCTIONS: &str = "instructions_per_operation";
    /// System calls made for one operation.
    pub const SYSTEM_CALLS: &str = "system_calls_per_operation";
    /// Allocations made for one operation.
    pub const ALLOCATIONS: &str = "allocations_per_operation";
    /// Nanoseconds that a cache line took from one core to another, just before a run of two workers.
    pub const CORE_TO_CORE: &str = "core_to_core_ns";
}

/// How much of a workload to run.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// Until this much time has passed.
    Time(Duration),
    /// This many operations, whatever they are in the workload; for costs per operation.
    Operations(u64),
}

impl Budget {
    /// The share of one of `tasks` equal tasks.
    pub fn share(self, tasks: u64) -> Self {
        match self {
            Self::Time(_) => self,
            Self::Operations(count) => Self::Operations(count.div_ceil(tasks.max(1))),
        }
    }

    /// The same, or more time where it is less than this.
    pub fn at_least(self, least: Duration) -> Self {
        match self {
            Self::Time(time) => Self::Time(time.max(least)),
            Self::Operations(_) => self,
        }
    }

    /// Starts the count; `stride` operations are done between two looks at the clock, so that the
    /// look costs nothing where an operation is shorter than it.
    pub fn start(self, stride: u32) -> Pace {
        match self {
            Self::Time(time) => Pace {
                deadline: Some(Instant::now() + time),
                left: u64::from(stride.max(1)),
                stride: u64::from(stride.max(1)),
            },
            Self::Operations(left) => Pace { deadline: None, left, stride: 0 },
        }
    }
}

/// A budget being used up.
#[derive(Debug)]
pub struct Pace {
    deadline: Option<Instant>,
    /// Operations left: before the next look at the clock, or altogether without a deadline.
    left: u64,
    stride: u64,
}

impl Pace {
    /// Whether one more operation fits the budget.
    pub fn more(&mut self) -> bool {
        self.more_at(Instant::now)
    }

    /// The same where it is known what time it is: beside a short operation, the clock itself counts.
    pub fn more_at(&mut self, now: impl FnOnce() -> Instant) -> bool {
        if self.left == 0 {
            match self.deadline {
                Some(deadline) if now() < deadline => self.left = self.stride,
                Some(_) | None => return false,
            }
        }
        self.left -= 1;
        true
    }
}

/// What one run of a workload found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measurement {
    /// Operations completed: bytes for bulk, else messages, round trips, exchanges or streams.
    pub operations: u64,
    /// Values by name; the names are those of [`figure`].
    pub figures: BTreeMap<String, f64>,
}

impl Measurement {
    /// Adds one figure.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.figures.insert(name.to_owned(), value);
        self
    }

    /// Adds the percentiles of a latency distribution in nanoseconds.
    #[must_use]
    pub fn with_latency(self, latency: &Histogram<u64>) -> Self {
        let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
        self.with(figure::P50, at(0.5)).with(figure::P99, at(0.99)).with(figure::P999, at(0.999))
    }

    /// The time that the measured part took.
    pub fn elapsed(&self) -> Duration {
        Duration::from_secs_f64(self.figures.get(figure::SECONDS).copied().unwrap_or_default())
    }
}

/// A stopwatch for time and CPU over the measured part of a workload.
#[derive(Debug)]
pub struct Stopwatch {
    began: Instant,
    cpu: Option<Cpu>,
}

impl Stopwatch {
    /// Starts measuring.
    pub fn start() -> Self {
        let cpu = Cpu::used();
        Self { began: Instant::now(), cpu }
    }

    /// Stops after `operations`, whose rate is reported under `rate`.
    pub fn stop(self, operations: u64, rate: &str) -> Measurement {
        let seconds = self.began.elapsed().as_secs_f64();
        let measurement = Measurement { operations, figures: BTreeMap::new() }
            .with(figure::SECONDS, seconds)
            .with(rate, operations as f64 / seconds);
        let (Some(before), Some(after)) = (self.cpu, Cpu::used()) else {
            return measurement;
        };
        let user = (after.user_ns - before.user_ns) as f64;
        let system = (after.system_ns - before.system_ns) as f64;
        let each = operations.max(1) as f64;
        measurement.with(figure::CPU_USER, user / each).with(figure::CPU, (user + system) / each)
    }
}

/// Time on processors.
#[derive(Debug)]
struct Cpu {
    user_ns: i64,
    system_ns: i64,
}

impl Cpu {
    /// What this process has used, where the system tells.
    #[cfg(unix)]
    fn used() -> Option<Self> {
        use nix::sys::{
            resource::{UsageWho, getrusage},
            time::TimeValLike,
        };

        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        Some(Self {
            user_ns: usage.user_time().num_nanoseconds(),
            system_ns: usage.system_time().num_nanoseconds(),
        })
    }

    #[cfg(not(unix))]
    fn used() -> Option<Self> {
        None
    }
}

/// Latencies of one task, kept small while running and merged afterwards.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Notes one latency; more than 4.29 s counts as 4.29 s.
    pub fn push(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
    }

    /// The distribution over all of `tasks`, in nanoseconds, to three significant digits.
    ///
    /// # Errors
    /// None in practice: the bounds of the histogram hold every `u32`.
    pub fn merge(tasks: &[Self]) -> anyhow::Result<Histogram<u64>> {
        let mut histogram = Histogram::new_with_max(u64::from(u32::MAX), 3)?;
        for &nanoseconds in tasks.iter().flat_map(|task| &task.0) {
            histogram.record(u64::from(nanoseconds))?;
        }
        Ok(histogram)
    }

    /// How many were noted.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }
}
