//! The executor that a workload runs on.

use std::{future::Future, io, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{runtime::Builder, task::JoinHandle};

/// An executor under which contenders are compared.
///
/// Workloads spawn and wait through [`spawn`] and [`sleep`] only, so that another executor is one
/// more variant here and one more arm in those two functions.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
pub enum Runtime {
    /// Tokio's multi-thread scheduler with two workers.
    #[serde(rename = "mt")]
    #[value(name = "mt")]
    MultiThread,
    /// Tokio's current-thread scheduler.
    #[serde(rename = "ct")]
    #[value(name = "ct")]
    CurrentThread,
}

impl Runtime {
    /// Every runtime, in the order of the tables.
    pub const ALL: [Self; 2] = [Self::MultiThread, Self::CurrentThread];

    /// The short name used in tables, records and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::MultiThread => "mt",
            Self::CurrentThread => "ct",
        }
    }

    /// Builds the Tokio runtime, for criterion's `to_async`.
    ///
    /// # Errors
    /// What the operating system says when it cannot start threads or the poller.
    pub fn build(self) -> io::Result<tokio::runtime::Runtime> {
        match self {
            Self::MultiThread => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
            Self::CurrentThread => Builder::new_current_thread().enable_all().build(),
        }
    }

    /// Runs `future` to its end as a task of this runtime.
    ///
    /// It is spawned rather than polled by the calling thread, which with the multi-thread
    /// scheduler would be a third thread beside the two workers.
    ///
    /// # Errors
    /// Those of `future`, those of [`build`](Self::build), and a panic of `future`.
    pub fn run<T, F>(self, future: F) -> anyhow::Result<T>
    where
        F: Future<Output = anyhow::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let runtime = self.build()?;
        let result = runtime.block_on(async { spawn(future).await? });
        // Sessions of every contender are still running: their tasks are dropped, not awaited.
        runtime.shutdown_background();
        result
    }
}

/// Starts a task on the runtime that the caller runs on.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// Waits on the runtime that the caller runs on.
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}
