//! What stands open, counted.

use super::{codec::get, readers::QueryError};
use crate::{
    role::{Role, Roles},
    store::{
        Census, OpenNotifications, OpenSagas,
        census::{NOTIFICATIONS, SAGAS},
    },
};
use deadpool_postgres::Client;

pub(super) async fn count(client: &mut Client, owners: Roles) -> Result<Census, QueryError> {
    let mut census = Census::default();
    if owners.contains(Role::Coordinator) {
        let mut sagas = Vec::new();
        for sql in SAGAS {
            let statement = client.prepare_cached(sql).await?;
            for row in client.query(&statement, &[]).await? {
                let count = get::<i64>(&row, 1)?.unsigned_abs();
                sagas.push(OpenSagas { status: get(&row, 0)?, count, oldest: get(&row, 2)?, due: get(&row, 3)? });
            }
        }
        census.sagas = Some(sagas);
    }
    if owners.contains(Role::Payment) {
        let statement = client.prepare_cached(NOTIFICATIONS).await?;
        let mut notifications = Vec::new();
        for row in client.query(&statement, &[]).await? {
            let count = get::<i64>(&row, 2)?.unsigned_abs();
            notifications.push(OpenNotifications {
                target: get(&row, 0)?,
                failed: get(&row, 1)?,
                count,
                oldest: get(&row, 3)?,
            });
        }
        census.notifications = Some(notifications);
    }
    Ok(census)
}
