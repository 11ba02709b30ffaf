//! The thread on which services outside are called.

use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime of its own. What is under way when it is dropped is given up: calls survive that.
pub(super) struct Outside(Option<Runtime>);

impl Outside {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("providers").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Where calls are made.
    pub(super) fn handle(&self) -> Handle {
        self.0.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone())
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
