//! The shared tests on Tokio with a single thread.

mod behaviour;
#[path = "tokio_runtime/mod.rs"]
mod tokio_runtime;

mod runtime {
    pub(crate) use crate::tokio_runtime::*;

    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }
}
