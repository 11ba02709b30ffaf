//! How a process ends when it cannot keep its promises any more.

use std::{any::Any, sync::Arc};
use tokio::sync::watch;

/// Tells the composition root that the process must end, and why. Clones share one state.
#[derive(Clone, Debug)]
pub struct Fatal(Arc<watch::Sender<Option<String>>>);

impl Default for Fatal {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Fatal {
    /// Asks for the end. The first reason stays.
    pub fn raise(&self, why: impl Into<String>) {
        let why = why.into();
        self.0.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                tracing::error!(why, "the process must end");
                *state = Some(why);
            }
            first
        });
    }

    /// Why the process must end, if it must.
    pub fn reason(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Waits until the process must end.
    pub async fn raised(&self) -> String {
        let mut state = self.0.subscribe();
        match state.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }
}

/// What a caught panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
