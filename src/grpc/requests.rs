//! From messages to what the domain and the store ask for. A number that no enum of this release knows is refused with
//! the field that has it, and so is what is no UUID.

use crate::proto::{self, LineRequest, ListSagasRequest, PaymentTerms, PlaceOrderRequest, SagaStatus};
use crate::{
    domain::{
        checkout::OrderFields,
        field::{FieldErrors, Note},
        ids::{SagaId, ShopId, VariantId},
        order::{LineFields, LinesFields},
        payment::Provider,
        saga::Status,
        simulation::{Fault, Script, Simulation},
        time::Timestamp,
    },
    service::{MAX_WAIT_SECONDS, OnFailure, Problem},
    store::{Page, SagaFilter},
};
use std::time::Duration;
use uuid::Uuid;

/// The id in a field.
pub(super) fn id(field: &str, text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|error| {
        let shown: String = text.chars().take(64).collect();
        Problem::field(field, format!("is {shown:?}, which is not a UUID: {error}"))
    })
}

/// The saga that a request names.
pub(super) fn saga_id(text: &str) -> Result<SagaId, Problem> {
    id("saga_id", text).map(SagaId::from_uuid)
}

/// What the simulated participant of a direct order's step does. The faults have the same numbers in every package.
pub(super) fn script(number: Option<i32>, delay_ms: Option<u32>) -> Result<Option<Script>, Problem> {
    if number.is_none() && delay_ms.is_none() {
        return Ok(None);
    }
    let mut errors = FieldErrors::default();
    let script = Script {
        fault: number.and_then(|number| fault("simulate", number, &mut errors)),
        delay_ms: delay_ms.unwrap_or_default(),
    };
    script.check("simulate_delay_ms", &mut errors);
    Problem::unless_invalid(errors, Some(Some(script)))
}

/// How long to wait.
pub(super) fn wait(seconds: u32) -> Result<Duration, Problem> {
    let seconds = u64::from(seconds);
    if seconds > MAX_WAIT_SECONDS {
        let message = format!("must be a whole number of seconds from 0 to {MAX_WAIT_SECONDS}, is {seconds}");
        return Err(Problem::field("wait_seconds", message));
    }
    Ok(Duration::from_secs(seconds))
}

/// How to answer where an order fails.
pub(super) fn on_failure(number: i32) -> Result<OnFailure, Problem> {
    match proto::OnFailure::try_from(number) {
        Ok(proto::OnFailure::Unspecified) => Ok(OnFailure::Usual),
        Ok(proto::OnFailure::Created) => Ok(OnFailure::Created),
        Ok(proto::OnFailure::Status) => Ok(OnFailure::Status),
        Err(_) => Err(Problem::field("on_failure", unknown(number, "an answer to a failure"))),
    }
}

/// An operator's reason.
pub(super) fn note(reason: String) -> Result<Option<String>, Problem> {
    let note = Note::parse(reason).map_err(|error| Problem::field("reason", error.to_string()))?;
    Ok(Some(note.as_str().to_owned()))
}

/// The order that a message describes.
pub(super) fn order(request: PlaceOrderRequest) -> Result<OrderFields, Problem> {
    let PlaceOrderRequest { lines, customer_ref, payment, simulate, .. } = request;
    let mut errors = FieldErrors::default();
    let lines = (0..).zip(lines).map(|(index, fields)| line(index, fields, &mut errors)).collect();
    let PaymentTerms { provider: number, deadline_ms, provider_name } = payment.unwrap_or_default();
    let provider = provider(number, provider_name, &mut errors);
    let simulate = simulate.map(|simulate| simulation(simulate, &mut errors));
    Problem::unless_invalid(
        errors,
        Some(OrderFields {
            lines: LinesFields { lines: Some(lines), ..LinesFields::default() },
            customer_ref,
            provider,
            deadline_ms,
            simulate,
        }),
    )
}

fn line(index: usize, line: LineRequest, errors: &mut FieldErrors) -> LineFields {
    let LineRequest { quantity, shop_id, variant_id, expected_price, item_name, price } = line;
    let mut id = |name: &str, text: Option<String>| {
        let text = text?;
        let parsed = Uuid::parse_str(&text).map_err(|error| format!("is {text:?}, which is not a UUID: {error}"));
        errors.check(format!("lines[{index}].{name}"), parsed)
    };
    let shop_id = id("shop_id", shop_id).map(ShopId::from_uuid);
    let variant_id = id("variant_id", variant_id).map(VariantId::from_uuid);
    LineFields { quantity, shop_id, variant_id, expected_price, item_name, price }
}

fn provider(number: i32, name: Option<String>, errors: &mut FieldErrors) -> Option<String> {
    let built_in = match proto::PaymentProvider::try_from(number) {
        Ok(proto::PaymentProvider::Unspecified) => return name,
        Ok(proto::PaymentProvider::Manual) => Provider::Manual,
        Ok(proto::PaymentProvider::Simulated) => Provider::Simulated,
        Err(_) => {
            errors.add("payment.provider", unknown(number, "a provider"));
            return None;
        }
    };
    if name.is_some() {
        errors.add("payment.provider_name", "cannot stand beside a provider that is built in");
    }
    Some(built_in.as_str().to_owned())
}

pub(super) fn unknown(number: i32, what: &str) -> String {
    format!("is {number}, which is not {what} that this server knows")
}

fn simulation(simulate: proto::Simulation, errors: &mut FieldErrors) -> Simulation {
    let proto::Simulation { stock, payment, shipping, payment_delay_ms, shipping_delay_ms } = simulate;
    let stock = fault("simulate.stock", stock, errors);
    if stock.is_some_and(|fault| fault != Fault::Panic) {
        errors.add("simulate.stock", "must be FAULT_PANIC or left out");
    }
    Simulation {
        stock: Script { fault: stock, delay_ms: 0 },
        payment: Script { fault: fault("simulate.payment", payment, errors), delay_ms: payment_delay_ms },
        shipping: Script { fault: fault("simulate.shipping", shipping, errors), delay_ms: shipping_delay_ms },
    }
}

fn fault(field: &str, number: i32, errors: &mut FieldErrors) -> Option<Fault> {
    match proto::Fault::try_from(number) {
        Ok(proto::Fault::Unspecified) => None,
        Ok(proto::Fault::Reject) => Some(Fault::Reject),
        Ok(proto::Fault::Timeout) => Some(Fault::Timeout),
        Ok(proto::Fault::ErrorOnce) => Some(Fault::ErrorOnce),
        Ok(proto::Fault::Panic) => Some(Fault::Panic),
        Err(_) => {
            errors.add(field, unknown(number, "a fault"));
            None
        }
    }
}

/// Which sagas are listed, how many, and the page that has one more, to know whether others follow.
pub(super) fn list(request: ListSagasRequest) -> Result<(SagaFilter, u32, Page<SagaId>), Problem> {
    let ListSagasRequest { page_size, page_token, statuses, definition, step, created_before } = request;
    let mut errors = FieldErrors::default();
    let (limit, page) = part(page_size, &page_token, SagaId::from_uuid, &mut errors);
    let statuses = statuses.into_iter().filter_map(|number| status(number, &mut errors)).collect();
    let created_before = created_before.and_then(|time| errors.check("created_before", millis(time)));
    let filter = SagaFilter { statuses, definition, step, created_before };
    Problem::unless_invalid(errors, Some((filter, limit, page)))
}

/// How many are listed, and the page that has one more, to know whether others follow.
pub(super) fn part<Id>(
    page_size: u32,
    page_token: &str,
    make: fn(Uuid) -> Id,
    errors: &mut FieldErrors,
) -> (u32, Page<Id>) {
    let limit = if page_size == 0 { 20 } else { page_size };
    if limit > 100 {
        errors.add("page_size", format!("must be from 1 to 100, is {limit}"));
    }
    let before = match page_token {
        "" => None,
        token => {
            let parsed = Uuid::parse_str(token).map(make);
            errors.check("page_token", parsed.map_err(|_| "must be a next_page_token of an earlier answer"))
        }
    };
    (limit, Page { before, limit: limit.min(100) + 1 })
}

/// A time as the product has it.
pub(super) fn millis(time: prost_types::Timestamp) -> Result<Timestamp, String> {
    let millis = i128::from(time.seconds) * 1000 + i128::from(time.nanos) / 1_000_000;
    i64::try_from(millis)
        .map(Timestamp::from_millis)
        .map_err(|_| format!("is {} seconds away, which is no time", time.seconds))
}

fn status(number: i32, errors: &mut FieldErrors) -> Option<Status> {
    match SagaStatus::try_from(number) {
        Ok(SagaStatus::Unspecified) => None,
        Ok(SagaStatus::Running) => Some(Status::Running),
        Ok(SagaStatus::Waiting) => Some(Status::Waiting),
        Ok(SagaStatus::Compensating) => Some(Status::Compensating),
        Ok(SagaStatus::Completed) => Some(Status::Completed),
        Ok(SagaStatus::Compensated) => Some(Status::Compensated),
        Ok(SagaStatus::NeedsAttention) => Some(Status::NeedsAttention),
        Err(_) => {
            errors.add("statuses", unknown(number, "a status"));
            None
        }
    }
}
