//! What the notifier owns, written: new notifications with everything else at the end, all other changes at once, as they
//! are few.

use super::{Tx, columns_of};
use crate::{
    domain::{
        ids::NotificationId,
        money::Currency,
        notifier::{
            ExternalPayment, ExternalPaymentId, GivenId, Notification, NotificationStatus, PaidUser, PayExternal,
            TargetName, UNREADABLE,
        },
        time::Timestamp,
    },
    store::{
        Claim, Claimed, StoreError,
        commands::{CommandError, NotifierClaimed, NotifierRows, expect_written},
        postgres::{
            codec::{get, hash, to_json},
            notifier,
            session::Call,
        },
    },
};

/// Those of a target that are due and that nobody else claims in this very moment.
const DUE: &str = concat!(
    "SELECT ",
    notifier::columns!(),
    " FROM payment_notification WHERE target = $1 AND next_attempt_at <= $2 \
     AND (claimed_until IS NULL OR claimed_until <= $2) ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED"
);

const LOCKED: &str = concat!("SELECT ", notifier::columns!(), " FROM payment_notification WHERE id = $1 FOR UPDATE");

const INSERT: &str = "INSERT INTO payment_notification (id, target, event, payment_id, order_id, about, status, \
                      attempts, next_attempt_at, created_at, updated_at) SELECT id, target, event, payment_id, order_id, \
                      about, 'pending', 0, at, at, at FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], \
                      $5::text[], $6::text[], $7::bigint[]) AS u (id, target, event, payment_id, order_id, about, at)";

/// Adds the statement that writes new notifications.
pub(super) fn write<'r>(new: &'r [Notification], calls: &mut Vec<Call<'r>>) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let about: Result<Vec<_>, _> = new.iter().map(|row| to_json(&row.about)).collect();
    let mut params = columns_of!(
        new,
        |row| row.id,
        row.target,
        row.about.status,
        row.about.payment_id.to_string(),
        row.about.order_id.to_string(),
        row.created_at,
    );
    params.insert(5, Box::new(about?));
    calls.push(Call::new(INSERT, params));
    Ok(())
}

impl NotifierRows for Tx<'_> {
    fn add_notification(&self, notification: Notification) -> Result<(), CommandError> {
        self.paid.borrow_mut().notifications.push(notification);
        Ok(())
    }

    fn claim_due(&self, target: TargetName, until: Timestamp, limit: u32) -> Result<Claimed, CommandError> {
        let rows = self.ask(DUE, vec![Box::new(target), Box::new(self.now), Box::new(i64::from(limit))])?;
        // Whoever finds nothing has nothing to write.
        if rows.is_empty() {
            return Ok(Claimed::default());
        }
        let mut claimed = Claimed::default();
        for row in &rows {
            match notifier::read(row) {
                Ok(row) => claimed.notifications.push(Notification { claimed_until: Some(until), ..row }),
                Err(_) => claimed.unreadable.push(self.readable(get(row, 0))?),
            }
        }
        let ids: Vec<NotificationId> = claimed.notifications.iter().map(|row| row.id).collect();
        let sql = "UPDATE payment_notification SET claimed_until = $2 WHERE id = ANY($1)";
        self.run(sql, vec![Box::new(ids), Box::new(until)])?;
        if !claimed.unreadable.is_empty() {
            let (ids, status) = (claimed.unreadable.clone(), NotificationStatus::Failed);
            self.run(
                "UPDATE payment_notification SET status = $2, next_attempt_at = NULL, claimed_until = NULL, \
                 last_error = $3, updated_at = $4 WHERE id = ANY($1)",
                vec![Box::new(ids), Box::new(status), Box::new(UNREADABLE), Box::new(self.now)],
            )?;
        }
        Ok(claimed)
    }

    fn notification(&self, id: NotificationId) -> Result<Option<Notification>, CommandError> {
        let rows = self.ask(LOCKED, vec![Box::new(id)])?;
        self.readable(rows.first().map(notifier::read).transpose())
    }

    fn save_notification(&self, notification: &Notification) -> Result<(), CommandError> {
        let written = self.run(
            "UPDATE payment_notification SET status = $2, attempts = $3, next_attempt_at = $4, claimed_until = $5, \
             last_status = $6, last_error = $7, delivered_at = $8, updated_at = $9 WHERE id = $1 RETURNING 1",
            vec![
                Box::new(notification.id),
                Box::new(notification.status),
                Box::new(i64::from(notification.attempts)),
                Box::new(notification.next_attempt_at),
                Box::new(notification.claimed_until),
                Box::new(notification.last_status.map(i64::from)),
                Box::new(&notification.last_error),
                Box::new(notification.delivered_at),
                Box::new(notification.updated_at),
            ],
        )?;
        expect_written(written.len() == 1)
    }

    /// Two nodes that mark a new user at the same time write the same row one after the other.
    fn paid_user(&self, id: &GivenId) -> Result<Option<PaidUser>, CommandError> {
        let rows = self.ask(notifier::USER, vec![Box::new(to_json(id)?)])?;
        self.readable(rows.first().map(notifier::read_user).transpose())
    }

    fn save_user(&self, user: &PaidUser) -> Result<(), CommandError> {
        let PaidUser { user_id, order_id, payment_id, created_at, updated_at } = user;
        let [order_id, payment_id] = [order_id, payment_id].map(|id| id.as_ref().map(to_json).transpose());
        self.run(
            "INSERT INTO payment_user (user_id, order_id, payment_id, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET order_id = $2, payment_id = $3, \
             updated_at = $5",
            vec![
                Box::new(to_json(user_id)?),
                Box::new(order_id?),
                Box::new(payment_id?),
                Box::new(created_at),
                Box::new(updated_at),
            ],
        )
        .map(drop)
    }

    fn add_external(&self, pay: &PayExternal) -> Result<ExternalPayment, CommandError> {
        let PayExternal { order_id, user_id, amount, .. } = pay;
        let (currency, created_at) = (Currency::default(), self.now);
        let rows = self.run(
            "INSERT INTO payment_external (order_id, user_id, amount, currency, created_at) \
             VALUES ($1, $2, $3, $4, $5) RETURNING id",
            vec![
                Box::new(to_json(order_id)?),
                Box::new(to_json(user_id)?),
                Box::new(*amount),
                Box::new(currency),
                Box::new(created_at),
            ],
        )?;
        expect_written(rows.len() == 1)?;
        let id = self.readable(get(&rows[0], 0))?;
        let (order_id, user_id) = (order_id.clone(), user_id.clone());
        Ok(ExternalPayment { id, order_id, user_id, amount: *amount, currency, created_at })
    }

    fn external_payment(&self, id: ExternalPaymentId) -> Result<Option<ExternalPayment>, CommandError> {
        let rows = self.ask(notifier::EXTERNAL, vec![Box::new(id)])?;
        self.readable(rows.first().map(notifier::read_external).transpose())
    }

    fn find_notifier_claim(&self, claim: &Claim) -> Result<Option<NotifierClaimed>, CommandError> {
        let rows = self.ask(
            "SELECT made, body_hash, request_id FROM payment_notifier_idempotency WHERE scope = $1 AND key = $2",
            vec![Box::new(&claim.scope), Box::new(&claim.key)],
        )?;
        let read = |row| Ok(NotifierClaimed { made: get(row, 0)?, body_hash: hash(row, 1)?, request_id: get(row, 2)? });
        self.readable(rows.first().map(read).transpose())
    }

    fn keep_notifier_claim(&self, claim: &Claim, made: &str) -> Result<(), CommandError> {
        self.run(
            "INSERT INTO payment_notifier_idempotency (scope, key, body_hash, request_id, made, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            vec![
                Box::new(&claim.scope),
                Box::new(&claim.key),
                Box::new(claim.body_hash.as_slice()),
                Box::new(claim.request_id),
                Box::new(made),
                Box::new(self.now),
            ],
        )
        .map(drop)
    }
}
