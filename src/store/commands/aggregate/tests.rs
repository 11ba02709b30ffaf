//! A decision that panics, with an aggregate made for it.

use super::*;
use crate::domain::saga::Outcome;
use std::{cell::RefCell, collections::HashMap};
use uuid::Uuid;

/// Counts, and panics when it is told to.
#[derive(Clone, Debug)]
struct Counter {
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
            Count::Up(_) => {
                let count = row.map_or(0, |row| row.count) + 1;
                Decision::changed(Self { count }, count)
            }
            Count::Panic(_) => panic!("cannot count that"),
        }
    }
}

/// Rows in memory.
#[derive(Default)]
struct InMemory(RefCell<HashMap<OrderId, Versioned<Counter>>>);

impl Rows<Counter> for InMemory {
    fn kept(&self, _order: OrderId) -> Option<Kept<Counter>> {
        None
    }

    fn rely(&self, _order: OrderId) -> bool {
        false
    }

    fn load(&self, order: OrderId) -> Result<Option<Versioned<Counter>>, CommandError> {
        Ok(self.0.borrow().get(&order).cloned())
    }

    fn insert(&self, order: OrderId, row: Counter) -> Result<bool, CommandError> {
        Ok(self.0.borrow_mut().insert(order, Versioned { row, version: 1 }).is_none())
    }

    fn update(&self, order: OrderId, row: Counter, loaded: i64) -> Result<bool, CommandError> {
        let replaced = self.0.borrow_mut().insert(order, Versioned { row, version: loaded + 1 });
        Ok(replaced.is_some_and(|replaced| replaced.version == loaded))
    }

    fn append(&self, _movement: &()) -> Result<(), CommandError> {
        Ok(())
    }

    fn find_claim(&self, _claim: &Claim) -> Result<Option<Claimed>, CommandError> {
        Ok(None)
    }

    fn keep_claim(&self, _claim: &Claim, _order: OrderId, _part: usize) -> Result<(), CommandError> {
        Ok(())
    }

    fn outstanding(&self, _after: Option<OrderId>, _limit: u32) -> Result<Vec<Counter>, CommandError> {
        Ok(Vec::new())
    }
}

fn order() -> OrderId {
    OrderId::from_uuid(Uuid::now_v7())
}

/// Runs the commands one after the other: how far each has counted, or `None` where it is poisoned.
fn run(rows: &InMemory, commands: &[Count]) -> Vec<Option<i64>> {
    let run = |command: &Count| {
        let now = Timestamp::from_millis(1_700_000_000_000);
        match run_one(rows, &Severed::default(), now, &Keyed::from(*command)) {
            Ok(Executed::Decided(count)) => Some(count),
            Err(CommandError::Failed(StoreError::Poisoned(why))) => {
                assert!(why.contains("cannot count that"), "{why}");
                None
            }
            other => panic!("{other:?}"),
        }
    };
    commands.iter().map(run).collect()
}

#[test]
fn a_decision_that_panics_poisons_its_own_command_and_writes_nothing() {
    let rows = InMemory::default();
    let (one, two) = (order(), order());
    let commands =
        [Count::Up(one), Count::Panic(two), Count::Up(one), Count::Panic(one), Count::Up(two), Count::Up(one)];
    assert_eq!(run(&rows, &commands), [Some(1), None, Some(2), None, Some(1), Some(3)]);
}
