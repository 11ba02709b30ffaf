//! What the walk along old sagas looks up and writes.

use super::{Tx, columns_of};
use crate::{
    domain::{ids::SagaId, time::Timestamp},
    store::{
        commands::{CommandError, Found, Portion, RetentionRows},
        postgres::codec::{Unreadable, get},
    },
};
use tokio_postgres::Row;
use uuid::Uuid;

/// When a saga that ended well did so; NULL for every other.
macro_rules! ended {
    () => {
        "CASE WHEN s.status = 'completed' OR s.status = 'compensated' THEN s.finished_at END"
    };
}

/// Takes notes out, and says what became of their sagas.
const TAKE_NOTED: &str = concat!(
    "WITH due AS (SELECT since, saga_id FROM saga_passed_over WHERE since < $1 ORDER BY since, saga_id LIMIT $2), \
     taken AS (DELETE FROM saga_passed_over p USING due d WHERE p.since = d.since AND p.saga_id = d.saga_id \
     RETURNING p.since, p.saga_id) SELECT s.id, ",
    ended!(),
    " FROM taken t JOIN saga_saga s ON s.id = t.saga_id ORDER BY t.since, t.saga_id"
);

const AHEAD: &str =
    concat!("SELECT s.id, ", ended!(), ", s.created_at FROM saga_saga s WHERE s.id > $1 ORDER BY s.id LIMIT $2");

fn found(row: &Row) -> Result<Found, Unreadable> {
    Ok(Found { id: get(row, 0)?, ended: get(row, 1)? })
}

fn rows_of(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl RetentionRows for Tx<'_> {
    fn oldest_saga_key(&self) -> Result<Option<Timestamp>, CommandError> {
        let rows = self.ask("SELECT created_at FROM saga_idempotency ORDER BY created_at LIMIT 1", Vec::new())?;
        self.readable(rows.first().map(|row| get(row, 0)).transpose())
    }

    fn reached(&self) -> Result<Option<SagaId>, CommandError> {
        // One node walks at a time: the row is there from the first portion on, and locked.
        let rows = self.ask("SELECT reached FROM saga_retention FOR UPDATE", Vec::new())?;
        self.readable(rows.first().map(|row| get(row, 0)).transpose())
    }

    fn take_noted(&self, before: Timestamp, most: usize) -> Result<Vec<Found>, CommandError> {
        self.flush()?;
        let rows = self.run(TAKE_NOTED, vec![Box::new(before), Box::new(rows_of(most))])?;
        self.readable(rows.iter().map(found).collect())
    }

    fn ahead(&self, reached: Option<SagaId>, before: Timestamp, most: usize) -> Result<Vec<Found>, CommandError> {
        let reached = reached.map_or(Uuid::nil(), SagaId::uuid);
        let rows = self.ask(AHEAD, vec![Box::new(reached), Box::new(rows_of(most))])?;
        let mut old = Vec::new();
        for row in &rows {
            let created_at: Timestamp = self.readable(get(row, 2))?;
            if created_at >= before {
                break;
            }
            old.push(self.readable(found(row))?);
        }
        Ok(old)
    }

    fn save_portion(&self, portion: &Portion) -> Result<(), CommandError> {
        let Portion { removed, passed_over, reached, before } = portion;
        // Another node may have come by at the same time: counted is what was there.
        let mut gone = 0;
        if !removed.is_empty() {
            self.run("DELETE FROM saga_log WHERE saga_id = ANY($1)", vec![Box::new(removed.clone())])?;
            let sql = "DELETE FROM saga_saga WHERE id = ANY($1) RETURNING 1";
            gone = self.run(sql, vec![Box::new(removed.clone())])?.len();
        }
        if !passed_over.is_empty() {
            self.run(
                "INSERT INTO saga_passed_over (since, saga_id) SELECT * FROM unnest($1::bigint[], $2::uuid[]) \
                 ON CONFLICT DO NOTHING",
                columns_of!(passed_over, |pair| pair.0, pair.1),
            )?;
        }
        let until = if removed.is_empty() { Timestamp::from_millis(0) } else { *before };
        self.run(
            "INSERT INTO saga_retention AS r (one, reached, ended_before, removed) VALUES (1, $1, $2, $3) \
             ON CONFLICT (one) DO UPDATE SET reached = $1, ended_before = greatest(r.ended_before, $2), \
             removed = r.removed + $3",
            vec![Box::new(*reached), Box::new(until), Box::new(rows_of(gone))],
        )
        .map(drop)
    }
}
