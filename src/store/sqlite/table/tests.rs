//! A decision that panics, with an aggregate made for it.

use super::*;
use crate::{
    domain::{saga::Outcome, time::Timestamp},
    lifecycle::Fatal,
    store::{Answers, Stats, sqlite::writer::Writer},
};
use rusqlite::Connection;
use std::sync::Arc;
use uuid::Uuid;

/// Counts, and panics when it is told to.
#[derive(Clone, Debug)]
struct Counter {
    order: OrderId,
    count: i64,
}

#[derive(Clone, Copy)]
enum Count {
    Up(OrderId),
    Panic(OrderId),
}

impl Aggregate for Counter {
    type Command = Count;
    type Answer = i64;
    type Movement = ();

    fn order(command: &Count) -> OrderId {
        match command {
            Count::Up(order) | Count::Panic(order) => *order,
        }
    }

    fn begins(_command: &Count) -> bool {
        false
    }

    fn outcome(_answer: i64) -> Outcome {
        Outcome::DONE
    }

    #[expect(clippy::panic, reason = "that is the test")]
    fn decide(row: Option<&Self>, command: &Count, _now: Timestamp) -> Decision<Self> {
        match command {
            Count::Up(order) => {
                let count = row.map_or(0, |row| row.count) + 1;
                Decision::changed(Self { order: *order, count }, count)
            }
            Count::Panic(_) => panic!("cannot count that"),
        }
    }
}

impl Table for Counter {
    const LOAD: &'static str = "SELECT id, count, version FROM counter WHERE id = ?1";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { order: row.get(0)?, count: row.get(1)? })
    }

    fn insert(&self, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        tx.run("INSERT INTO counter (id, count, version) VALUES (?1, ?2, 1)", (self.order, self.count))
    }

    fn update(&self, tx: &Tx<'_, '_>, loaded: i64) -> rusqlite::Result<usize> {
        let sql = "UPDATE counter SET count = ?3, version = version + 1 WHERE id = ?1 AND version = ?2";
        tx.run(sql, (self.order, loaded, self.count))
    }
}

fn writer() -> (Writer, Arc<Stats>, Fatal) {
    let conn = Connection::open_in_memory().expect("a database");
    conn.execute_batch("CREATE TABLE counter (id BLOB PRIMARY KEY, count INTEGER, version INTEGER)").expect("a table");
    let (stats, fatal) = (Arc::new(Stats::default()), Fatal::default());
    (Writer::start(conn, 64, Arc::default(), Arc::clone(&stats), &fatal), stats, fatal)
}

fn order() -> OrderId {
    OrderId::from_uuid(Uuid::now_v7())
}

async fn run(writer: &Writer, commands: &[Count]) -> Answers<Executed<Counter>> {
    writer.execute::<Runner<Counter>>(commands.iter().map(|command| Keyed::from(*command)).collect()).await
}

fn counts(answers: Answers<Executed<Counter>>) -> Vec<Option<i64>> {
    let count = |answer| match answer {
        Ok(Executed::Decided(count)) => Some(count),
        Err(StoreError::Poisoned(why)) => {
            assert!(why.contains("cannot count that"), "{why}");
            None
        }
        other => panic!("{other:?}"),
    };
    answers.into_iter().map(count).collect()
}

#[actix::test]
async fn a_decision_that_panics_poisons_its_own_command_and_the_others_succeed() {
    let (writer, stats, fatal) = writer();
    let (one, two) = (order(), order());
    let batch = [Count::Up(one), Count::Panic(two), Count::Up(one), Count::Panic(one), Count::Up(two), Count::Up(one)];
    assert_eq!(counts(run(&writer, &batch).await), [Some(1), None, Some(2), None, Some(1), Some(3)]);
    // The writer has neither died nor run anything twice.
    assert_eq!(counts(run(&writer, &[Count::Up(one), Count::Up(two)]).await), [Some(4), Some(2)]);
    assert_eq!((Stats::get(&stats.reruns), fatal.reason()), (0, None));
}

#[actix::test]
async fn panics_alone_leave_nothing_behind() {
    let (writer, stats, _) = writer();
    let one = order();
    assert_eq!(counts(run(&writer, &[Count::Panic(one)]).await), [None]);
    assert_eq!(counts(run(&writer, &[Count::Up(one)]).await), [Some(1)]);
    assert_eq!(Stats::get(&stats.reruns), 0);
}
