//! What the coordinator sends with its next flush: one append job, one message per participant.

use super::messages::SagaRequestError;
use crate::{
    actors::{Perform, deferred::Reply},
    domain::{
        checkout::{Command, Verb},
        ids::{IdSet, SagaId},
        order::OrderCommand,
        payment::PaymentCommand,
        saga::Action as _,
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
    pub order: Reach<OrderCommand>,
    /// Performs the stock's verbs.
    pub stock: Reach<StockCommand>,
    /// Performs the payment's verbs.
    pub payment: Reach<PaymentCommand>,
    /// Performs shipping's verbs.
    pub shipping: Reach<ShippingCommand>,
}

impl Participants {
    /// Whether a step's participant has a database of its own.
    pub(super) fn is_apart(&self, step: Verb) -> bool {
        match step.participant() {
            "order" => self.order.apart,
            "stock" => self.stock.apart,
            "payment" => self.payment.apart,
            _ => self.shipping.apart,
        }
    }
}

/// A participant, and whether it has a database of its own.
#[derive(Clone)]
pub struct Reach<C: Send + 'static> {
    /// Who performs its verbs: its actor, or one that carries them to another process.
    pub perform: Recipient<Perform<C>>,
    /// It does not share the coordinator's database, whose queue would keep an action behind the event that announces
    /// it: the coordinator waits until that is durable before it sends the action.
    pub apart: bool,
}

impl<C: Send + 'static> From<Recipient<Perform<C>>> for Reach<C> {
    /// One that shares the coordinator's database.
    fn from(perform: Recipient<Perform<C>>) -> Self {
        Self { perform, apart: false }
    }
}

/// What an answer of the store means to the coordinator.
pub(super) enum After {
    /// The saga's first append.
    Started,
    /// An append; `rest` when it is the saga's last for now, `wake_at` when it waits, `reply` to whoever
    /// asked for it.
    Appended { rest: bool, wake_at: Option<Timestamp>, reply: Option<Reply<Result<(), SagaRequestError>>> },
    /// Whether it is durable that a saga is on its way back, for somebody who wishes for what was done already.
    Confirmed(Reply<Result<(), SagaRequestError>>),
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

    /// Splits the commands by their saga: those that are `in` and the others, each in their order.
    pub(super) fn partition(self, sagas: &IdSet<SagaId>) -> (Self, Self) {
        let (mut inside, mut outside) = (Self::default(), Self::default());
        for (origin, command) in self.origins.into_iter().zip(self.commands) {
            let side = if sagas.contains(&origin.saga_id) { &mut inside } else { &mut outside };
            side.push(origin, command);
        }
        (inside, outside)
    }
}

/// Commands for every participant.
#[derive(Default)]
pub(super) struct Parcels {
    pub(super) order: Parcel<OrderCommand>,
    pub(super) stock: Parcel<StockCommand>,
    pub(super) payment: Parcel<PaymentCommand>,
    pub(super) shipping: Parcel<ShippingCommand>,
}

/// Everything that goes out together. The appends are handed to the store first, so that no action
/// can become durable before the event that announces it.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) sagas: Vec<SagaCommand>,
    pub(super) after: Vec<(SagaId, After)>,
    pub(super) parcels: Parcels,
}

impl Outbox {
    pub(super) fn store(&mut self, saga_id: SagaId, command: SagaCommand, after: After) {
        self.sagas.push(command);
        self.after.push((saga_id, after));
    }

    pub(super) fn send(&mut self, origin: Origin, command: Command) {
        match command {
            Command::Order(command) => self.parcels.order.push(origin, command),
            Command::Stock(command) => self.parcels.stock.push(origin, command),
            Command::Payment(command) => self.parcels.payment.push(origin, command),
            Command::Shipping(command) => self.parcels.shipping.push(origin, command),
        }
    }
}
