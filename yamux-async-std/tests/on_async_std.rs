//! The shared tests on async-std.

#[path = "async_runtime/mod.rs"]
mod async_runtime;
#[path = "../../yamux-tokio/tests/behaviour/mod.rs"]
mod behaviour;

use async_runtime as runtime;

mod executor {
    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        async_std::task::block_on(future)
    }

    pub(crate) fn start(future: impl Future<Output = ()> + Send + 'static) {
        async_std::task::spawn(future);
    }
}
