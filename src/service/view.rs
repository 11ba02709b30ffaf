//! Views: what several owners know, side by side. Read from each owner's store, never joined.

use super::{Service, ServiceError, What};
use crate::{
    domain::{
        checkout::{self, WaitingOn},
        field::FieldError,
        ids::{OrderId, SagaId},
        order::Order,
        payment::Payment,
        reference::{Reference, TrackingNumber},
        saga::{Progress, Status, Summary},
        shipment::{Shipment, Shipping},
    },
    role::Role,
    store::{OrderFilter, OrderRows, Page, PaymentFilter, SagaRow, ShipmentFilter, StoreError, StoredSaga},
};
use futures::future::try_join_all;
use std::time::Instant;
use tokio::join;

/// An order with its payment, shipments and saga.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Its payment, once there is one.
    pub payment: Option<Payment>,
    /// Its shipments that the carrier has answered for.
    pub shipments: Vec<Shipment>,
    /// Its saga.
    pub saga: Option<SagaRow>,
    /// The processes that could not be asked what they know of it: what they own is left out.
    pub incomplete: Vec<Role>,
}

/// A saga with what its log says.
#[derive(Clone, Debug)]
pub struct SagaView {
    /// Its row.
    pub row: SagaRow,
    /// Its status and what goes with it, by its log; by its row where the log cannot be used.
    pub summary: Summary,
    /// Its steps; none where the log cannot be used.
    pub steps: Vec<Progress>,
    /// Who or what it waits for.
    pub waiting_on: Option<WaitingOn>,
}

impl SagaView {
    /// A saga that was set aside because its log cannot be used is shown by its row.
    pub(super) fn of(stored: StoredSaga) -> Self {
        match stored.replay() {
            Ok(saga) if stored.row.status != Status::NeedsAttention => {
                Self { summary: saga.summary(), steps: saga.progress(), waiting_on: None, row: stored.row }
            }
            replayed => Self {
                summary: Summary {
                    status: stored.row.status,
                    waiting_for: replayed.as_ref().ok().and_then(|saga| saga.summary().waiting_for),
                    reason: stored.row.reason,
                    attention: stored.row.attention.clone(),
                },
                steps: replayed.map(|saga| saga.progress()).unwrap_or_default(),
                waiting_on: None,
                row: stored.row,
            },
        }
    }
}

/// What a person is told about a saga by its row alone; `None` while it is under way.
pub fn row_message(row: &SagaRow) -> Option<String> {
    checkout::message(&Summary {
        status: row.status,
        waiting_for: row.waiting_for.as_deref().and_then(checkout::step_named),
        reason: row.reason,
        attention: row.attention.clone(),
    })
}

impl Service {
    /// One order with all that belongs to it.
    ///
    /// # Errors
    /// No such order, or storage away.
    pub async fn order_view(&self, id: OrderId) -> Result<OrderView, ServiceError> {
        let order = self.order(id).await?;
        Ok(self.complete(order).await?)
    }

    /// As [`Self::order_view`], for an order whose saga is known, as it was at `since` or later.
    ///
    /// # Errors
    /// No such order, or storage away.
    pub async fn order_view_of(&self, id: OrderId, saga_id: SagaId, since: Instant) -> Result<OrderView, ServiceError> {
        // A saga that is under way may have gone further elsewhere.
        let known = self.store.engine.order_since(id, saga_id, since).filter(|rows| rows.saga.status.is_at_rest());
        if let Some(OrderRows { order, payments, shipping, saga }) = known {
            let (payment, shipments) = (Some(payments.into_current()), shown(Some(shipping)));
            return Ok(OrderView { order, payment, shipments, saga: Some(saga), incomplete: Vec::new() });
        }
        let (order, parts) = join!(self.queries.orders.order(id), self.parts(id, Some(saga_id)));
        let order = order?.ok_or_else(|| ServiceError::NotFound(What::Order, id.to_string()))?;
        Ok(parts?.of(order))
    }

    async fn complete(&self, order: Order) -> Result<OrderView, StoreError> {
        Ok(self.parts(order.id, order.saga_id).await?.of(order))
    }

    /// What belongs to an order. A process that cannot be asked hides no order.
    async fn parts(&self, id: OrderId, saga_id: Option<SagaId>) -> Result<Parts, StoreError> {
        let saga = async {
            match saga_id {
                Some(saga_id) => self.queries.sagas.saga(saga_id).await,
                None => Ok(None),
            }
        };
        let (payment, shipping, saga) =
            join!(self.queries.payments.payment_of(id), self.queries.shipments.shipping_of(id), saga);
        let mut incomplete = Vec::new();
        Ok(Parts {
            payment: self.unless_away(Role::Payment, payment, &mut incomplete)?,
            shipping: self.unless_away(Role::Shipping, shipping, &mut incomplete)?,
            saga: self.unless_away(Role::Coordinator, saga, &mut incomplete)?,
            incomplete,
        })
    }

    fn unless_away<T>(
        &self,
        role: Role,
        read: Result<Option<T>, StoreError>,
        incomplete: &mut Vec<Role>,
    ) -> Result<Option<T>, StoreError> {
        match read {
            Err(StoreError::Unavailable(_)) if self.peer(role).is_some() => {
                incomplete.push(role);
                Ok(None)
            }
            read => read,
        }
    }

    /// Orders with all that belongs to them, newest first.
    ///
    /// # Errors
    /// Storage away, or something asked for that names more orders than can be looked up at once.
    pub async fn order_views(&self, search: OrderSearch, page: Page<OrderId>) -> Result<Vec<OrderView>, ServiceError> {
        let OrderSearch { mut filter, tracking_number, payment_reference } = search;
        if let Some(tracking_number) = tracking_number {
            let named = ShipmentFilter { tracking_number: Some(tracking_number), ..ShipmentFilter::default() };
            let shipments = self.queries.shipments.shipments(named, MOST_NAMED.page()).await?;
            let ids = shipments.into_iter().map(|shipment| shipment.order_id);
            filter.ids = Some(MOST_NAMED.narrowed(filter.ids.as_deref(), ids, "tracking_number", "/shipments")?);
        }
        if let Some(reference) = payment_reference {
            let named = PaymentFilter { reference: Some(reference), ..PaymentFilter::default() };
            let payments = self.queries.payments.payments(named, MOST_NAMED.page()).await?;
            let ids = payments.into_iter().map(|payment| payment.order_id);
            filter.ids = Some(MOST_NAMED.narrowed(filter.ids.as_deref(), ids, "payment_reference", "/payments")?);
        }
        if filter.ids.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let orders = self.queries.orders.orders(filter, page).await?;
        Ok(try_join_all(orders.into_iter().map(|order| self.complete(order))).await?)
    }

    /// One saga with its steps.
    ///
    /// # Errors
    /// No such saga, or storage away.
    pub async fn saga_view(&self, id: SagaId) -> Result<SagaView, ServiceError> {
        let mut view = SagaView::of(self.stored_saga(id).await?);
        if matches!(view.summary.status, Status::Completed | Status::Compensated) {
            return Ok(view);
        }
        let order = view.row.order_id;
        let (payment, shipping) =
            join!(self.queries.payments.payment_of(order), self.queries.shipments.shipping_of(order));
        // Where one of them cannot be asked, the log alone is told.
        let mut incomplete = Vec::new();
        let payment = self.unless_away(Role::Payment, payment, &mut incomplete)?;
        let shipping = self.unless_away(Role::Shipping, shipping, &mut incomplete)?;
        let shipments = shipping.as_ref().map_or(&[][..], Shipping::shipments);
        checkout::explain(&mut view.steps, payment.as_ref(), shipments);
        view.waiting_on = checkout::waiting_on(&view.summary, &view.steps, payment.as_ref(), shipments);
        Ok(view)
    }

    /// One saga's row and log.
    ///
    /// # Errors
    /// No such saga, or storage away.
    pub(super) async fn stored_saga(&self, id: SagaId) -> Result<StoredSaga, ServiceError> {
        let stored = self.queries.sagas.saga_with_log(id).await?;
        stored.ok_or_else(|| ServiceError::NotFound(What::Saga, id.to_string()))
    }
}

/// Which orders, also by what is known of them elsewhere.
#[derive(Clone, Debug, Default)]
pub struct OrderSearch {
    /// By what the orders' owner knows.
    pub filter: OrderFilter,
    /// With a shipment that the customer follows by this: the shipments' owner is asked.
    pub tracking_number: Option<TrackingNumber>,
    /// With a payment that its provider calls this: the payments' owner is asked.
    pub payment_reference: Option<Reference>,
}

/// How many orders can be looked up at once by what somebody else calls something of theirs. One or a few is what
/// there is; more are listed by whoever knows them.
struct MostNamed(u32);

const MOST_NAMED: MostNamed = MostNamed(1_000);

impl MostNamed {
    /// One more, to know whether there are too many.
    const fn page<Id>(&self) -> Page<Id> {
        Page { before: None, limit: self.0 + 1 }
    }

    /// These of the orders that are asked for already.
    fn narrowed(
        &self,
        known: Option<&[OrderId]>,
        named: impl ExactSizeIterator<Item = OrderId>,
        parameter: &'static str,
        list: &'static str,
    ) -> Result<Vec<OrderId>, ServiceError> {
        if named.len() > self.0 as usize {
            let most = self.0;
            let message =
                format!("stands for more than {most} orders; GET {list} lists what is called so, with its orders");
            return Err(ServiceError::Invalid(vec![FieldError { field: parameter.to_owned(), message }]));
        }
        let mut ids: Vec<_> = named.filter(|id| known.is_none_or(|known| known.contains(id))).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

/// What belongs to an order.
struct Parts {
    payment: Option<Payment>,
    shipping: Option<Shipping>,
    saga: Option<SagaRow>,
    incomplete: Vec<Role>,
}

impl Parts {
    fn of(self, order: Order) -> OrderView {
        let Self { payment, shipping, saga, incomplete } = self;
        OrderView { order, payment, shipments: shown(shipping), saga, incomplete }
    }
}

/// A simulated shipment exists for clients once the simulation has answered; others from the moment that they are requested,
/// since people look for what is to be sent, and for what a carrier does not answer.
fn shown(shipping: Option<Shipping>) -> Vec<Shipment> {
    let shipments = shipping.into_iter().flat_map(Shipping::into_shipments);
    shipments.filter(Shipment::is_shown).collect()
}
