//! What the notifier owns, in PostgreSQL: notifications, users who have paid, and payments for orders of other services.

use super::{
    Postgres,
    codec::{Unreadable, count, from_json, get},
    readers::Condition,
};
use crate::{
    domain::{
        ids::NotificationId,
        notifier::{
            ExternalPayment, ExternalPaymentId, GivenId, Notification, NotificationStatus, NotifierCommand, PaidUser,
        },
    },
    store::{
        Answers, Commands, Keyed, NotificationFilter, NotifierAnswer, NotifierQueries, Page, StoreError,
        commands::NotifierRunner, json,
    },
};
use futures::future::BoxFuture;
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "id, target, about, status, attempts, next_attempt_at, claimed_until, last_status, last_error, delivered_at, \
         created_at, updated_at"
    };
}
pub(super) use columns;

pub(super) const BY_ID: &str = concat!("SELECT ", columns!(), " FROM payment_notification WHERE id = $1");
const LISTED: &str = concat!("SELECT ", columns!(), " FROM payment_notification");
pub(super) const USER: &str =
    "SELECT user_id, order_id, payment_id, created_at, updated_at FROM payment_user WHERE user_id = $1";

pub(super) const EXTERNAL: &str =
    "SELECT id, order_id, user_id, amount, currency, created_at FROM payment_external WHERE id = $1";

/// Reads a notification.
pub(super) fn read(row: &Row) -> Result<Notification, Unreadable> {
    let last_status: Option<i64> = get(row, 7)?;
    Ok(Notification {
        id: get(row, 0)?,
        target: get(row, 1)?,
        about: from_json(row, 2)?,
        status: get(row, 3)?,
        attempts: count(row, 4)?,
        next_attempt_at: get(row, 5)?,
        claimed_until: get(row, 6)?,
        last_status: last_status.map(u16::try_from).transpose().map_err(Unreadable::because)?,
        last_error: get(row, 8)?,
        delivered_at: get(row, 9)?,
        created_at: get(row, 10)?,
        updated_at: get(row, 11)?,
    })
}

/// Reads a user.
pub(super) fn read_user(row: &Row) -> Result<PaidUser, Unreadable> {
    let given = |column: usize| -> Result<Option<GivenId>, Unreadable> {
        let text: Option<&str> = get(row, column)?;
        text.map(json::decode).transpose().map_err(Unreadable::because)
    };
    Ok(PaidUser {
        user_id: from_json(row, 0)?,
        order_id: given(1)?,
        payment_id: given(2)?,
        created_at: get(row, 3)?,
        updated_at: get(row, 4)?,
    })
}

/// Reads a payment for an order of another service.
pub(super) fn read_external(row: &Row) -> Result<ExternalPayment, Unreadable> {
    Ok(ExternalPayment {
        id: get(row, 0)?,
        order_id: from_json(row, 1)?,
        user_id: from_json(row, 2)?,
        amount: get(row, 3)?,
        currency: get(row, 4)?,
        created_at: get(row, 5)?,
    })
}

impl Commands<NotifierCommand, NotifierAnswer> for Postgres {
    fn execute(&self, commands: Vec<Keyed<NotifierCommand>>) -> BoxFuture<'static, Answers<NotifierAnswer>> {
        self.queue.execute::<NotifierRunner>(commands)
    }
}

impl NotifierQueries for Postgres {
    fn notification(&self, id: NotificationId) -> BoxFuture<'static, Result<Option<Notification>, StoreError>> {
        self.readers.find(BY_ID, vec![Box::new(id)], read)
    }

    fn notifications(
        &self,
        filter: NotificationFilter,
        page: Page<NotificationId>,
    ) -> BoxFuture<'static, Result<Vec<Notification>, StoreError>> {
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(payment_id) = filter.payment_id {
            conditions.push(("payment_id = $n", Box::new(payment_id.to_string())));
        }
        if let Some(order_id) = filter.order_id {
            conditions.push(("order_id = $n", Box::new(order_id.to_string())));
        }
        if let Some(target) = filter.target {
            conditions.push(("target = $n", Box::new(target)));
        }
        if !filter.statuses.is_empty() {
            let are_open = !filter.statuses.contains(&NotificationStatus::Delivered);
            // Names the condition of the partial index that has their rows.
            let found_by = if are_open { "status = ANY($n) AND status <> 'delivered'" } else { "status = ANY($n)" };
            conditions.push((found_by, Box::new(filter.statuses)));
        }
        self.readers.page(LISTED, 0, conditions, page, read)
    }

    fn external_payment(
        &self,
        id: ExternalPaymentId,
    ) -> BoxFuture<'static, Result<Option<ExternalPayment>, StoreError>> {
        self.readers.find(EXTERNAL, vec![Box::new(id)], read_external)
    }

    fn paid_user(&self, id: GivenId) -> BoxFuture<'static, Result<Option<PaidUser>, StoreError>> {
        match super::codec::to_json(&id) {
            Ok(id) => self.readers.find(USER, vec![Box::new(id)], read_user),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}
