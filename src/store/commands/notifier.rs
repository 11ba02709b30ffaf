//! How the notifier's commands are run, and how what others are to be told is written with the settlement that it is
//! about.

use super::{Aggregates, CommandError, Run, Tx, Wants, guarded};
use crate::{
    domain::{
        ids::NotificationId,
        notifier::{
            About, Audience, ExternalPayment, ExternalPaymentId, GivenId, Notification, NotifierCommand, PaidUser,
            PayExternal, RecordDelivery, TargetName, UserPaid,
        },
        payment::{PaymentCommand, Payments},
        time::Timestamp,
    },
    store::{Claim, Claimed, Executed, Keyed, NotifierAnswer, PaidExternal, Retried, StoreError},
};
use std::sync::Arc;
use uuid::Uuid;

/// Where a transaction has what the notifier owns.
pub(in crate::store) trait NotifierRows {
    /// Writes a new notification, at the end of the transaction at the latest.
    fn add_notification(&self, notification: Notification) -> Result<(), CommandError>;
    /// Claims those of a target that are due and nobody else's, the longest due first. One that cannot be read is
    /// given up.
    fn claim_due(&self, target: TargetName, until: Timestamp, limit: u32) -> Result<Claimed, CommandError>;
    /// One notification, which nobody else writes during this transaction.
    fn notification(&self, id: NotificationId) -> Result<Option<Notification>, CommandError>;
    /// Writes one over itself.
    fn save_notification(&self, notification: &Notification) -> Result<(), CommandError>;
    /// One user, whom nobody else writes during this transaction.
    fn paid_user(&self, id: &GivenId) -> Result<Option<PaidUser>, CommandError>;
    /// Writes a user, new or over the old one.
    fn save_user(&self, user: &PaidUser) -> Result<(), CommandError>;
    /// Writes a payment for an order of another service, under the next number.
    fn add_external(&self, pay: &PayExternal) -> Result<ExternalPayment, CommandError>;
    /// A payment for an order of another service.
    fn external_payment(&self, id: ExternalPaymentId) -> Result<Option<ExternalPayment>, CommandError>;
    /// Looks up an idempotency key.
    fn find_notifier_claim(&self, claim: &Claim) -> Result<Option<NotifierClaimed>, CommandError>;
    /// Records an idempotency key, and the id of what its request was about.
    fn keep_notifier_claim(&self, claim: &Claim, made: &str) -> Result<(), CommandError>;
}

/// What is known of a key that was used.
pub(in crate::store) struct NotifierClaimed {
    /// The id of what its request was about.
    pub(in crate::store) made: String,
    pub(in crate::store) body_hash: [u8; 32],
    pub(in crate::store) request_id: Uuid,
}

/// Runs the notifier's commands.
pub(in crate::store) struct NotifierRunner;

impl Run for NotifierRunner {
    type Command = Keyed<NotifierCommand>;
    type Answer = NotifierAnswer;

    fn run(tx: &dyn Tx, Keyed { command, claim }: &Self::Command) -> Result<NotifierAnswer, CommandError> {
        match command {
            NotifierCommand::Claim { target, limit, lease_ms } => {
                let until = tx.now().plus_millis(*lease_ms);
                Ok(NotifierAnswer::Claimed(tx.claim_due(*target, until, *limit)?))
            }
            NotifierCommand::Record(record) => take_in(tx, record),
            NotifierCommand::Retry(id) => retry(tx, *id, claim.as_ref()),
            NotifierCommand::MarkUser(paid) => mark(tx, paid),
            NotifierCommand::Pay(payment) => pay(tx, payment, claim.as_ref()),
        }
    }
}

fn take_in(tx: &dyn Tx, record: &RecordDelivery) -> Result<NotifierAnswer, CommandError> {
    let Some(mut row) = tx.notification(record.id)? else { return Ok(NotifierAnswer::NotFound) };
    if !guarded(|| row.record(record, tx.now()))? {
        return Ok(NotifierAnswer::Recorded(None));
    }
    tx.save_notification(&row)?;
    Ok(NotifierAnswer::Recorded(Some(Box::new(row))))
}

fn retry(tx: &dyn Tx, id: NotificationId, claim: Option<&Claim>) -> Result<NotifierAnswer, CommandError> {
    let known = claim.map(|claim| known(tx, claim)).transpose()?.flatten();
    let Some(mut row) = tx.notification(id)? else { return Ok(NotifierAnswer::NotFound) };
    if let Some((_, replayed)) = known {
        return Ok(NotifierAnswer::Retried(Ok(Retried { notification: Box::new(row), replayed })));
    }
    if let Err(refusal) = guarded(|| row.retry(tx.now()))? {
        return Ok(NotifierAnswer::Retried(Err(refusal)));
    }
    tx.save_notification(&row)?;
    if let Some(claim) = claim {
        tx.keep_notifier_claim(claim, &id.to_string())?;
    }
    Ok(NotifierAnswer::Retried(Ok(Retried { notification: Box::new(row), replayed: false })))
}

/// What a key was used for before, and whether it was another request that did.
fn known(tx: &dyn Tx, claim: &Claim) -> Result<Option<(String, bool)>, CommandError> {
    let Some(NotifierClaimed { made, body_hash, request_id }) = tx.find_notifier_claim(claim)? else { return Ok(None) };
    if body_hash != claim.body_hash {
        return Err(StoreError::KeyReused.into());
    }
    Ok(Some((made, request_id != claim.request_id)))
}

fn pay(tx: &dyn Tx, pay: &PayExternal, claim: Option<&Claim>) -> Result<NotifierAnswer, CommandError> {
    if let Some((made, replayed)) = claim.map(|claim| known(tx, claim)).transpose()?.flatten() {
        let found = made.parse().ok().map(|id| tx.external_payment(id)).transpose()?.flatten();
        let gone = || StoreError::Poisoned(format!("the payment of an idempotency key is gone: {made}"));
        return Ok(NotifierAnswer::Paid(PaidExternal { payment: Box::new(found.ok_or_else(gone)?), replayed }));
    }
    let payment = tx.add_external(pay)?;
    for notification in pay.audience.notifications(&payment.about(), tx.now()) {
        tx.add_notification(notification)?;
    }
    if let Some(claim) = claim {
        tx.keep_notifier_claim(claim, &payment.id.to_string())?;
    }
    Ok(NotifierAnswer::Paid(PaidExternal { payment: Box::new(payment), replayed: false }))
}

fn mark(tx: &dyn Tx, paid: &UserPaid) -> Result<NotifierAnswer, CommandError> {
    let before = tx.paid_user(&paid.user_id)?;
    let after = guarded(|| paid.decide(before.as_ref(), tx.now()))?;
    if let Some(user) = &after {
        tx.save_user(user)?;
    }
    let user = after.or(before).ok_or_else(|| StoreError::Poisoned("a user is neither there nor made".to_owned()))?;
    Ok(NotifierAnswer::Marked(Box::new(user)))
}

/// A command to an order's payments, and who is told of what it settles.
pub(in crate::store) struct Announced {
    pub(in crate::store) keyed: Keyed<PaymentCommand>,
    pub(in crate::store) audience: Arc<Audience>,
}

/// Runs commands to payments as [`Aggregates`] does, and writes what others are to be told of them.
pub(in crate::store) struct AnnouncedPayments;

impl Run for AnnouncedPayments {
    type Command = Announced;
    type Answer = Executed<Payments>;

    fn wants<'c>(command: &'c Announced, wants: &mut Wants<'c>) {
        Aggregates::<Payments>::wants(&command.keyed, wants);
    }

    fn run(tx: &dyn Tx, command: &Announced) -> Result<Executed<Payments>, CommandError> {
        let executed = Aggregates::<Payments>::run(tx, &command.keyed)?;
        if let Executed::Decided(answer) = &executed
            && let Some(payments) = &answer.payments
        {
            for place in &answer.settled {
                let about = About::of(payments.part(*place));
                for notification in command.audience.notifications(&about, tx.now()) {
                    tx.add_notification(notification)?;
                }
            }
        }
        Ok(executed)
    }
}
