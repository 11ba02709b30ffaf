//! What stands open, counted.

use crate::{
    role::{Role, Roles},
    store::{
        Census, OpenNotifications, OpenSagas,
        census::{NOTIFICATIONS, SAGAS},
    },
};
use rusqlite::Connection;

pub(super) fn count(conn: &Connection, owners: Roles) -> rusqlite::Result<Census> {
    let mut census = Census::default();
    if owners.contains(Role::Coordinator) {
        let mut sagas = Vec::new();
        for sql in SAGAS {
            let mut statement = conn.prepare_cached(sql)?;
            let found = statement.query_map([], |row| {
                let count = row.get::<_, i64>(1)?.unsigned_abs();
                Ok(OpenSagas { status: row.get(0)?, count, oldest: row.get(2)?, due: row.get(3)? })
            })?;
            sagas.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
        }
        census.sagas = Some(sagas);
    }
    if owners.contains(Role::Payment) {
        let mut statement = conn.prepare_cached(NOTIFICATIONS)?;
        let found = statement.query_map([], |row| {
            let count = row.get::<_, i64>(2)?.unsigned_abs();
            Ok(OpenNotifications { target: row.get(0)?, failed: row.get(1)?, count, oldest: row.get(3)? })
        })?;
        census.notifications = Some(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(census)
}
