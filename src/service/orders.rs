//! Orders as facades place, edit and cancel them.

use super::{OrderView, PATIENCE, RESEND_PAUSE, Service, ServiceError, Waited, elsewhere, of_saga};
use crate::{
    actors::{
        SagaCoordinator,
        coordinator::{EditOrder, FindPlaced, PlaceOrder, Placed, SagaRequestError},
    },
    domain::{
        checkout::{self, Checkout, CheckoutIds, Edit, OrderFields},
        field::FieldErrors,
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        order::{LinesFields, NotDirect, OrderStatus},
        saga::CancelBy,
    },
    role::Role,
    store::{Claim, StoreError},
};
use actix::{Actor, Handler, Message, dev::ToEnvelope};
use futures::FutureExt as _;
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout, timeout_at},
};
use uuid::Uuid;

impl Service {
    /// Places the order that a client wants, with fresh ids, as [`Self::place_order`] does.
    ///
    /// # Errors
    /// What cannot be accepted, or as [`Self::place_order`].
    pub async fn place(
        &self,
        mut order: OrderFields,
        claim: Option<Claim>,
        wait: Duration,
    ) -> Result<Placed, ServiceError> {
        if let Some(peer) = self.peer(Role::Coordinator) {
            return self.place_elsewhere(peer, order, claim, wait).await;
        }
        let names_product = order.lines.product().is_some();
        self.find_product(&mut order.lines).await?;
        let order = order.parse(&self.policy)?;
        let wanted = order.offers();
        let ids = CheckoutIds {
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
        };
        match order.checkout(self.priced_offers(&wanted).await?, ids) {
            Ok(checkout) => {
                let saga_id = SagaId::from_uuid(Uuid::now_v7());
                self.place_order(saga_id, Arc::new(checkout), claim, wait).await
            }
            // What was on offer when the same request came first may not be by now.
            Err(refused) if names_product || !wanted.is_empty() => {
                self.placed_before(claim, wait).await?.ok_or_else(|| refused.into())
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Starts an order's saga; back once the order and its payment exist durably, and the saga rests or
    /// `wait` is over or the process is stopping, whichever is first.
    ///
    /// # Errors
    /// Overloaded, storage away, an idempotency key used with another body, or, for more than 10 s, an actor or a
    /// process that the order needs to exist: then it will be later.
    pub async fn place_order(
        &self,
        saga_id: SagaId,
        checkout: Arc<Checkout>,
        claim: Option<Claim>,
        wait: Duration,
    ) -> Result<Placed, ServiceError> {
        // Admission is decided once: an order that is sent again, because its coordinator has failed, may exist already.
        let is_admitted = AtomicBool::new(false);
        let place = |rested| {
            let admission = &self.actors.admission;
            let permit = if is_admitted.load(Ordering::Relaxed) {
                admission.enter()
            } else {
                admission.try_enter().ok_or(ServiceError::Overloaded)?
            };
            is_admitted.store(true, Ordering::Relaxed);
            Ok(PlaceOrder { saga_id, checkout: Arc::clone(&checkout), claim: claim.clone(), permit, rested })
        };
        self.placing(wait, place).await
    }

    /// Waits for an order to exist, and for its saga to rest.
    async fn placing<M>(
        &self,
        wait: Duration,
        message: impl Fn(oneshot::Sender<()>) -> Result<M, ServiceError>,
    ) -> Result<Placed, ServiceError>
    where
        M: Message<Result = Result<Placed, StoreError>> + Send + 'static,
        SagaCoordinator: Handler<M>,
        <SagaCoordinator as Actor>::Context: ToEnvelope<SagaCoordinator, M>,
    {
        let begun = Instant::now();
        let deadline = begun + wait;
        let mut give_up = None;
        let coordinator = self.coordinator()?;
        loop {
            let (rested, rest) = oneshot::channel();
            let mut placing = pin!(coordinator.send(message(rested)?));
            // Polled once, which sends it; from then on its answer wakes nobody until the wait is over, so
            // that a client who waits for the saga's end costs one wake-up and not two.
            let answered = placing.as_mut().now_or_never();
            let waited = if wait.is_zero() {
                drop(rest);
                Waited::Enough
            } else {
                self.wait_until(rest, deadline).await
            };
            let answer = match answered {
                Some(answer) => answer,
                None => match timeout_at(deadline.max(begun + PATIENCE), placing).await {
                    Ok(answer) => answer,
                    // It goes on: whoever must be asked for the order to exist is away.
                    Err(_) => return Err(ServiceError::Unavailable("an order is still being placed".into())),
                },
            };
            match answer {
                Ok(placed) => {
                    let placed = placed?;
                    if waited == Waited::InVain {
                        self.rest_before(placed.saga_id, deadline).await?;
                    }
                    return Ok(placed);
                }
                Err(_) if Instant::now() < *give_up.get_or_insert_with(|| Instant::now() + PATIENCE) => {
                    sleep(RESEND_PAUSE).await;
                }
                Err(_) => return Err(ServiceError::Unavailable("an actor keeps failing".into())),
            }
        }
    }

    /// The order that this very request has placed before under its key, once its saga rests or `wait` is over:
    /// what may be asked where the request itself cannot be accepted any more.
    ///
    /// # Errors
    /// Storage away, or an idempotency key used with another body.
    pub async fn placed_before(&self, claim: Option<Claim>, wait: Duration) -> Result<Option<Placed>, ServiceError> {
        let Some(claim) = claim else { return Ok(None) };
        let Some((_, saga_id)) = self.queries.sagas.claimed(claim).await? else { return Ok(None) };
        self.placing(wait, |rested| Ok(FindPlaced { saga_id, rested })).await.map(Some)
    }

    /// Gives an unpaid order the lines that its client wants instead; the order with them.
    ///
    /// # Errors
    /// No such order, lines that cannot be accepted, or as [`Self::edit_order`].
    pub async fn edit(&self, id: OrderId, lines: LinesFields) -> Result<OrderView, ServiceError> {
        self.edit_as(id, lines, PaymentId::from_uuid(Uuid::now_v7())).await
    }

    /// As [`Self::edit`], whose payment gets this id: asked for again under the same one, it is the same edit.
    pub(super) async fn edit_as(
        &self,
        id: OrderId,
        mut lines: LinesFields,
        payment_id: PaymentId,
    ) -> Result<OrderView, ServiceError> {
        let order = self.order(id).await?;
        let saga_id = order.saga_id.ok_or(NotDirect::HasNoSaga)?;
        if let Some(peer) = self.peer(Role::Coordinator) {
            elsewhere::edit(peer, id, lines, payment_id).await?;
            return self.order_view_of(id, saga_id, Instant::now().into_std()).await;
        }
        self.find_product(&mut lines).await?;
        let lines = lines.parse(self.policy.free_text_lines, FieldErrors::default());
        let wanted = lines.offers();
        let basket = lines.basket(self.priced_offers(&wanted).await?)?;
        let edit = Edit { payment_id, basket };
        let basket = Arc::clone(&edit.basket);
        if let Err(refused) = self.edit_order(saga_id, order.status, edit).await {
            return Err(self.edit_refused(refused, saga_id, &basket).await);
        }
        self.order_view_of(id, saga_id, Instant::now().into_std()).await
    }

    /// Gives the order of a saga, which stood like this, other lines; back once it has them, and its payment is asked for again.
    ///
    /// # Errors
    /// Overloaded, no such saga, paid already, busy or over, or too little in stock: then the order stands as it
    /// was. Or it is not decided within 10 s, because an actor or storage is away; then it will be later.
    pub async fn edit_order(&self, saga_id: SagaId, stood: OrderStatus, edit: Edit) -> Result<(), ServiceError> {
        let _place = self.actors.admission.try_enter().ok_or(ServiceError::Overloaded)?;
        let edited = self.ask_coordinator(|| EditOrder { saga_id, edit: edit.clone() });
        match timeout(PATIENCE, edited).await {
            Ok(answer) => answer?.map_err(|error| match (error, checkout::edit_ended(stood)) {
                (SagaRequestError::NotFound, Some(refused)) => refused.into(),
                (error, _) => of_saga(saga_id, error),
            }),
            Err(_) => Err(ServiceError::Unavailable("an order is still being edited".into())),
        }
    }

    /// Turns an order's saga back on behalf of its customer, or closes a direct order.
    ///
    /// # Errors
    /// No such order, paid already, or over.
    pub async fn cancel_order(&self, order_id: OrderId) -> Result<(), ServiceError> {
        let order = self.order(order_id).await?;
        let Some(saga_id) = order.saga_id else { return self.cancel_direct(order_id).await };
        match self.cancel_saga(saga_id, CancelBy::Customer, None, None).await {
            Ok(_) => Ok(()),
            Err(error @ ServiceError::NotFound(..)) => {
                Err(checkout::cancel_ended(order.status).map_or(error, ServiceError::from))
            }
            Err(error) => Err(error),
        }
    }
}
