//! The saga engine: a definition as data, a log of events, and a state machine over both.
//!
//! ```text
//!             begin                         outcome / wake / cancel / retry / set_aside
//!   nothing ────────▶ Saga ◀──────────────────────────────────────────────┐
//!                      │  every call returns the events it made; they are  │
//!                      │  durable in the log before they count elsewhere   │
//!                      ▼                                                   │
//!                    next() ── Run(tasks) ──▶ participants ── Outcome ─────┘
//!                           ── Wait(until)
//!                           ── Rest
//!   log ── replay ──▶ Saga      (recovery is this and then `next`: there is no other path)
//! ```
//!
//! Owns direction, order of steps and compensations, retries and deadlines. Knows nothing of orders,
//! payments or shipments: the checkout is data in [`crate::domain::checkout`].

mod definition;
mod event;
mod machine;
mod outcome;
mod record;
mod retry;

pub use definition::{
    AMENDMENT_STAGE, Action, AmendmentPlan, AmendmentStep, Definition, DefinitionError, Kind, Stage, Step,
};
pub use event::{Event, Late};
pub use machine::{Amendment, CancelBy, Fate, Impossible, Next, Refused, Saga, Status, Summary, Task};
pub use outcome::{Detail, Outcome, Receipt, StepReply};
pub use record::{Progress, StepRecord, StepState};
pub use retry::RetryPolicy;
