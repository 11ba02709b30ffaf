//! An order and its lines as a client writes them in JSON.

use crate::{
    domain::{
        checkout::{OrderFields, OrderRequest, Policy},
        field::{FieldError, FieldErrors},
        ids::{ShopId, VariantId},
        order::{LineFields, LinesFields},
        payment::Provider,
        simulation::{Fault, Script, Simulation},
    },
    http::body::{Ruled, object, objects},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An order to be placed: `lines`, or the fields of its only line.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
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

/// An order's new lines: `lines`, or the fields of its only line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct EditOrderBody {
    /// What is bought instead, 1 to 100 lines.
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
}

impl Ruled for PlaceOrderBody {
    fn faults(self, policy: &Policy) -> Vec<FieldError> {
        OrderFields::from(self).parse(policy).map(OrderRequest::faults).unwrap_or_default()
    }
}

impl Ruled for EditOrderBody {
    fn faults(self, policy: &Policy) -> Vec<FieldError> {
        LinesFields::from(self).parse(policy.free_text_lines, FieldErrors::default()).faults()
    }
}

/// A line: a shop's offer (`shop_id`, `variant_id`), which the shop prices and a warehouse has, or free text
/// (`item_name`, `price`).
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LineBody {
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    /// Who sells it.
    shop_id: Option<Uuid>,
    /// What it is.
    variant_id: Option<Uuid>,
    /// The shop's price of one as the client has seen it: refused with `price_changed` where it is another.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    expected_price: Option<i64>,
    /// Free text: what it sells.
    #[schema(min_length = 1, max_length = 200)]
    item_name: Option<String>,
    /// Free text: the price of one, in the currency's smallest unit in use.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    price: Option<i64>,
}

/// How an order is paid.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PaymentTermsBody {
    /// Who takes the money: `manual`, `simulated`, or the name of a provider in the server's configuration.
    #[serde(default = "by_hand")]
    #[schema(default = "manual", example = "simulated")]
    provider: String,
    /// How long the order waits for it, in milliseconds: up to 30 days.
    #[schema(minimum = 1, maximum = 2_592_000_000_i64)]
    deadline_ms: Option<u64>,
}

/// Who takes the money where nobody is named.
fn by_hand() -> String {
    Provider::default().as_str().to_owned()
}

/// Faults to simulate.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum StockFault {
    /// The stock actor panics on it, once.
    Panic,
}

/// How a simulated payment goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
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

impl From<LineBody> for LineFields {
    fn from(line: LineBody) -> Self {
        let LineBody { quantity, shop_id, variant_id, expected_price, item_name, price } = line;
        let (shop_id, variant_id) = (shop_id.map(ShopId::from_uuid), variant_id.map(VariantId::from_uuid));
        Self { quantity, shop_id, variant_id, expected_price, item_name, price }
    }
}

impl From<EditOrderBody> for LinesFields {
    fn from(body: EditOrderBody) -> Self {
        let EditOrderBody { lines, item_name, quantity, price } = body;
        let lines = lines.map(|lines| lines.into_iter().map(LineFields::from).collect());
        Self { lines, item_name, quantity, price }
    }
}

impl From<PlaceOrderBody> for OrderFields {
    fn from(body: PlaceOrderBody) -> Self {
        let PlaceOrderBody { lines, item_name, quantity, price, customer_ref, payment, simulate } = body;
        let (provider, deadline_ms) = payment.map(|terms| (terms.provider, terms.deadline_ms)).unzip();
        Self {
            lines: EditOrderBody { lines, item_name, quantity, price }.into(),
            customer_ref,
            provider,
            deadline_ms: deadline_ms.flatten(),
            simulate: simulate.map(Simulation::from),
        }
    }
}

impl From<SimulateBody> for Simulation {
    fn from(body: SimulateBody) -> Self {
        Self {
            stock: Script { fault: body.stock.map(Fault::from), delay_ms: 0 },
            payment: Script { fault: body.payment.map(Fault::from), delay_ms: body.payment_delay_ms },
            shipping: Script { fault: body.shipping.map(Fault::from), delay_ms: body.shipping_delay_ms },
        }
    }
}
