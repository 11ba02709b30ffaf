//! Reports of how a payment went: who may make which, and what they must agree with.
//!
//! | the payment's provider | who may report |
//! |---|---|
//! | `manual` | anybody, or, where one's own services say a secret, they alone |
//! | a service outside | that service, with its own secret; otherwise its answers decide |
//! | the simulation | nobody: its answers decide |
//!
//! A report that says what the record says already changes nothing and needs nobody to be believed. One that names another
//! amount or currency settles nothing, and is kept with the payment for an operator to see.

use super::{Payment, PaymentRefusal, PaymentStatus, Provider, draft::Draft};
use crate::domain::{
    call::Trouble,
    ids::{OrderId, PaymentId},
    reason::Reason,
    reference::Reference,
};
use serde::{Deserialize, Serialize};

/// How a payment went, as reported from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    /// The money is in.
    Success,
    /// There will be none.
    Failed,
    /// The money has gone back.
    Refunded,
}

/// Who reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reporter {
    /// A service of one's own, which has said the secret.
    Trusted,
    /// Anybody, where no secret is said.
    Anybody,
    /// Anybody who has not said the secret, where one's own services say one.
    Stranger,
    /// The payment service of this name, which has said its own secret.
    Provider(Provider),
}

/// Which of an order's payments a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reported {
    /// The current one.
    Current,
    /// The one of this id.
    Own(PaymentId),
    /// The one that the reporter calls this. A manual payment that is called nothing yet is called so from then on.
    Called(Reference),
}

/// Somebody outside reports how the payment went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SettlePayment {
    /// The order.
    pub order_id: OrderId,
    /// Which of its payments.
    pub payment: Reported,
    /// How it went.
    pub settlement: Settlement,
    /// Who says so.
    pub by: Reporter,
    /// How much money the report is about, where it says so.
    pub amount: Option<i64>,
    /// In which currency, where it says so.
    pub currency: Option<String>,
}

impl SettlePayment {
    /// A report on this payment by a service of one's own.
    pub const fn trusted(order_id: OrderId, payment_id: PaymentId, settlement: Settlement) -> Self {
        let payment = Reported::Own(payment_id);
        Self { order_id, payment, settlement, by: Reporter::Trusted, amount: None, currency: None }
    }
}

/// What a report says of a payment and its record does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the payment is of {recorded}, the report says {reported}")]
pub struct Discrepancy {
    /// The field that differs.
    pub field: String,
    /// What the payment's record says.
    pub recorded: String,
    /// What the report says.
    pub reported: String,
}

impl Payment {
    /// Whether its own record says already what is reported of it, so that believing it changes nothing.
    pub fn says(&self, reported: Settlement) -> bool {
        match reported {
            Settlement::Success => self.captured_at.is_some(),
            Settlement::Failed => matches!(self.status, PaymentStatus::Failed | PaymentStatus::Expired),
            Settlement::Refunded => self.status == PaymentStatus::Refunded,
        }
    }

    /// Whether somebody's word counts for it.
    fn check_reporter(&self, by: Reporter) -> Result<(), PaymentRefusal> {
        match (self.provider, by) {
            (Provider::Manual, Reporter::Trusted | Reporter::Anybody) => Ok(()),
            (Provider::Manual, Reporter::Stranger | Reporter::Provider(_)) => Err(PaymentRefusal::NotVouchedFor),
            (provider, Reporter::Provider(by)) if provider == by => Ok(()),
            (provider, _) => Err(PaymentRefusal::NotManual(provider)),
        }
    }

    /// What a report says otherwise than the record.
    fn discrepancy(&self, report: &SettlePayment) -> Option<Discrepancy> {
        let currency: &str = self.currency.into();
        let amount = report.amount.filter(|amount| *amount != self.amount.get()).map(|amount| Discrepancy {
            field: "amount".to_owned(),
            recorded: self.amount.to_string(),
            reported: amount.to_string(),
        });
        amount.or_else(|| {
            let other = report.currency.as_ref().filter(|other| !other.eq_ignore_ascii_case(currency))?;
            let reported = other.chars().take(16).collect();
            Some(Discrepancy { field: "currency".to_owned(), recorded: currency.to_owned(), reported })
        })
    }
}

pub(super) fn settle(draft: &mut Draft<'_>, report: &SettlePayment) -> Result<(), PaymentRefusal> {
    let called = find(draft, report)?;
    let now = draft.now();
    let Some(row) = draft.row() else { return Err(PaymentRefusal::NoPayment) };
    if row.direct {
        return Err(PaymentRefusal::Direct);
    }
    let discrepancy = row.discrepancy(report);
    if discrepancy.is_none() && row.says(report.settlement) && called.is_none() {
        return Ok(());
    }
    row.check_reporter(report.by)?;
    if let Some(found) = discrepancy {
        let next_attempt_at = row.trouble.as_ref().and_then(|trouble| trouble.next_attempt_at);
        let error = format!("a report was refused at {now}: {found}");
        row.trouble = Some(Box::new(Trouble { error, status: None, next_attempt_at }));
        return Err(PaymentRefusal::Differs(found));
    }
    if let Some(reference) = called {
        row.reference = Some(reference);
    }
    match report.settlement {
        Settlement::Success if row.captured_at.is_some() => {}
        Settlement::Success => {
            draft.capture();
            draft.signal();
        }
        Settlement::Failed if row.captured_at.is_some() => return Err(PaymentRefusal::AlreadyPaid),
        Settlement::Failed if row.status == PaymentStatus::Pending => {
            row.close(PaymentStatus::Failed, Reason::PaymentDeclined);
            draft.signal();
        }
        Settlement::Refunded if row.status == PaymentStatus::Refunding => {
            draft.refunded();
            draft.signal();
        }
        Settlement::Refunded if row.status != PaymentStatus::Refunded => {
            return Err(PaymentRefusal::NotRefunding(row.status));
        }
        Settlement::Failed | Settlement::Refunded => {}
    }
    Ok(())
}

/// Finds the payment that a report is about, for the draft to act on; what it is called from now on, where that is new.
fn find(draft: &mut Draft<'_>, report: &SettlePayment) -> Result<Option<Reference>, PaymentRefusal> {
    match &report.payment {
        Reported::Current => Ok(None),
        Reported::Own(id) => draft.act_on(*id).map(|()| None),
        Reported::Called(reference) => {
            if draft.act_on_called(reference) {
                return Ok(None);
            }
            match draft.seen() {
                None => Err(PaymentRefusal::NoPayment),
                Some(row) if row.provider != Provider::Manual || row.direct => Err(PaymentRefusal::NotTheOrders),
                Some(row) if row.reference.is_some() => Err(PaymentRefusal::OtherReference),
                Some(_) => Ok(Some(reference.clone())),
            }
        }
    }
}
