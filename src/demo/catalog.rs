//! The demo's catalogue as commands: the same ids, names, prices and pieces every time.

use super::{
    DemoError,
    goods::{Form, KINDS, Kind},
    places::{Place, SHOPS},
    seed::{below, id},
};
use crate::domain::{
    catalog::{
        AddProduct, AddShop, AddVariant, AddWarehouse, Attributes, CatalogCommand, Description, Priority, PutOffer, Sku,
    },
    field::{FieldErrors, Text},
    ids::{ProductId, ShopId, VariantId, WarehouseId},
    money::{Currency, Price, Quantity},
    stock::{Receive, Shelf, StockChange},
};
use std::fmt::Display;

/// Prices are in steps of so many rupiah.
const PRICE_STEP: u64 = 500;

/// What fills an empty database, in an order in which everything finds what it is about.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) catalog: Vec<CatalogCommand>,
    pub(super) stock: Vec<StockChange>,
    pub(super) offers: Vec<Offered>,
}

/// A variant that a shop offers, by the numbers of both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    pub(super) shop: u64,
    pub(super) variant: u64,
}

impl Offered {
    pub(super) fn shop_id(self) -> ShopId {
        shop_id(self.shop)
    }

    pub(super) fn variant_id(self) -> VariantId {
        variant_id(self.variant)
    }

    /// A number of its own among all offers.
    const fn number(self) -> u64 {
        self.shop * 1_000 + self.variant
    }
}

fn shop_id(n: u64) -> ShopId {
    ShopId::from_uuid(id("shop", n))
}

fn product_id(n: u64) -> ProductId {
    ProductId::from_uuid(id("product", n))
}

fn variant_id(n: u64) -> VariantId {
    VariantId::from_uuid(id("variant", n))
}

fn warehouse_id(shop: u64, n: u64) -> WarehouseId {
    WarehouseId::from_uuid(id("warehouse", shop * 10 + n))
}

/// A part of the demo's own data. What the rules do not take is a mistake in it.
fn own<T, E: Display>(parsed: Result<T, E>) -> Result<T, DemoError> {
    parsed.map_err(|error| DemoError::Plan(error.to_string()))
}

fn text<const MAX: usize>(text: &str) -> Result<Text<MAX>, DemoError> {
    own(Text::parse(text.to_owned()))
}

impl Plan {
    /// The whole plan.
    pub(super) fn new() -> Result<Self, DemoError> {
        let mut plan = Self::default();
        for (shop, place) in (0..).zip(&SHOPS) {
            plan.add_shop(shop, place)?;
        }
        let products =
            (0..).zip(KINDS.iter().flat_map(|kind| kind.products.iter().map(move |product| (kind, product))));
        for (product, (kind, &(name, origin, _))) in products.clone() {
            plan.add_product(product, kind, name, origin)?;
        }
        for (shop, place) in (0..).zip(&SHOPS) {
            for (product, (kind, &(_, _, price))) in products.clone() {
                if place.sells.iter().any(|sold| KINDS[*sold].code == kind.code) {
                    plan.add_offers(shop, place, product, kind, price)?;
                }
            }
        }
        Ok(plan)
    }

    fn add_shop(&mut self, shop: u64, place: &Place) -> Result<(), DemoError> {
        let (id, name, city) = (shop_id(shop), text(place.name)?, text(place.city)?);
        self.catalog.push(AddShop { id, name, city, active: true }.into());
        for (n, &(name, address, priority)) in (0..).zip(place.warehouses) {
            let (name, address, priority) = (text(name)?, text(address)?, own(Priority::parse(priority))?);
            let id = warehouse_id(shop, n);
            let add = AddWarehouse { id, shop_id: shop_id(shop), name, address, priority, active: true };
            self.catalog.push(add.into());
        }
        Ok(())
    }

    fn add_product(&mut self, product: u64, kind: &Kind, name: &str, origin: &str) -> Result<(), DemoError> {
        let description = own(Description::parse(kind.description.replace("{}", origin)))?;
        let (id, name, category) = (product_id(product), text(name)?, text(kind.category)?);
        let (description, category) = (Some(description), Some(category));
        self.catalog.push(AddProduct { id, name, description, category, active: true }.into());
        for (n, form) in (0..).zip(&kind.forms) {
            let id = variant_id(product * 3 + n);
            let sku = own(Sku::parse(format!("{}-{:03}-{}", kind.code, product + 1, suffix(form))))?;
            let size = form.size.map(text).transpose()?;
            let given = form.attribute.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
            let attributes = Attributes::parse(given, "attributes", &mut FieldErrors::default());
            let attributes =
                attributes.ok_or_else(|| DemoError::Plan(format!("the attributes of {}", sku.as_str())))?;
            let add = AddVariant { id, product_id: product_id(product), sku, size, attributes, active: true };
            self.catalog.push(add.into());
        }
        Ok(())
    }

    /// A shop has nearly everything of its categories, each thing at its own price, most of it in several
    /// warehouses, and a little of it sold out.
    fn add_offers(&mut self, shop: u64, place: &Place, product: u64, kind: &Kind, base: u64) -> Result<(), DemoError> {
        for (n, form) in (0..).zip(&kind.forms) {
            let offered = Offered { shop, variant: product * 3 + n };
            let number = offered.number();
            if below(10, "not offered", number) == 0 {
                continue;
            }
            let exact = base * form.price * place.dear * (96 + below(9, "price", number)) / 1_000_000;
            let price = own(Price::parse(whole((exact / PRICE_STEP).max(1) * PRICE_STEP)))?;
            let (shop_id, variant_id, currency) = (offered.shop_id(), offered.variant_id(), Currency::Idr);
            self.catalog.push(PutOffer { shop_id, variant_id, price, currency, active: true }.into());
            self.offers.push(offered);
            if below(50, "sold out", number) != 0 {
                self.add_stock(offered, place)?;
            }
        }
        Ok(())
    }

    fn add_stock(&mut self, offered: Offered, shop: &Place) -> Result<(), DemoError> {
        for (n, _) in (0..).zip(shop.warehouses) {
            let number = offered.number() * 10 + n;
            let pieces = match n {
                0 => 20 + below(101, "pieces", number),
                _ if below(2, "elsewhere", number) == 0 => 5 + below(56, "pieces", number),
                _ => continue,
            };
            let place = Shelf { variant_id: offered.variant_id(), warehouse_id: warehouse_id(offered.shop, n) };
            let quantity = own(Quantity::parse(whole(pieces)))?;
            self.stock.push(StockChange::Receive(Receive { shelf: place, quantity }));
        }
        Ok(())
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What tells a variant's stock-keeping unit from those of its product's others.
fn suffix(form: &Form) -> String {
    let words = form.size.or(form.attribute.map(|(_, value)| value)).unwrap_or_default();
    words.split(' ').map(str::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_plan_has_what_is_promised_and_no_sku_twice() {
        let plan = Plan::new().unwrap();
        let mut skus = HashSet::new();
        let (mut shops, mut products, mut warehouses) = (0, 0, 0);
        for command in &plan.catalog {
            match command {
                CatalogCommand::AddShop(_) => shops += 1,
                CatalogCommand::AddProduct(_) => products += 1,
                CatalogCommand::AddWarehouse(_) => warehouses += 1,
                CatalogCommand::AddVariant(add) => assert!(skus.insert(add.sku.clone()), "{:?}", add.sku),
                _ => {}
            }
        }
        assert_eq!((shops, products, skus.len(), warehouses), (10, 200, 600, 20));
    }

    #[test]
    fn several_shops_offer_a_variant_at_different_prices() {
        let plan = Plan::new().unwrap();
        let prices = plan.catalog.iter().filter_map(|command| match command {
            CatalogCommand::PutOffer(put) if put.variant_id == variant_id(0) => Some(put.price),
            _ => None,
        });
        assert!(prices.collect::<HashSet<_>>().len() >= 3);
    }
}
