//! An order's payments while a command is being decided: how money comes and goes back, and how a hold ends.

use super::{
    Movement, MovementKind, Payment, PaymentAnswer, PaymentCall, PaymentRefusal, PaymentStatus, Payments, Provider,
    Terms,
};
use crate::domain::{
    aggregate::{Decision, Outgoing as _},
    ids::PaymentId,
    reason::Reason,
    reference::Reference,
    saga::Outcome,
    time::Timestamp,
};
use std::cmp::Ordering;

/// The payments while a command is being decided, and what goes with them.
pub(super) struct Draft<'a> {
    before: Option<&'a Payments>,
    rows: Option<Payments>,
    /// The place of the payment that the command acts on: the current one, unless it names another.
    part: usize,
    movements: Vec<Movement>,
    signal: bool,
    now: Timestamp,
}

impl<'a> Draft<'a> {
    pub(super) fn new(before: Option<&'a Payments>, now: Timestamp) -> Self {
        let part = before.map_or(0, |rows| rows.superseded().len());
        Self { before, rows: before.cloned(), part, movements: Vec::new(), signal: false, now }
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The current payment as it was before the command.
    #[cfg(feature = "planted-fault")]
    pub(super) fn before(&self) -> Option<&'a Payment> {
        self.before.map(Payments::current)
    }

    /// The payment that the command acts on, where there is one.
    pub(super) fn row(&mut self) -> Option<&mut Payment> {
        let part = self.part;
        self.rows.as_mut().map(|rows| rows.part_mut(part))
    }

    /// As [`Self::row`], to be looked at.
    pub(super) fn seen(&self) -> Option<&Payment> {
        self.rows.as_ref().map(|rows| rows.part(self.part))
    }

    /// The order's first payment.
    pub(super) fn open(&mut self, payment: Payment) {
        self.rows = Some(Payments::of(payment));
    }

    /// From here on the command acts on this payment.
    pub(super) fn act_on(&mut self, id: PaymentId) -> Result<(), PaymentRefusal> {
        let rows = self.rows.as_ref().ok_or(PaymentRefusal::NoPayment)?;
        self.part = rows.place_of(id).ok_or(PaymentRefusal::NotTheOrders)?;
        Ok(())
    }

    /// From here on the command acts on the payment that is called this outside; whether there is one.
    pub(super) fn act_on_called(&mut self, reference: &Reference) -> bool {
        let place = self
            .rows
            .as_ref()
            .and_then(|rows| rows.all().position(|payment| payment.reference.as_ref() == Some(reference)));
        self.part = place.unwrap_or(self.part);
        place.is_some()
    }

    /// From here on the command acts on the payment in this place; whether there is one.
    pub(super) fn act_on_part(&mut self, part: usize) -> bool {
        self.part = part;
        self.rows.as_ref().is_some_and(|rows| part <= rows.superseded().len())
    }

    /// The current payment, made from the saga's terms where there is none.
    pub(super) fn adopt(&mut self, terms: &Terms) -> &mut Payment {
        let (now, part) = (self.now, self.part);
        let rows = self.rows.get_or_insert_with(|| Payments::of(Payment::open(terms, now)));
        rows.all_mut().for_each(|row| row.heed(terms.retries));
        let row = rows.part_mut(part);
        if row.saga_id.is_none() {
            row.saga_id = Some(terms.saga_id);
            row.deadline_at = Some(now.plus_millis(terms.deadline_ms));
        }
        row
    }

    /// Takes the current payment up again for terms of its own revision, made from them where there is none. For
    /// those of another, and for those from before the payment was held, `Err` has the answer: nothing changes.
    pub(super) fn take_up(&mut self, terms: &Terms) -> Result<(), Outcome> {
        if let Some(row) = self.seen() {
            match (terms.revision.cmp(&row.revision), row.outcome()) {
                (Ordering::Equal, _) if terms.amendment >= row.amendment => {}
                (Ordering::Less | Ordering::Equal, _) => {
                    let error = format!("the order has been edited since its revision {}", terms.revision);
                    return Err(Outcome::unknown(error));
                }
                (Ordering::Greater, Outcome::Pending { .. }) => return Err(Outcome::rejected(Reason::PaymentClosed)),
                (Ordering::Greater, outcome) => return Err(outcome),
            }
        }
        self.adopt(terms);
        self.lift();
        Ok(())
    }

    /// Ends a hold: money that came meanwhile pays a payment that is still open, and goes back otherwise.
    pub(super) fn lift(&mut self) {
        let Some(row) = self.row().filter(|row| row.held) else { return };
        row.held = false;
        if row.captured_at.is_some() {
            if row.status == PaymentStatus::Pending {
                row.status = PaymentStatus::Paid;
            } else {
                self.give_back();
            }
        }
    }

    /// Closes the held payment and opens another, for a later revision. Who takes the money stays: a client may
    /// have chosen it.
    pub(super) fn supersede(&mut self, terms: &Terms) {
        let now = self.now;
        let Some(old) = self.row() else { return };
        let (provider, amendment) = (old.provider, old.amendment);
        if old.status == PaymentStatus::Pending {
            old.close(PaymentStatus::Failed, Reason::PaymentSuperseded);
        }
        self.lift();
        if let Some(rows) = self.rows.as_mut() {
            rows.supersede(Payment { provider, amendment, ..Payment::open(terms, now) });
            self.part += 1;
        }
    }

    /// Money has come. For an open payment it pays; for a closed one it goes back; for a held one that is decided
    /// when the hold ends.
    pub(super) fn capture(&mut self) {
        let now = self.now;
        let Some(row) = self.row().filter(|row| row.captured_at.is_none()) else { return };
        row.captured_at = Some(now);
        row.answered();
        let (captured, held) = (row.movement(MovementKind::Capture, now), row.held);
        if !held && row.status == PaymentStatus::Pending {
            row.status = PaymentStatus::Paid;
            if row.direct {
                row.request(PaymentCall::MarkOrderPaid);
            }
        } else if !held {
            self.give_back();
        }
        self.movements.push(captured);
    }

    /// Sends captured money back. Late money always takes the outside way, so that its arrival is durable before anything
    /// else happens. What was paid by hand goes back by hand: nobody is called, and somebody reports it.
    pub(super) fn give_back(&mut self) {
        if let Some(row) = self.row() {
            row.status = PaymentStatus::Refunding;
            if row.provider == Provider::Manual {
                row.answered();
            } else {
                row.request(PaymentCall::Refund);
            }
        }
    }

    pub(super) fn refunded(&mut self) {
        let now = self.now;
        let Some(row) = self.row() else { return };
        row.status = PaymentStatus::Refunded;
        row.answered();
        let refunded = row.movement(MovementKind::Refund, now);
        self.movements.push(refunded);
    }

    /// A saga that waits for the payment should ask again. None waits for a superseded one, nor for a held one
    /// until whoever holds it has decided.
    pub(super) fn signal(&mut self) {
        let is_current = self.rows.as_ref().is_some_and(|rows| self.part == rows.superseded().len());
        self.signal = is_current && self.seen().is_some_and(|row| !row.held);
    }

    pub(super) fn finish(mut self, outcome: Outcome, result: Result<bool, PaymentRefusal>) -> Decision<Payments> {
        let changed = self.rows.as_ref() != self.before;
        if let Some(rows) = self.rows.as_mut().filter(|_| changed) {
            let mut before = self.before.into_iter().flat_map(Payments::all);
            for row in rows.all_mut() {
                if before.next() != Some(&*row) {
                    row.updated_at = self.now;
                }
            }
        }
        let answer = PaymentAnswer {
            outcome,
            signal: self.seen().filter(|_| self.signal).and_then(|row| row.saga_id),
            result: result
                .and_then(|opened| self.seen().map(|row| (row.clone(), opened)).ok_or(PaymentRefusal::NoPayment)),
            requested: self.rows.as_ref().map(|rows| Payments::requested(self.before, rows)).unwrap_or_default(),
            settled: self.rows.as_ref().map(|rows| rows.settled(self.before)).unwrap_or_default(),
            payments: self.rows.clone(),
        };
        Decision { row: self.rows.filter(|_| changed), movements: self.movements, answer }
    }
}

impl Payment {
    fn movement(&self, kind: MovementKind, at: Timestamp) -> Movement {
        Movement { order_id: self.order_id, payment_id: self.id, kind, amount: self.amount, at }
    }

    pub(super) fn close(&mut self, status: PaymentStatus, reason: Reason) {
        self.status = status;
        self.reason = Some(reason);
    }
}
