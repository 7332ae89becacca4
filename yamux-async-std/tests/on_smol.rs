//! The shared tests on smol.

#[path = "async_runtime/mod.rs"]
mod async_runtime;
#[path = "../../yamux-tokio/tests/behaviour/mod.rs"]
mod behaviour;

use async_runtime as runtime;

mod executor {
    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        smol::block_on(future)
    }

    pub(crate) fn start(future: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(future).detach();
    }
}
