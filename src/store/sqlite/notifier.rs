//! What the notifier owns, in SQLite: notifications, users who have paid, and payments for orders of other services.

use super::{
    Sqlite,
    codec::{from_json, is_unreadable, to_json},
    readers::{Condition, List, Walk, name_list},
    tx::{Tx, command_error},
};
use crate::{
    domain::{
        ids::NotificationId,
        money::Currency,
        notifier::{
            ExternalPayment, ExternalPaymentId, GivenId, Notification, NotificationStatus, NotifierCommand, PaidUser,
            PayExternal, TargetName, UNREADABLE,
        },
        time::Timestamp,
    },
    store::{
        Answers, Claim, Claimed, Commands, Keyed, NotificationFilter, NotifierAnswer, NotifierQueries, Page,
        StoreError,
        commands::{CommandError, NotifierClaimed, NotifierRows, NotifierRunner, expect_written},
    },
};
use futures::future::BoxFuture;
use rusqlite::{OptionalExtension, Row};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "id, target, about, status, attempts, next_attempt_at, claimed_until, last_status, last_error, delivered_at, \
         created_at, updated_at"
    };
}

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM payment_notification WHERE id = ?1");
const USER: &str = "SELECT user_id, order_id, payment_id, created_at, updated_at FROM payment_user WHERE user_id = ?1";

const EXTERNAL: &str = "SELECT id, order_id, user_id, amount, currency, created_at FROM payment_external WHERE id = ?1";

fn read(row: &Row<'_>) -> rusqlite::Result<Notification> {
    Ok(Notification {
        id: row.get(0)?,
        target: row.get(1)?,
        about: from_json(2, row.get_ref(2)?.as_str()?)?,
        status: row.get(3)?,
        attempts: row.get(4)?,
        next_attempt_at: row.get(5)?,
        claimed_until: row.get(6)?,
        last_status: row.get(7)?,
        last_error: row.get(8)?,
        delivered_at: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
    })
}

fn read_user(row: &Row<'_>) -> rusqlite::Result<PaidUser> {
    let given = |column: usize| -> rusqlite::Result<Option<GivenId>> {
        row.get_ref(column)?.as_str_or_null()?.map(|text| from_json(column, text)).transpose()
    };
    Ok(PaidUser {
        user_id: from_json(0, row.get_ref(0)?.as_str()?)?,
        order_id: given(1)?,
        payment_id: given(2)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
    })
}

fn read_external(row: &Row<'_>) -> rusqlite::Result<ExternalPayment> {
    Ok(ExternalPayment {
        id: row.get(0)?,
        order_id: from_json(1, row.get_ref(1)?.as_str()?)?,
        user_id: from_json(2, row.get_ref(2)?.as_str()?)?,
        amount: row.get(3)?,
        currency: row.get(4)?,
        created_at: row.get(5)?,
    })
}

impl NotifierRows for Tx<'_, '_> {
    fn add_notification(&self, notification: Notification) -> Result<(), CommandError> {
        let Notification { id, target, about, status, next_attempt_at, created_at, updated_at, .. } = notification;
        let written = self.run(
            "INSERT INTO payment_notification (id, target, event, payment_id, order_id, about, status, attempts, \
             next_attempt_at, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10)",
            (
                id,
                target,
                about.status,
                about.payment_id.to_string(),
                about.order_id.to_string(),
                to_json(&about)?,
                status,
                next_attempt_at,
                created_at,
                updated_at,
            ),
        )?;
        expect_written(written == 1)
    }

    fn claim_due(&self, target: TargetName, until: Timestamp, limit: u32) -> Result<Claimed, CommandError> {
        let due = self.rows(
            concat!(
                "SELECT ",
                columns!(),
                " FROM payment_notification WHERE target = ?1 AND next_attempt_at <= ?2 \
                 AND (claimed_until IS NULL OR claimed_until <= ?2) ORDER BY next_attempt_at LIMIT ?3"
            ),
            (target, self.now(), limit),
            |row| Ok((row.get::<_, NotificationId>(0)?, read(row))),
        )?;
        let mut claimed = Claimed::default();
        for (id, row) in due {
            match row {
                Ok(row) => {
                    self.run("UPDATE payment_notification SET claimed_until = ?2 WHERE id = ?1", (id, until))?;
                    claimed.notifications.push(Notification { claimed_until: Some(until), ..row });
                }
                Err(error) if is_unreadable(&error) => {
                    self.run(
                        "UPDATE payment_notification SET status = ?2, next_attempt_at = NULL, claimed_until = NULL, \
                         last_error = ?3, updated_at = ?4 WHERE id = ?1",
                        (id, NotificationStatus::Failed, UNREADABLE, self.now()),
                    )?;
                    claimed.unreadable.push(id);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(claimed)
    }

    fn notification(&self, id: NotificationId) -> Result<Option<Notification>, CommandError> {
        self.row(BY_ID, [id], read).map_err(|error| command_error(&error))
    }

    fn save_notification(&self, notification: &Notification) -> Result<(), CommandError> {
        let written = self.run(
            "UPDATE payment_notification SET status = ?2, attempts = ?3, next_attempt_at = ?4, claimed_until = ?5, \
             last_status = ?6, last_error = ?7, delivered_at = ?8, updated_at = ?9 WHERE id = ?1",
            (
                notification.id,
                notification.status,
                notification.attempts,
                notification.next_attempt_at,
                notification.claimed_until,
                notification.last_status,
                &notification.last_error,
                notification.delivered_at,
                notification.updated_at,
            ),
        )?;
        expect_written(written == 1)
    }

    fn paid_user(&self, id: &GivenId) -> Result<Option<PaidUser>, CommandError> {
        self.row(USER, [to_json(id)?], read_user).map_err(|error| command_error(&error))
    }

    fn save_user(&self, user: &PaidUser) -> Result<(), CommandError> {
        let PaidUser { user_id, order_id, payment_id, created_at, updated_at } = user;
        let [order_id, payment_id] = [order_id, payment_id].map(|id| id.as_ref().map(to_json).transpose());
        self.run(
            "INSERT INTO payment_user (user_id, order_id, payment_id, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (user_id) DO UPDATE SET order_id = ?2, payment_id = ?3, \
             updated_at = ?5",
            (to_json(user_id)?, order_id?, payment_id?, created_at, updated_at),
        )?;
        Ok(())
    }

    fn add_external(&self, pay: &PayExternal) -> Result<ExternalPayment, CommandError> {
        let PayExternal { order_id, user_id, amount, .. } = pay;
        let (currency, created_at) = (Currency::default(), self.now());
        let id = self.insert(
            "INSERT INTO payment_external (order_id, user_id, amount, currency, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (to_json(order_id)?, to_json(user_id)?, amount, currency, created_at),
        )?;
        let (order_id, user_id) = (order_id.clone(), user_id.clone());
        Ok(ExternalPayment { id, order_id, user_id, amount: *amount, currency, created_at })
    }

    fn external_payment(&self, id: ExternalPaymentId) -> Result<Option<ExternalPayment>, CommandError> {
        self.row(EXTERNAL, [id], read_external).map_err(|error| command_error(&error))
    }

    fn find_notifier_claim(&self, claim: &Claim) -> Result<Option<NotifierClaimed>, CommandError> {
        Ok(self.row(
            "SELECT made, body_hash, request_id FROM payment_notifier_idempotency WHERE scope = ?1 AND key = ?2",
            (&claim.scope, &claim.key),
            |row| {
                let request_id = Uuid::from_bytes(row.get(2)?);
                Ok(NotifierClaimed { made: row.get(0)?, body_hash: row.get(1)?, request_id })
            },
        )?)
    }

    fn keep_notifier_claim(&self, claim: &Claim, made: &str) -> Result<(), CommandError> {
        self.run(
            "INSERT INTO payment_notifier_idempotency (scope, key, body_hash, request_id, made, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (&claim.scope, &claim.key, claim.body_hash, claim.request_id.as_bytes(), made, self.now()),
        )?;
        Ok(())
    }
}

impl Commands<NotifierCommand, NotifierAnswer> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<NotifierCommand>>) -> BoxFuture<'static, Answers<NotifierAnswer>> {
        self.queue.execute::<NotifierRunner>(commands)
    }
}

impl NotifierQueries for Sqlite {
    fn notification(&self, id: NotificationId) -> BoxFuture<'static, Result<Option<Notification>, StoreError>> {
        self.readers.look_up(|conn| conn.prepare_cached(BY_ID)?.query_row([id], read).optional())
    }

    fn notifications(
        &self,
        filter: NotificationFilter,
        page: Page<NotificationId>,
    ) -> BoxFuture<'static, Result<Vec<Notification>, StoreError>> {
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(payment_id) = filter.payment_id {
            conditions.push(("payment_id = ?", Box::new(payment_id.to_string())));
        }
        if let Some(order_id) = filter.order_id {
            conditions.push(("order_id = ?", Box::new(order_id.to_string())));
        }
        if let Some(target) = filter.target {
            conditions.push(("target = ?", Box::new(target)));
        }
        let select = concat!("SELECT ", columns!(), " FROM payment_notification");
        let mut walk = Walk { list: List { select, key: "id", order: "id DESC" }, conditions, one_of: Vec::new() };
        if filter.statuses.contains(&NotificationStatus::Delivered) {
            // Most are: those that are not are met on the way.
            let names = name_list(filter.statuses.iter().map(<&str>::from));
            walk.conditions.push(("status IN (SELECT value FROM json_each(?))", Box::new(names)));
        } else {
            // Names the condition of the partial index that has their rows.
            let found_by = |status: &NotificationStatus| -> Condition {
                ("status = ? AND status <> 'delivered'", Box::new(*status))
            };
            walk.one_of = filter.statuses.iter().map(found_by).collect();
        }
        self.readers.read_walks(vec![walk], page, read)
    }

    fn external_payment(
        &self,
        id: ExternalPaymentId,
    ) -> BoxFuture<'static, Result<Option<ExternalPayment>, StoreError>> {
        self.readers.look_up(|conn| conn.prepare_cached(EXTERNAL)?.query_row([id], read_external).optional())
    }

    fn paid_user(&self, id: GivenId) -> BoxFuture<'static, Result<Option<PaidUser>, StoreError>> {
        self.readers.look_up(|conn| conn.prepare_cached(USER)?.query_row([to_json(&id)?], read_user).optional())
    }
}
