//! The executor that a workload runs on.

use std::{
    cell::RefCell,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use smol::Executor;
use tokio::{
    runtime::Builder,
    task::{JoinError, JoinHandle},
};

/// An executor under which contenders are compared.
///
/// Workloads spawn and wait through [`spawn`] and [`sleep`] only, so that they run on each of them.
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
    /// smol's executor and reactor on one thread. async-std is made of the same two.
    #[serde(rename = "smol")]
    #[value(name = "smol")]
    Smol,
}

thread_local! {
    /// smol's executor, where it runs on this thread.
    static SMOL: RefCell<Option<Arc<Executor<'static>>>> = const { RefCell::new(None) };
}

impl Runtime {
    /// Every runtime, in the order of the tables.
    pub const ALL: [Self; 3] = [Self::MultiThread, Self::CurrentThread, Self::Smol];

    /// The short name used in tables, records and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::MultiThread => "mt",
            Self::CurrentThread => "ct",
            Self::Smol => "smol",
        }
    }

    /// Whether it is one of Tokio's.
    pub fn is_tokio(self) -> bool {
        self != Self::Smol
    }

    /// The runtime that the caller runs on is smol's.
    pub fn is_smol_here() -> bool {
        SMOL.with_borrow(Option::is_some)
    }

    /// Builds the runtime if it is Tokio's, for criterion's `to_async`.
    ///
    /// # Errors
    /// What the operating system says when it cannot start threads or the poller, and that the
    /// runtime is not Tokio's.
    pub fn build(self) -> io::Result<tokio::runtime::Runtime> {
        match self {
            Self::MultiThread => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
            Self::CurrentThread => Builder::new_current_thread().enable_all().build(),
            Self::Smol => Err(io::ErrorKind::Unsupported.into()),
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
        if self == Self::Smol {
            let executor = Arc::new(Executor::new());
            SMOL.set(Some(Arc::clone(&executor)));
            let result = smol::block_on(executor.run(executor.spawn(future)));
            SMOL.set(None);
            return result;
        }
        let runtime = self.build()?;
        let result = runtime.block_on(async { spawn(future).await? });
        // Sessions of every contender are still running: their tasks are dropped, not awaited.
        runtime.shutdown_background();
        result
    }
}

/// A task that was spawned; it runs on when this is dropped.
#[derive(Debug)]
pub enum Task<T> {
    /// Tokio's.
    Tokio(JoinHandle<T>),
    /// smol's, until it is dropped.
    Smol(Option<smol::Task<T>>),
}

impl<T> Task<T> {
    /// Whether it has come to its end.
    pub fn is_finished(&self) -> bool {
        match self {
            Self::Tokio(task) => task.is_finished(),
            Self::Smol(task) => task.as_ref().is_some_and(smol::Task::is_finished),
        }
    }

    /// Ends it where it stands.
    pub fn abort(&mut self) {
        match self {
            Self::Tokio(task) => task.abort(),
            // To drop smol's task is to end it.
            Self::Smol(task) => drop(task.take()),
        }
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Tokio(task) => Pin::new(task).poll(cx),
            Self::Smol(Some(task)) => Pin::new(task).poll(cx).map(Ok),
            Self::Smol(None) => Poll::Pending,
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Self::Smol(task) = self {
            if let Some(task) = task.take() {
                task.detach();
            }
        }
    }
}

/// Starts a task on the runtime that the caller runs on.
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let smol = SMOL.with_borrow(Clone::clone);
    match smol {
        Some(executor) => Task::Smol(Some(executor.spawn(future))),
        None => Task::Tokio(tokio::spawn(future)),
    }
}

/// Waits on the runtime that the caller runs on.
pub async fn sleep(time: Duration) {
    if Runtime::is_smol_here() {
        smol::Timer::after(time).await;
    } else {
        tokio::time::sleep(time).await;
    }
}
