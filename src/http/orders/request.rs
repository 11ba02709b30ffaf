//! An order as a client writes it, and the checkout that it asks for.

use crate::{
    domain::{
        catalog::{NotForSale, PricedOffer},
        checkout::{Checkout, MAX_DEADLINE_MS},
        field::{CustomerRef, FieldErrors},
        ids::{OrderId, PaymentId, ShipmentId, ShopId, VariantId},
        money::Currency,
        order::{Basket, Draft, LineDraft, LinesRefused, MAX_LINES, OfferDraft},
        payment::Provider,
        simulation::{Fault, Script, Simulation},
    },
    http::{
        Code, Context, Problem,
        body::{object, objects},
    },
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a free-text line is refused where only the catalogue is sold.
const NO_FREE_TEXT: &str = "free-text lines are not taken by this server; order a shop's offer (shop_id, \
                            variant_id), or set orders.allow_free_text_lines";
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

/// A line: a shop's offer (`shop_id`, `variant_id`), which the shop prices and a warehouse has, or free text
/// (`item_name`, `price`).
#[derive(Debug, Deserialize, ToSchema)]
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

impl LineBody {
    /// The line as one of the two kinds, or what keeps it from being either.
    fn draft(self, index: usize, free_text: bool, errors: &mut FieldErrors) -> Option<Draft> {
        let Self { quantity, shop_id, variant_id, expected_price, item_name, price } = self;
        let field = |name: &str| format!("lines[{index}].{name}");
        let offer = [
            ("shop_id", shop_id.is_some()),
            ("variant_id", variant_id.is_some()),
            ("expected_price", expected_price.is_some()),
        ];
        let text = [("item_name", item_name.is_some()), ("price", price.is_some())];
        let is_offer = offer.iter().any(|(_, given)| *given);
        let (own, other, instead) = if is_offer {
            (&offer[..2], &text[..], "is a free-text line's and cannot stand beside a shop's offer")
        } else {
            (&text[..], &[][..], "")
        };
        own.iter().filter(|(_, given)| !given).for_each(|(name, _)| errors.add(field(name), "is missing"));
        other.iter().filter(|(_, given)| *given).for_each(|(name, _)| errors.add(field(name), instead));
        if !is_offer && !free_text {
            errors.add(field("item_name"), NO_FREE_TEXT);
            return None;
        }
        if is_offer {
            let (shop_id, variant_id) = (ShopId::from_uuid(shop_id?), VariantId::from_uuid(variant_id?));
            Some(Draft::Offer(OfferDraft { shop_id, variant_id, quantity, expected_price }))
        } else {
            Some(Draft::FreeText(LineDraft { item_name: item_name?, quantity, price: price? }))
        }
    }
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
    /// The lines, unless one of them is no line at all.
    drafts: Option<Vec<Draft>>,
    /// Whether the only line was written in the short form.
    short: bool,
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
        let short = self.lines.is_none();
        let only = (self.item_name, self.quantity, self.price);
        let drafts = drafts(self.lines, only, context.free_text_lines, &mut errors);
        let customer_ref = self.customer_ref.and_then(|text| errors.check("customer_ref", CustomerRef::parse(text)));
        let terms = self.payment.unwrap_or(PaymentTermsBody { provider: ProviderName::Manual, deadline_ms: None });
        let provider = terms.provider.provider(context)?;
        let deadline_ms = terms.deadline_ms.unwrap_or(context.default_deadline_ms);
        if !(1..=MAX_DEADLINE_MS).contains(&deadline_ms) {
            errors.add("payment.deadline_ms", format!("must be from 1 to {MAX_DEADLINE_MS}, is {deadline_ms}"));
        }
        let simulate = self.simulate.map(|simulate| simulate.script(&mut errors)).unwrap_or_default();
        Ok(OrderRequest { drafts, short, customer_ref, provider, deadline_ms, simulate, errors })
    }
}

/// The lines of a body: those it lists, or the only one that its own fields are.
fn drafts(
    lines: Option<Vec<LineBody>>,
    (item_name, quantity, price): (Option<String>, Option<i64>, Option<i64>),
    free_text: bool,
    errors: &mut FieldErrors,
) -> Option<Vec<Draft>> {
    let short = [("item_name", item_name.is_some()), ("quantity", quantity.is_some()), ("price", price.is_some())];
    let Some(lines) = lines else {
        if short.iter().all(|(_, given)| !given) {
            errors.add("lines", "is missing: give lines, or item_name, quantity and price of an only line");
        } else {
            short.iter().filter(|(_, given)| !given).for_each(|(name, _)| errors.add(*name, "is missing"));
            if !free_text {
                errors.add("item_name", NO_FREE_TEXT);
                return None;
            }
        }
        let draft = LineDraft { item_name: item_name?, quantity: quantity?, price: price? };
        return Some(vec![Draft::FreeText(draft)]);
    };
    for (name, _) in short.iter().filter(|(_, given)| *given) {
        errors.add(*name, "is the short form of an only line and cannot stand beside lines");
    }
    // Each line is looked at, so that a client learns of all that is wrong at once.
    let drafts: Vec<_> =
        lines.into_iter().enumerate().map(|(index, line)| line.draft(index, free_text, errors)).collect();
    drafts.into_iter().collect()
}

impl OrderRequest {
    /// The shops' offers that are to be looked up; none where there are more lines than an order can have, which
    /// no offer could help.
    pub(super) fn offers(&self) -> Vec<(ShopId, VariantId)> {
        if self.drafts.as_ref().is_some_and(|drafts| drafts.len() > MAX_LINES) {
            return Vec::new();
        }
        let offer = |draft: &Draft| match draft {
            Draft::Offer(OfferDraft { shop_id, variant_id, .. }) => Some((*shop_id, *variant_id)),
            Draft::FreeText(_) => None,
        };
        self.drafts.iter().filter(|drafts| drafts.len() <= MAX_LINES).flatten().filter_map(offer).collect()
    }

    /// The checkout that is asked for, with fresh ids. `offers` has what there is behind each of
    /// [`Self::offers`].
    pub(super) fn checkout(self, offers: Vec<Result<PricedOffer, NotForSale>>) -> Result<Checkout, Problem> {
        let Self { drafts, short, customer_ref, provider, deadline_ms, simulate, mut errors } = self;
        let field = |index, name: &str| if short { name.to_owned() } else { format!("lines[{index}].{name}") };
        let basket = match drafts.map(|drafts| Basket::price(drafts, offers, field)) {
            Some(Ok(basket)) => Some(basket),
            Some(Err(LinesRefused::Invalid(found))) => {
                found.into_iter().for_each(|error| errors.add(error.field, error.message));
                None
            }
            Some(Err(LinesRefused::PriceChanged(found))) => {
                errors.finish().map_err(Problem::invalid)?;
                return Err(Problem::fields(Code::PriceChanged, found));
            }
            None => None,
        };
        let basket = Problem::unless_invalid(errors, basket)?;
        Ok(Checkout {
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
            customer_ref,
            currency: Currency::default(),
            basket: Arc::new(basket),
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

#[cfg(test)]
mod tests;
