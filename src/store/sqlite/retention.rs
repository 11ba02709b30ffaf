//! What the walk along old sagas looks up and writes in SQLite.

use super::{saga::forget_recent, tx::Tx};
use crate::{
    domain::{ids::SagaId, time::Timestamp},
    store::{
        Watermark,
        commands::{CommandError, Found, Portion, RetentionRows},
    },
};
use rusqlite::{Connection, OptionalExtension, Row};

/// When a saga that ended well did so; NULL for every other. Names its own columns of `saga_saga`.
macro_rules! ended {
    () => {
        "CASE WHEN status = 'completed' OR status = 'compensated' THEN finished_at END"
    };
}

/// Which sagas have been removed so far.
pub(super) fn watermark(conn: &Connection) -> rusqlite::Result<Option<Watermark>> {
    conn.prepare_cached("SELECT ended_before, removed FROM saga_retention WHERE removed > 0")?
        .query_row([], |row| Ok(Watermark { ended_before: row.get(0)?, sagas: row.get::<_, i64>(1)?.unsigned_abs() }))
        .optional()
}

impl RetentionRows for Tx<'_, '_> {
    fn oldest_saga_key(&self) -> Result<Option<Timestamp>, CommandError> {
        Ok(self.row("SELECT created_at FROM saga_idempotency ORDER BY rowid LIMIT 1", [], |row| row.get(0))?)
    }

    fn reached(&self) -> Result<Option<SagaId>, CommandError> {
        Ok(self.row("SELECT reached FROM saga_retention", [], |row| row.get(0))?)
    }

    fn take_noted(&self, before: Timestamp, most: usize) -> Result<Vec<Found>, CommandError> {
        let sql = concat!(
            "SELECT s.id, ",
            ended!(),
            ", p.since FROM saga_passed_over p CROSS JOIN saga_saga s ON s.id = p.saga_id WHERE p.since < ?1 \
             ORDER BY p.since, p.saga_id"
        );
        let due = self.query(sql, [before], |rows| {
            let mut due: Vec<(Found, Timestamp)> = Vec::new();
            while due.len() < most
                && let Some(row) = rows.next()?
            {
                due.push((found(row)?, row.get(2)?));
            }
            Ok(due)
        })?;
        let take = |(saga, since): (Found, Timestamp)| {
            self.run("DELETE FROM saga_passed_over WHERE since = ?1 AND saga_id = ?2", (since, saga.id))?;
            Ok(saga)
        };
        due.into_iter().map(take).collect()
    }

    fn ahead(&self, reached: Option<SagaId>, before: Timestamp, most: usize) -> Result<Vec<Found>, CommandError> {
        let sql =
            concat!("SELECT id, ", ended!(), ", created_at FROM saga_saga WHERE id > coalesce(?1, x'') ORDER BY id");
        let ahead = self.query(sql, [reached], |rows| {
            let mut old = Vec::new();
            // The rows come one by one: those that are too young are not read.
            while old.len() < most
                && let Some(row) = rows.next()?
                && row.get::<_, Timestamp>(2)? < before
            {
                old.push(found(row)?);
            }
            Ok(old)
        });
        Ok(ahead?)
    }

    fn save_portion(&self, portion: &Portion) -> Result<(), CommandError> {
        let Portion { removed, passed_over, reached, before } = portion;
        for id in removed {
            self.run("DELETE FROM saga_log WHERE saga_id = ?1", [id])?;
            self.run("DELETE FROM saga_saga WHERE id = ?1", [id])?;
            forget_recent(self, *id);
        }
        for (since, id) in passed_over {
            self.run("INSERT INTO saga_passed_over (since, saga_id) VALUES (?1, ?2)", (since, id))?;
        }
        let until = if removed.is_empty() { Timestamp::from_millis(0) } else { *before };
        self.run(
            "INSERT INTO saga_retention (only, reached, ended_before, removed) VALUES (1, ?1, ?2, ?3) \
             ON CONFLICT (only) DO UPDATE SET reached = ?1, ended_before = max(ended_before, ?2), \
             removed = removed + ?3",
            (reached, until, i64::try_from(removed.len()).unwrap_or(i64::MAX)),
        )?;
        Ok(())
    }
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found { id: row.get(0)?, ended: row.get(1)? })
}
