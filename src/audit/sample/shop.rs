//! A shop with two warehouses, so that an order of its goods is served from both.

use crate::domain::{
    catalog::{PricedOffer, ProductName, Sku, Standing},
    ids::{ShopId, VariantId, WarehouseId},
    money::{Currency, Price},
    order::{Basket, Draft, LineDraft, OfferDraft},
    saga::Outcome,
    stock::{Level, Movement, Reservation, Shelf, Shelves, StockCommand},
    time::Timestamp,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What each of its warehouses has of its only variant.
const PIECES: i64 = 2;

/// What the stock participant has stored.
pub(super) struct Shop {
    levels: BTreeMap<Shelf, Level>,
    pub(super) reservation: Option<Reservation>,
    pub(super) movements: Vec<Movement>,
}

impl Shop {
    pub(super) fn open() -> Self {
        let shelf = |number| Shelf { variant_id: variant(), warehouse_id: warehouse(number) };
        let level = |number| Level::stored(shelf(number), shop(), PIECES, 0).expect("a level");
        let levels = [1, 2].map(|number| (shelf(number), level(number))).into();
        Self { levels, reservation: None, movements: Vec::new() }
    }

    pub(super) fn send(&mut self, command: &StockCommand, now: Timestamp) -> Outcome {
        let mut shelves = Shelves::default();
        self.levels.values().for_each(|level| shelves.add_open(*level, 0));
        let decision = command.decide(self.reservation.as_ref(), shelves, now).expect("a possible one");
        self.levels.extend(decision.levels.into_iter().map(|level| (level.shelf, level)));
        self.reservation = decision.row.or(self.reservation.take());
        self.movements.extend(decision.movements);
        decision.answer.outcome
    }
}

fn shop() -> ShopId {
    ShopId::from_uuid(Uuid::from_u128(0x100))
}

fn variant() -> VariantId {
    VariantId::from_uuid(Uuid::from_u128(0x200))
}

fn warehouse(number: u128) -> WarehouseId {
    WarehouseId::from_uuid(Uuid::from_u128(0x300 + number))
}

/// Two lines of the shop's variant, three pieces together, and a free-text line.
pub(super) fn basket() -> Basket {
    let (shop_id, variant_id) = (shop(), variant());
    let line = |quantity| Draft::Offer(OfferDraft { shop_id, variant_id, quantity, expected_price: None });
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
    let text = Draft::FreeText(LineDraft { item_name: "Ongkos bungkus".into(), quantity: 1, price: 5_000 });
    let offers = vec![Ok(priced.clone()), Ok(priced)];
    Basket::price(vec![line(2), line(1), text], offers, |_, field| field.into()).expect("a basket")
}
