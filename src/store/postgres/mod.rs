//! The backend for several machines: one PostgreSQL database that every node of a cluster uses.
//!
//! ```text
//!   look-ups by key ─▶ loaders ─┐
//!   other queries ──────────────┴▶ store-reader thread ─▶ pool of connections
//! ```

#![expect(dead_code, reason = "the writing side, which uses the rest, is not here yet")]

mod catalog;
mod codec;
mod export;
mod facts;
mod loader;
mod order;
mod payment;
mod readers;
mod retention;
mod saga;
mod schema;
mod shipment;
mod snapshot;
mod stock;

use super::SagaRow;
use crate::domain::{
    ids::{OrderId, SagaId},
    order::Order,
    payment::Payments,
    shipment::Shipping,
    stock::Reservation,
};
use loader::Loader;
use readers::Readers;

/// The backend. All owners share the database and its readers.
pub(super) struct Postgres {
    readers: Readers,
    orders: Loader<OrderId, Order>,
    payments: Loader<OrderId, Payments>,
    shipping: Loader<OrderId, Shipping>,
    reservations: Loader<OrderId, Reservation>,
    sagas: Loader<SagaId, SagaRow>,
}

impl Postgres {
    fn new(readers: Readers) -> Self {
        Self {
            orders: order::loader(&readers),
            payments: payment::loader(&readers),
            shipping: shipment::loader(&readers),
            reservations: stock::loader(&readers),
            sagas: saga::loader(&readers),
            readers,
        }
    }
}
