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
    /// Short form, instead of `item_name`: the product of the only line. With a `price` it is free text. Without one it is
    /// a sku, or the id of a variant or of a product with one variant, and the shop is found that sells it: the cheapest
    /// that has as many.
    product_id: Option<NamedProduct>,
    /// Another name of `product_id`.
    id: Option<NamedProduct>,
    /// Another name of `quantity`.
    #[schema(minimum = 1, maximum = 1_000_000)]
    jumlah: Option<i64>,
    /// The product's status as the client knows it. It is taken and changes nothing: whether a product can be had, its
    /// shop and its stock say.
    #[serde(rename = "status")]
    #[schema(rename = "status", max_length = 64)]
    _product_status: Option<String>,
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
    /// Short form, instead of `item_name`: the product of the only line. With a `price` it is free text. Without one it is
    /// a sku, or the id of a variant or of a product with one variant, and the shop is found that sells it: the cheapest
    /// that has as many.
    product_id: Option<NamedProduct>,
    /// Another name of `product_id`.
    id: Option<NamedProduct>,
    /// Another name of `quantity`.
    #[schema(minimum = 1, maximum = 1_000_000)]
    jumlah: Option<i64>,
    /// The product's status as the client knows it. It is taken and changes nothing: whether a product can be had, its
    /// shop and its stock say.
    #[serde(rename = "status")]
    #[schema(rename = "status", max_length = 64)]
    _product_status: Option<String>,
}

/// A product by the name that a client has for it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(untagged, expecting = "must be a text or a whole number")]
pub(in crate::http) enum NamedProduct {
    /// A number of its own.
    Number(i64),
    /// A sku, an id, or free text.
    Text(String),
}

impl Ruled for PlaceOrderBody {
    fn faults(self, policy: &Policy) -> Vec<FieldError> {
        let fields = OrderFields::from(self);
        let fields = OrderFields { lines: as_if_found(fields.lines), ..fields };
        fields.parse(policy).map(OrderRequest::faults).unwrap_or_default()
    }
}

impl Ruled for EditOrderBody {
    fn faults(self, policy: &Policy) -> Vec<FieldError> {
        as_if_found(self.into()).parse(policy.free_text_lines, FieldErrors::default()).faults()
    }
}

/// Lines whose product was found: whether it is there is no fault of the body alone.
fn as_if_found(lines: LinesFields) -> LinesFields {
    let found = Some((ShopId::from_uuid(Uuid::nil()), VariantId::from_uuid(Uuid::nil())));
    LinesFields { found, ..lines }
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
        let EditOrderBody { lines, item_name, quantity, price, product_id, id, jumlah, _product_status: _ } = body;
        let lines = lines.map(|lines| lines.into_iter().map(LineFields::from).collect());
        let text = |named: NamedProduct| match named {
            NamedProduct::Number(number) => number.to_string(),
            NamedProduct::Text(text) => text,
        };
        let (product_id, id) = (product_id.map(text), id.map(text));
        Self { lines, item_name, quantity, price, product_id, id, jumlah, found: None }
    }
}

impl From<PlaceOrderBody> for OrderFields {
    fn from(body: PlaceOrderBody) -> Self {
        let PlaceOrderBody {
            lines,
            item_name,
            quantity,
            price,
            product_id,
            id,
            jumlah,
            _product_status: _,
            customer_ref,
            payment,
            simulate,
        } = body;
        let (provider, deadline_ms) = payment.map(|terms| (terms.provider, terms.deadline_ms)).unzip();
        let lines = EditOrderBody { lines, item_name, quantity, price, product_id, id, jumlah, _product_status: None };
        Self {
            lines: lines.into(),
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
