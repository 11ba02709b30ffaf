//! Orders that fail while their client waits: whether that is the answer, and in which words.

use super::{PATIENCE, Service, ServiceError};
use crate::{
    actors::coordinator::Placed,
    domain::{
        checkout::{self, Verb},
        field::FieldError,
        ids::{OrderId, SagaId},
        order::Basket,
        reason::Reason,
        saga::{Detail, Refused, Status},
    },
    service::OrderView,
};
use std::time::Instant;
use strum::EnumString;

/// How a client wants to be told that the order which it places has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum OnFailure {
    /// As a problem where the goods are not to be had, which is known at once; as the order otherwise.
    #[default]
    #[strum(disabled)]
    Usual,
    /// As the order, whatever becomes of it.
    Created,
    /// As a problem, by its cause.
    Status,
}

/// An order that has been placed and has failed: it exists, and is closed or about to be.
#[derive(Clone, Debug)]
pub struct OrderFailed {
    /// The order.
    pub order_id: OrderId,
    /// Why.
    pub reason: Reason,
    /// What a person is told of it.
    pub message: String,
    /// The fields that it has failed for.
    pub errors: Vec<FieldError>,
}

impl Service {
    /// An order that was just placed, or placed before by the same request, as it was at `asked` or later.
    ///
    /// # Errors
    /// It has failed, and that is to be a problem; or storage is away.
    pub async fn placed_view(
        &self,
        placed: &Placed,
        asked: Instant,
        on_failure: OnFailure,
    ) -> Result<OrderView, ServiceError> {
        let Placed { order_id, saga_id, turned, .. } = *placed;
        if turned == Some(Reason::OutOfStock) && on_failure != OnFailure::Created {
            // That it turns may not be durable yet. Its rest is, and is near: nothing is to be given back.
            self.wait_for_rest(saga_id, PATIENCE).await?;
        }
        let view = self.order_view_of(order_id, saga_id, asked).await?;
        let Some(saga) = view.saga.as_ref().filter(|_| on_failure != OnFailure::Created) else { return Ok(view) };
        let unwinds = matches!(saga.status, Status::Compensating | Status::Compensated);
        match saga.reason.filter(|_| unwinds) {
            Some(reason) if reason == Reason::OutOfStock || on_failure == OnFailure::Status => {
                let errors = match reason {
                    Reason::OutOfStock => self.shortages(saga_id, Verb::ReserveStock, &view.order.basket).await?,
                    _ => Vec::new(),
                };
                let message = checkout::unwound(Some(reason)).to_owned();
                Err(ServiceError::OrderFailed(OrderFailed { order_id, reason, message, errors }))
            }
            _ => Ok(view),
        }
    }

    /// Why an edit is refused: for want of stock, the lines that there is too little for.
    pub(super) async fn edit_refused(&self, error: ServiceError, saga_id: SagaId, basket: &Basket) -> ServiceError {
        let ServiceError::SagaRefused(Refused::Amendment(Reason::OutOfStock)) = error else { return error };
        match self.shortages(saga_id, Verb::ReplaceReservation, basket).await {
            Ok(errors) => ServiceError::TooLittle(errors),
            Err(_) => error,
        }
    }

    /// The lines of an order that there is too little for, as its saga's log says.
    async fn shortages(&self, saga_id: SagaId, step: Verb, basket: &Basket) -> Result<Vec<FieldError>, ServiceError> {
        let stored = self.stored_saga(saga_id).await?;
        let saga = stored.replay().map_err(|error| ServiceError::UnusableLog(error.to_string()))?;
        let Some(Detail::Shortages(shortages)) = saga.refusal(step) else { return Ok(Vec::new()) };
        let of_line = |(number, line): (usize, &crate::domain::order::Line)| {
            let stocked = line.stocked.as_ref()?;
            let is_of = |shop, variant| stocked.shop_id == shop && stocked.variant_id == variant;
            let short = shortages.iter().find(|short| is_of(short.shop_id, short.variant_id))?;
            let together = if short.wanted.get() == line.quantity.get() { "" } else { " by all its lines together" };
            Some(FieldError {
                field: format!("lines[{number}].quantity"),
                message: format!("{} are wanted{together}, {} are available", short.wanted, short.available),
            })
        };
        Ok(basket.lines().iter().enumerate().filter_map(of_line).collect())
    }
}
