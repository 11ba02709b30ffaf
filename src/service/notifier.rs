//! What others are told of payments, and what other services report of them.
//!
//! A report is believed where it comes with the credential of one's own services, and otherwise as far as the payment's
//! own record says the same: nobody can have an order paid that is not, nor a user with somebody else's payment.

use super::{OrderView, Service, ServiceError, What, own_claim, send};
use crate::{
    actors::{MarkUserPaid, NotifierRequestError, RetryNotification, TakeExternalPayment},
    domain::{
        ids::{NotificationId, OrderId, PaymentId},
        money::Amount,
        notifier::{ExternalPayment, ExternalPaymentId, GivenId, Notification, PaidUser, UserPaid},
        payment::{Payment, PaymentRefusal, Reported, Reporter, Settlement},
    },
    store::{Claim, PaidExternal, Retried},
};
use uuid::Uuid;

/// A report on a payment, whichever way it comes.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it went.
    pub settlement: Settlement,
    /// Who says so.
    pub by: Reporter,
    /// The order that it is about, where the report says so.
    pub order_id: Option<OrderId>,
    /// How much money, where it says so.
    pub amount: Option<i64>,
    /// In which currency, where it says so.
    pub currency: Option<String>,
}

impl Report {
    /// A report that says no more than how a payment went.
    pub const fn of(settlement: Settlement, by: Reporter) -> Self {
        Self { settlement, by, order_id: None, amount: None, currency: None }
    }
}

impl Service {
    /// One notification.
    ///
    /// # Errors
    /// No such notification, or storage away.
    pub async fn notification(&self, id: NotificationId) -> Result<Notification, ServiceError> {
        self.queries.notifier.notification(id).await?.ok_or_else(|| no_notification(id))
    }

    /// Has a notification sent again at once.
    ///
    /// # Errors
    /// No such notification, or it is delivered.
    pub async fn retry_notification(&self, id: NotificationId, claim: Option<Claim>) -> Result<Retried, ServiceError> {
        let message = || Ok(RetryNotification { id, claim: claim.clone() });
        match send(&self.actors.notifier.retry, message).await? {
            Ok(retried) => Ok(retried),
            Err(NotifierRequestError::NotFound) => Err(no_notification(id)),
            Err(NotifierRequestError::Refused(refusal)) => Err(refusal.into()),
            Err(NotifierRequestError::Store(error)) => Err(error.into()),
        }
    }

    /// Takes in that an order is paid; the order.
    ///
    /// # Errors
    /// No such order or payment, or nobody may report it who does.
    pub async fn report_order_paid(&self, id: OrderId, report: Report) -> Result<OrderView, ServiceError> {
        self.order(id).await?;
        // What is known already is not reported again: a payment of a direct order takes no reports.
        let is_plain = report.amount.is_none() && report.currency.is_none();
        if !is_plain || self.payment_of(id).await?.check_paid().is_err() {
            self.report(id, Reported::Current, report, None).await?;
        }
        self.order_view(id).await
    }

    /// Takes in that a user has paid; the user. `None` where nobody vouches for it: neither the reporter, nor a payment
    /// that the report names.
    ///
    /// # Errors
    /// No such order or payment, the payment is not paid or another order's.
    pub async fn report_user_paid(&self, paid: UserPaid, by: Reporter) -> Result<Option<PaidUser>, ServiceError> {
        if by != Reporter::Trusted && !self.is_on_record(&paid).await? {
            return Ok(None);
        }
        Ok(Some(send(&self.actors.notifier.mark_user, || Ok(MarkUserPaid(paid.clone()))).await??))
    }

    /// Takes in that somebody has paid for an order of another service.
    ///
    /// # Errors
    /// Storage away, or an idempotency key used with another body.
    pub async fn pay_external(
        &self,
        order_id: GivenId,
        user_id: GivenId,
        amount: Amount,
        claim: Option<Claim>,
    ) -> Result<PaidExternal, ServiceError> {
        // It is sent again where nobody has answered, and must not be a second payment then.
        let claim = claim.unwrap_or_else(|| own_claim("a payment without a key"));
        let message = || {
            let (order_id, user_id, claim) = (order_id.clone(), user_id.clone(), Some(claim.clone()));
            Ok(TakeExternalPayment { order_id, user_id, amount, claim })
        };
        Ok(send(&self.actors.notifier.pay, message).await??)
    }

    /// A payment for an order of another service.
    ///
    /// # Errors
    /// No such payment, or storage away.
    pub async fn external_payment(&self, id: ExternalPaymentId) -> Result<ExternalPayment, ServiceError> {
        let found = self.queries.notifier.external_payment(id).await?;
        found.ok_or_else(|| ServiceError::NotFound(What::Payment, id.to_string()))
    }

    /// A user who has paid.
    ///
    /// # Errors
    /// Nobody has said so of this user, or storage away.
    pub async fn paid_user(&self, id: GivenId) -> Result<PaidUser, ServiceError> {
        let found = self.queries.notifier.paid_user(id.clone()).await?;
        found.ok_or_else(|| ServiceError::NotFound(What::User, id.to_string()))
    }

    /// Whether a report names a payment, or an order, that is paid and known to be this user's; an error where it is not
    /// paid, or another one's.
    async fn is_on_record(&self, paid: &UserPaid) -> Result<bool, ServiceError> {
        // In a template, numbers may have become texts.
        let number = paid.payment_id.as_ref().and_then(|id| id.to_string().parse().ok());
        if let Some(number) = number {
            let payment = self.external_payment(number).await?;
            payment.check_is_of(&paid.user_id, paid.order_id.as_ref())?;
            return Ok(true);
        }
        let payment = match (&paid.payment_id, &paid.order_id) {
            (Some(id), _) => self.payment(PaymentId::from_uuid(own(id, What::Payment)?)).await?,
            (None, Some(id)) => self.payment_of(OrderId::from_uuid(own(id, What::Order)?)).await?,
            (None, None) => return Ok(false),
        };
        let order = paid.order_id.as_ref().map(|id| own(id, What::Order)).transpose()?;
        Ok(payment.vouches_for(&paid.user_id, order.map(OrderId::from_uuid))?)
    }

    /// An order's current payment.
    async fn payment_of(&self, id: OrderId) -> Result<Payment, ServiceError> {
        Ok(self.queries.payments.payment_of(id).await?.ok_or(PaymentRefusal::NoPayment)?)
    }
}

/// An id of this service's own; there is nothing with another one.
fn own(id: &GivenId, what: What) -> Result<Uuid, ServiceError> {
    let none = || ServiceError::NotFound(what, id.to_string());
    match id {
        GivenId::Text(text) => Uuid::parse_str(text).map_err(|_| none()),
        GivenId::Number(_) => Err(none()),
    }
}

fn no_notification(id: NotificationId) -> ServiceError {
    ServiceError::NotFound(What::Notification, id.to_string())
}
