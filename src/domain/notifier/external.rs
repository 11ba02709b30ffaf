//! Payments for orders that live in somebody else's order service: taken as paid, numbered, and told to others.

use super::{About, Audience, GivenId};
use crate::domain::{
    money::{Amount, Currency},
    payment::{PaymentRefusal, PaymentStatus},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A payment's number: 1, 2, 3 …
pub type ExternalPaymentId = i64;

/// Somebody has paid for an order of another service.
#[derive(Clone, Debug)]
pub struct PayExternal {
    /// The order, as its own service calls it.
    pub order_id: GivenId,
    /// Who pays, as the user's own service calls them.
    pub user_id: GivenId,
    /// How much.
    pub amount: Amount,
    /// Who is told of it.
    pub audience: Arc<Audience>,
}

/// A payment for an order of another service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalPayment {
    /// Its number.
    pub id: ExternalPaymentId,
    /// The order.
    pub order_id: GivenId,
    /// Who has paid.
    pub user_id: GivenId,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// When.
    pub created_at: Timestamp,
}

impl ExternalPayment {
    /// What there is to tell of it.
    pub fn about(&self) -> About {
        About {
            payment_id: GivenId::Number(self.id),
            order_id: self.order_id.clone(),
            user_id: Some(self.user_id.clone()),
            amount: self.amount,
            currency: self.currency,
            status: PaymentStatus::Paid,
            reason: None,
        }
    }

    /// Whether it is this user's, and for this order where one is named. Numbers and texts that read alike are the same:
    /// in a URL they are.
    ///
    /// # Errors
    /// It is another one's.
    pub fn check_is_of(&self, user: &GivenId, order: Option<&GivenId>) -> Result<(), PaymentRefusal> {
        if order.is_some_and(|order| !order.reads_like(&self.order_id)) {
            return Err(PaymentRefusal::NotTheOrders);
        }
        if user.reads_like(&self.user_id) { Ok(()) } else { Err(PaymentRefusal::NotTheUsers) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_of_its_user_and_its_order_however_their_ids_are_written() {
        let payment = ExternalPayment {
            id: 1,
            order_id: GivenId::Text("A-1".into()),
            user_id: GivenId::Number(7),
            amount: Amount::parse(1).unwrap(),
            currency: Currency::Idr,
            created_at: Timestamp::from_millis(0),
        };
        let text = |text: &str| GivenId::Text(text.into());
        assert_eq!(payment.check_is_of(&text("7"), None), Ok(()));
        assert_eq!(payment.check_is_of(&GivenId::Number(7), Some(&text("A-1"))), Ok(()));
        assert_eq!(payment.check_is_of(&text("8"), None), Err(PaymentRefusal::NotTheUsers));
        assert_eq!(payment.check_is_of(&text("7"), Some(&text("A-2"))), Err(PaymentRefusal::NotTheOrders));
    }
}
