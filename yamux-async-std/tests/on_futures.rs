//! The shared tests on futures::executor::block_on, with a thread for each task.

#[path = "async_runtime/mod.rs"]
mod async_runtime;
#[path = "../../yamux-tokio/tests/behaviour/mod.rs"]
mod behaviour;

use async_runtime as runtime;

mod executor {
    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        futures::executor::block_on(future)
    }

    pub(crate) fn start(future: impl Future<Output = ()> + Send + 'static) {
        std::thread::spawn(move || futures::executor::block_on(future));
    }
}
