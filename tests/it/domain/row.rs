//! One participant's row, for tests that send it commands one after the other.

use super::given::at;
use backstitch::domain::{
    aggregate::Aggregate,
    order::{Order, OrderCommand},
    payment::{Movement, MovementKind, Payment, PaymentAnswer, PaymentCommand, Payments},
    saga::Outcome,
    shipment::{Shipping, ShippingAnswer, ShippingCommand},
    time::Timestamp,
};

/// A row and its ledger, saved after each command as a backend would.
#[derive(Clone, Debug)]
pub(super) struct Row<A: Aggregate> {
    pub(super) stored: Option<A>,
    pub(super) movements: Vec<A::Movement>,
    pub(super) now: Timestamp,
    /// Commands that changed something.
    pub(super) changes: u32,
}

impl<A: Aggregate> Default for Row<A> {
    fn default() -> Self {
        Self { stored: None, movements: Vec::new(), now: at(0), changes: 0 }
    }
}

impl<A: Aggregate> Row<A> {
    pub(super) fn send(&mut self, command: &A::Command) -> A::Answer {
        let decision = A::decide(self.stored.as_ref(), command, self.now);
        if let Some(row) = decision.row {
            self.stored = Some(row);
            self.changes += 1;
        } else {
            assert!(decision.movements.is_empty(), "money moves only with a change of the row");
        }
        self.movements.extend(decision.movements);
        decision.answer
    }

    pub(super) fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    pub(super) fn get(&self) -> &A {
        self.stored.as_ref().expect("there is a row")
    }
}

impl Row<Order> {
    pub(super) fn after(commands: &[OrderCommand]) -> Self {
        let mut row = Self::default();
        for command in commands {
            row.send(command);
        }
        row
    }
}

impl Row<Payments> {
    pub(super) fn after(commands: &[PaymentCommand]) -> Self {
        let mut row = Self::default();
        for command in commands {
            row.send(command);
        }
        row
    }

    pub(super) fn ask(&mut self, command: &PaymentCommand) -> Outcome {
        self.send(command).outcome
    }

    /// The current payment.
    pub(super) fn payment(&self) -> &Payment {
        self.get().current()
    }

    /// Captures and refunds so far.
    pub(super) fn moved(&self) -> (usize, usize) {
        let count = |kind| self.movements.iter().filter(|movement: &&Movement| movement.kind == kind).count();
        (count(MovementKind::Capture), count(MovementKind::Refund))
    }
}

impl Row<Shipping> {
    pub(super) fn after(commands: &[ShippingCommand]) -> Self {
        let mut row = Self::default();
        for command in commands {
            row.send(command);
        }
        row
    }

    pub(super) fn ask(&mut self, command: &ShippingCommand) -> Outcome {
        self.send(command).outcome
    }
}

/// What two answers to the same command must have in common.
pub(super) trait SameAnswer {
    fn same(&self) -> String;
}

impl SameAnswer for Outcome {
    fn same(&self) -> String {
        format!("{self:?}")
    }
}

impl SameAnswer for PaymentAnswer {
    fn same(&self) -> String {
        let shown = self.result.as_ref().map(|(payment, _)| payment);
        format!("{:?} {shown:?}", self.outcome)
    }
}

impl SameAnswer for ShippingAnswer {
    fn same(&self) -> String {
        format!("{:?} {:?}", self.outcome, self.shipping)
    }
}

/// Sends `command` twice more, later: the answers agree with each other and nothing changes.
pub(super) fn assert_repeats<A: Aggregate<Answer: SameAnswer>>(row: &Row<A>, command: &A::Command, what: &str) {
    let mut row = row.clone_rows();
    let first = row.send(command).same();
    let (changes, movements) = (row.changes, row.movements.len());
    row.now = row.now.plus_millis(5);
    for _ in 0..2 {
        assert_eq!(row.send(command).same(), first, "{what}: the same answer");
        assert_eq!((row.changes, row.movements.len()), (changes, movements), "{what}: no new change");
    }
}

impl<A: Aggregate> Row<A> {
    /// The row without its ledger's past, which no decision may look at.
    fn clone_rows(&self) -> Self {
        Self { stored: self.stored.clone(), movements: Vec::new(), now: self.now, changes: 0 }
    }
}
