//! An order as a client writes it, and the checkout that it asks for.

use super::lines::{LineBody, LinesRequest};
use crate::{
    domain::{
        catalog::{NotForSale, PricedOffer},
        checkout::{Checkout, MAX_DEADLINE_MS},
        field::{CustomerRef, FieldErrors},
        ids::{OrderId, PaymentId, ShipmentId},
        money::Currency,
        payment::Provider,
        simulation::{Fault, Script, Simulation},
    },
    http::{
        Code, Context, Problem,
        body::{object, objects},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest simulated delay, in milliseconds.
const MAX_DELAY_MS: u32 = 60_000;

/// An order to be placed: `lines`, or the fields of its only line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PlaceOrderBody {
    /// What is bought, 1 to 100 lines.
    #[serde(default, deserialize_with = "objects")]
    lines: Option<Vec<LineBody>>,
    /// Short form: what the only line sells.
    #[schema(max_length = 200)]
    item_name: Option<String>,
    /// Short form: how many.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: Option<i64>,
    /// Short form: the price of one.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    price: Option<i64>,
    /// The client's own reference to its customer.
    #[schema(max_length = 128)]
    customer_ref: Option<String>,
    /// How it is paid; by hand, within 15 minutes, when left out.
    #[serde(default, deserialize_with = "object")]
    payment: Option<PaymentTermsBody>,
    /// Faults to simulate, where simulation is enabled.
    #[serde(default, deserialize_with = "object")]
    simulate: Option<SimulateBody>,
}

/// How an order is paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PaymentTermsBody {
    /// Who takes the money.
    #[serde(default)]
    provider: ProviderName,
    /// How long the order waits for it, in milliseconds: up to 30 days.
    #[schema(minimum = 1, maximum = 2_592_000_000_i64)]
    deadline_ms: Option<u64>,
}

/// A payment provider.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum ProviderName {
    /// Somebody reports the result.
    #[default]
    Manual,
    /// The built-in simulation.
    Simulated,
}

impl ProviderName {
    /// The provider, unless it would say "paid" on a server whose payments are real.
    pub(in crate::http) fn provider(self, context: &Context) -> Result<Provider, Problem> {
        match self {
            Self::Manual => Ok(Provider::Manual),
            Self::Simulated if context.simulation => Ok(Provider::Simulated),
            Self::Simulated => Err(Problem::new(
                Code::SimulationDisabled,
                "the simulated payment provider is not allowed on this server; set simulation.enabled to allow it",
            )),
        }
    }
}

/// Faults to simulate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SimulateBody {
    /// How the reservation goes wrong.
    stock: Option<StockFault>,
    /// How the payment goes wrong.
    payment: Option<PaymentFault>,
    /// How shipping goes wrong.
    shipping: Option<ShippingFault>,
    /// How long the payment provider takes, in milliseconds.
    #[serde(default)]
    #[schema(maximum = 60_000)]
    payment_delay_ms: u32,
    /// How long the carrier takes, in milliseconds.
    #[serde(default)]
    #[schema(maximum = 60_000)]
    shipping_delay_ms: u32,
}

/// How a reservation goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum StockFault {
    /// The stock actor panics on it, once.
    Panic,
}

/// How a simulated payment goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum PaymentFault {
    /// It is declined.
    Decline,
    /// It happens, but nobody hears of it at first.
    Timeout,
    /// It fails without effect at first.
    ErrorOnce,
    /// The payment actor panics on it, once.
    Panic,
}

/// How a simulated shipment goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum ShippingFault {
    /// The carrier says no.
    Fail,
    /// It happens, but nobody hears of it at first.
    Timeout,
    /// It fails without effect at first.
    ErrorOnce,
    /// The shipping actor panics on it, once.
    Panic,
}

impl From<StockFault> for Fault {
    fn from(StockFault::Panic: StockFault) -> Self {
        Self::Panic
    }
}

impl From<PaymentFault> for Fault {
    fn from(fault: PaymentFault) -> Self {
        match fault {
            PaymentFault::Decline => Self::Reject,
            PaymentFault::Timeout => Self::Timeout,
            PaymentFault::ErrorOnce => Self::ErrorOnce,
            PaymentFault::Panic => Self::Panic,
        }
    }
}

impl From<ShippingFault> for Fault {
    fn from(fault: ShippingFault) -> Self {
        match fault {
            ShippingFault::Fail => Self::Reject,
            ShippingFault::Timeout => Self::Timeout,
            ShippingFault::ErrorOnce => Self::ErrorOnce,
            ShippingFault::Panic => Self::Panic,
        }
    }
}

/// An order as its client wants it, all but the prices of its shops' offers.
pub(super) struct OrderRequest {
    pub(super) lines: LinesRequest,
    customer_ref: Option<CustomerRef>,
    provider: Provider,
    deadline_ms: u64,
    simulate: Simulation,
    errors: FieldErrors,
}

impl PlaceOrderBody {
    /// What the body asks for.
    pub(super) fn parse(self, context: &Context) -> Result<OrderRequest, Problem> {
        if self.simulate.is_some() && !context.simulation {
            return Err(Problem::new(
                Code::SimulationDisabled,
                "simulate is not allowed on this server; set simulation.enabled to allow it",
            ));
        }
        let mut errors = FieldErrors::default();
        let only = (self.item_name, self.quantity, self.price);
        let lines = LinesRequest::parse(self.lines, only, context, &mut errors);
        let customer_ref = self.customer_ref.and_then(|text| errors.check("customer_ref", CustomerRef::parse(text)));
        let terms = self.payment.unwrap_or(PaymentTermsBody { provider: ProviderName::Manual, deadline_ms: None });
        let provider = terms.provider.provider(context)?;
        let deadline_ms = terms.deadline_ms.unwrap_or(context.default_deadline_ms);
        if !(1..=MAX_DEADLINE_MS).contains(&deadline_ms) {
            errors.add("payment.deadline_ms", format!("must be from 1 to {MAX_DEADLINE_MS}, is {deadline_ms}"));
        }
        let simulate = self.simulate.map(|simulate| simulate.script(&mut errors)).unwrap_or_default();
        Ok(OrderRequest { lines, customer_ref, provider, deadline_ms, simulate, errors })
    }
}

impl OrderRequest {
    /// The checkout of these lines, with fresh ids; other fields that cannot be accepted are named with theirs.
    pub(super) fn checkout(self, offers: Vec<Result<PricedOffer, NotForSale>>) -> Result<Checkout, Problem> {
        let Self { lines, customer_ref, provider, deadline_ms, simulate, errors } = self;
        Ok(Checkout {
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
            customer_ref,
            currency: Currency::default(),
            basket: lines.basket(offers, errors)?,
            revision: 0,
            provider,
            deadline_ms,
            simulate,
        })
    }
}

impl SimulateBody {
    fn script(self, errors: &mut FieldErrors) -> Simulation {
        for (field, delay_ms) in
            [("payment_delay_ms", self.payment_delay_ms), ("shipping_delay_ms", self.shipping_delay_ms)]
        {
            if delay_ms > MAX_DELAY_MS {
                errors.add(format!("simulate.{field}"), format!("must be from 0 to {MAX_DELAY_MS}, is {delay_ms}"));
            }
        }
        Simulation {
            stock: Script { fault: self.stock.map(Fault::from), delay_ms: 0 },
            payment: Script { fault: self.payment.map(Fault::from), delay_ms: self.payment_delay_ms },
            shipping: Script { fault: self.shipping.map(Fault::from), delay_ms: self.shipping_delay_ms },
        }
    }
}
