//! Stock: how many pieces of a variant each warehouse holds, and how many of those are promised to orders.
//!
//! ```text
//!   Receive, Adjust, Transfer ─▶ change ──────┐
//!                                             ├─▶ Level ─▶ Movement (one for each change of a level)
//!   Reserve, Commit, Release,  ─▶ reservation ┘
//!   Replace                          └─ allocation: which warehouses serve a shop's lines
//! ```
//!
//! Owns every rule about pieces: that a level is never negative, never promises more than it holds, and is
//! the sum of its movements; that an order has all of its lines or none; and, as the participant's barrier,
//! that nothing is reserved, taken or given back twice. Must not know how levels are stored nor which shop
//! sells what for how much.

mod allocation;
mod change;
mod level;
mod movement;
mod reservation;
mod shelves;
mod units;

pub use allocation::{Pick, Shortage, Source, allocate};
pub use change::{
    Adjust, Article, Changed, NotTransferable, Place, Receive, Shift, StockChange, StockRefusal, Transfer,
};
pub use level::{Impossible, Level, Shelf};
pub use movement::{Cause, Delta, Movement, MovementKind};
pub use reservation::{
    Allotment, CommitStock, Demand, ReleaseStock, ReplaceReservation, Reservation, ReservationStatus, ReserveStock,
    StockAnswer, StockCommand, StockDecision, Wanted,
};
pub use shelves::Shelves;
pub use units::{Difference, OnHand, Units};
