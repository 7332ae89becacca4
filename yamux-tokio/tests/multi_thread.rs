//! The shared tests on Tokio with two workers.

mod behaviour;
#[path = "tokio_runtime/mod.rs"]
mod tokio_runtime;

mod runtime {
    pub(crate) use crate::tokio_runtime::*;

    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(future)
    }
}
