//! Ctrl-C: once to end a run early, twice to abandon it.

use super::run::Run;
use tokio::signal::unix::{SignalKind, signal};

/// Ends the run early, and properly, on SIGINT or SIGTERM: no more orders, those under way are waited for.
/// Never resolves.
pub(super) async fn when_asked(run: &Run) {
    asked().await;
    run.schedule.borrow_mut().stop();
    std::future::pending::<()>().await;
}

/// Resolves on the second SIGINT or SIGTERM.
pub(super) async fn asked_again() {
    asked().await;
    asked().await;
}

/// Resolves on SIGINT or SIGTERM.
pub(super) async fn asked() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
