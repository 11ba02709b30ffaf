//! What the tests start from: fixed ids, a small basket, a checkout, commands for one order.

use super::stock::{shop, variant};
use backstitch::domain::{
    catalog::{PricedOffer, ProductName, Sku, Standing},
    checkout::Checkout,
    ids::{OrderId, PaymentId, SagaId, ShipmentId},
    money::{Currency, Price},
    order::{Basket, Draft, LineDraft, OfferDraft},
    payment::{Provider, Terms},
    shipment::{Carrier, Consignment},
    simulation::{Fault, Script, Simulation},
    time::Timestamp,
};
use std::sync::Arc;
use uuid::Uuid;

pub(super) const TOTAL: i64 = 170_000;
pub(super) const DEADLINE_MS: u64 = 60_000;

/// The start of every test's time, `ms` later.
pub(super) const fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

pub(super) fn saga_id() -> SagaId {
    SagaId::from_uuid(Uuid::from_u128(0x1))
}

pub(super) fn order_id() -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(0x2))
}

pub(super) fn payment_id() -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(0x3))
}

pub(super) fn shipment_id() -> ShipmentId {
    ShipmentId::from_uuid(Uuid::from_u128(0x4))
}

pub(super) fn line(item_name: &str, quantity: i64, price: i64) -> LineDraft {
    LineDraft { item_name: item_name.into(), quantity, price }
}

pub(super) fn basket() -> Arc<Basket> {
    let lines = vec![line("Kopi Gayo 250 g", 2, 85_000)];
    Arc::new(Basket::parse(lines, |_, field| field.to_owned()).expect("a good basket"))
}

/// So many pieces of a shop's variant, and a free-text line.
pub(super) fn stocked_basket(pieces: i64) -> Arc<Basket> {
    let (shop_id, variant_id) = (shop(0), variant(0));
    let offer = OfferDraft { shop_id, variant_id, quantity: pieces, expected_price: Some(42_000) };
    let priced = PricedOffer {
        shop_id,
        variant_id,
        sku: Sku::stored("GAYO-250".into()),
        product_name: ProductName::stored("Kopi Gayo".into()),
        size: None,
        price: Price::parse(42_000).expect("a price"),
        currency: Currency::Idr,
        standing: Standing { shop: true, product: true, variant: true, offer: true },
    };
    let drafts = vec![Draft::Offer(offer), Draft::FreeText(line("Ongkos bungkus", 1, 5_000))];
    Arc::new(Basket::price(drafts, vec![Ok(priced)], |_, field| field.to_owned()).expect("a good basket"))
}

pub(super) fn checkout(provider: Provider) -> Checkout {
    Checkout {
        order_id: order_id(),
        payment_id: payment_id(),
        shipment_id: shipment_id(),
        customer_ref: None,
        currency: Currency::Idr,
        basket: basket(),
        revision: 0,
        provider,
        deadline_ms: DEADLINE_MS,
        carrier: Carrier::Simulated,
        simulate: Simulation::default(),
    }
}

pub(super) const fn script(fault: Option<Fault>, delay_ms: u32) -> Script {
    Script { fault, delay_ms }
}

pub(super) fn terms(provider: Provider, script: Script) -> Terms {
    Terms {
        order_id: order_id(),
        saga_id: saga_id(),
        revision: 0,
        payment_id: payment_id(),
        amendment: 0,
        amount: basket().total(),
        currency: Currency::Idr,
        payer: "cust-42".parse().ok(),
        provider,
        script,
        deadline_ms: DEADLINE_MS,
        retries: 0,
    }
}

pub(super) fn goods(script: Script) -> Consignment {
    Consignment {
        order_id: order_id(),
        saga_id: Some(saga_id()),
        shipment_id: shipment_id(),
        parcels: Vec::new(),
        loose: true,
        named: Vec::new(),
        carrier: Carrier::Simulated,
        script,
        retries: 0,
    }
}
