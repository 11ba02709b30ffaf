//! What the coordinator sends with its next flush: one append job, one message per participant.

use super::messages::SagaRequestError;
use crate::{
    actors::{Perform, deferred::Reply},
    domain::{
        checkout::{Command, Verb},
        ids::SagaId,
        order::OrderCommand,
        payment::PaymentCommand,
        shipment::ShippingCommand,
        stock::StockCommand,
        time::Timestamp,
    },
    store::SagaCommand,
};
use actix::Recipient;

/// The participants, wherever they are.
#[derive(Clone)]
pub struct Participants {
    /// Performs the order's verbs.
    pub order: Recipient<Perform<OrderCommand>>,
    /// Performs the stock's verbs.
    pub stock: Recipient<Perform<StockCommand>>,
    /// Performs the payment's verbs.
    pub payment: Recipient<Perform<PaymentCommand>>,
    /// Performs shipping's verbs.
    pub shipping: Recipient<Perform<ShippingCommand>>,
}

/// What an answer of the store means to the coordinator.
pub(super) enum After {
    /// The saga's first append.
    Started,
    /// An append; `rest` when it is the saga's last for now, `wake_at` when it waits, `reply` to whoever
    /// asked for it.
    Appended { rest: bool, wake_at: Option<Timestamp>, reply: Option<Reply<Result<(), SagaRequestError>>> },
    /// A saga was set aside.
    SetAside,
    /// A load.
    Loaded,
    /// The end of an order whose saga was not started.
    Abandoned,
}

/// Which step of which saga a command was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) saga_id: SagaId,
    pub(super) step: Verb,
    /// Which attempt, from 1: an answer to an earlier one is about what the step was then.
    pub(super) attempt: u32,
}

/// Commands for one participant and where they came from, in the same order.
#[derive(Debug)]
pub(super) struct Parcel<C> {
    pub(super) origins: Vec<Origin>,
    pub(super) commands: Vec<C>,
}

impl<C> Default for Parcel<C> {
    fn default() -> Self {
        Self { origins: Vec::new(), commands: Vec::new() }
    }
}

impl<C> Parcel<C> {
    fn push(&mut self, origin: Origin, command: C) {
        self.origins.push(origin);
        self.commands.push(command);
    }
}

/// Everything that goes out together. The appends are handed to the store first, so that no action
/// can become durable before the event that announces it.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) sagas: Vec<SagaCommand>,
    pub(super) after: Vec<(SagaId, After)>,
    pub(super) order: Parcel<OrderCommand>,
    pub(super) stock: Parcel<StockCommand>,
    pub(super) payment: Parcel<PaymentCommand>,
    pub(super) shipping: Parcel<ShippingCommand>,
}

impl Outbox {
    pub(super) fn store(&mut self, saga_id: SagaId, command: SagaCommand, after: After) {
        self.sagas.push(command);
        self.after.push((saga_id, after));
    }

    pub(super) fn send(&mut self, origin: Origin, command: Command) {
        match command {
            Command::Order(command) => self.order.push(origin, command),
            Command::Stock(command) => self.stock.push(origin, command),
            Command::Payment(command) => self.payment.push(origin, command),
            Command::Shipping(command) => self.shipping.push(origin, command),
        }
    }
}
