//! What the simulated payment provider and carrier answer: a pure function of an order's script.
//!
//! The script comes with the order (`simulate` in `POST /orders`), so that a failure of any step can
//! be provoked without editing code. Where the script names a delay, [`crate::providers`] waits it
//! out; the answer is the same.

use super::{call::Said, field::FieldErrors, payment::Provider, reason::Reason, reference::Named, shipment::Carrier};
use serde::{Deserialize, Serialize};

/// Longest simulated delay, in milliseconds.
const MAX_DELAY_MS: u32 = 60_000;

/// What one simulated participant does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// How it misbehaves; `None` succeeds at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// How long the outside call takes, 0 to 60,000 ms. 0 means there is no call, but for a direct order: the answer is
    /// decided inside the participant's own batch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(delay_ms: &u32) -> bool {
    *delay_ms == 0
}

/// How a simulated participant misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A business no: the payment is declined, the shipment fails.
    Reject,
    /// It happens, but the first answer is lost.
    Timeout,
    /// The first attempt fails without effect.
    ErrorOnce,
    /// The participant's actor panics on the command, once.
    Panic,
}

/// The scripts of one order's simulated participants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// The stock participant's script: a panic, or nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stock: Script,
    /// The payment provider's script.
    #[serde(default, skip_serializing_if = "is_default")]
    pub payment: Script,
    /// The carrier's script.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shipping: Script,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_default(script: &Script) -> bool {
    *script == Script::default()
}

impl Simulation {
    /// Whether the order asks for nothing special.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Names what is to be simulated of somebody who is not the simulation: it would not be.
    pub fn check_simulated(&self, provider: Provider, carrier: Carrier, errors: &mut FieldErrors) {
        let mut refuse = |script: Script, name: &str, by: &str| {
            let field =
                if script.fault.is_some() { format!("simulate.{name}") } else { format!("simulate.{name}_delay_ms") };
            errors.add(field, format!("cannot be simulated: {by} is not the simulation; leave it out"));
        };
        if provider != Provider::Simulated && self.payment != Script::default() {
            refuse(self.payment, "payment", provider.as_str());
        }
        if !carrier.is_simulated() && self.shipping != Script::default() {
            refuse(self.shipping, "shipping", carrier.as_str());
        }
    }

    /// Names the delays that are too long, as an order's client knows them.
    pub fn check(&self, errors: &mut FieldErrors) {
        self.payment.check("simulate.payment_delay_ms", errors);
        self.shipping.check("simulate.shipping_delay_ms", errors);
    }
}

/// What an outside call came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallAnswer {
    /// It happened.
    Done,
    /// It happened, and this is what the service calls it.
    DoneAs(Named),
    /// A business no; it did not happen and will not.
    Rejected(Reason),
    /// It will not be undone, the service says, or cannot be asked to undo it; it is asked again all the same.
    Refused(Said),
    /// No usable answer. `happened` says what the simulated world knows and the caller cannot.
    Unknown {
        /// Whether the effect took place although nobody heard of it.
        happened: bool,
        /// What went wrong.
        error: Said,
    },
}

impl Script {
    /// Names a delay that is too long by the field that has it.
    pub fn check(self, field: &str, errors: &mut FieldErrors) {
        if self.delay_ms > MAX_DELAY_MS {
            errors.add(field, format!("must be from 0 to {MAX_DELAY_MS}, is {}", self.delay_ms));
        }
    }

    /// The answer to attempt `attempt` (from 1) of an action with one idempotency key: after the
    /// first attempt the fault is over, and an effect that already took place is answered again.
    pub fn answer(self, attempt: u32, rejected: Reason) -> CallAnswer {
        match self.fault {
            Some(Fault::Reject) => CallAnswer::Rejected(rejected),
            Some(Fault::Timeout) if attempt <= 1 => {
                CallAnswer::Unknown { happened: true, error: "simulated timeout: no answer".into() }
            }
            Some(Fault::ErrorOnce) if attempt <= 1 => {
                CallAnswer::Unknown { happened: false, error: "simulated error".into() }
            }
            _ => CallAnswer::Done,
        }
    }
}
