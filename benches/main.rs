//! How fast the parts of one order are, from the inside out, each module with its own account of what
//! it measures and what it does not:
//!
//! | module | what it measures |
//! |---|---|
//! | [`saga`] | the pure state machine: events made and replayed |
//! | [`store`] | batches of commands made durable by the SQLite backend |
//! | [`actors`] | a message to a supervised actor and its answer |
//! | [`orders`] | whole orders, from being placed until their sagas rest |
//!
//! HTTP is not measured here but by `scripts/bench`. Nothing is logged and no metrics are recorded. The
//! databases are files below the target directory, with the store's default settings: how fast that disk
//! is decides much of what comes out.
//!
//! Nothing here asserts a duration; what is answered is checked, so that no failure is taken for speed.

mod actors;
mod given;
mod orders;
mod saga;
mod store;

use criterion::Criterion;
use std::time::Duration;

/// The allocator that the server has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // `cargo test --all-targets` starts this too, and would wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // Where arbiters are registered.
    let _system = actix_rt::System::new();
    // Fewer samples than usual and longer ones, so that each has its share of checkpoints.
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
        .configure_from_args();
    saga::bench(&mut criterion);
    store::bench(&mut criterion);
    actors::bench(&mut criterion);
    orders::bench(&mut criterion);
    criterion.final_summary();
}
