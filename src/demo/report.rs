//! What the demo has made, and what can be tried with it.

use super::{catalog::Plan, orders::Ends};
use crate::domain::{catalog::CatalogCommand, stock::StockChange};
use indicatif::HumanCount;
use std::{fmt, net::SocketAddr, time::Duration};

/// What is in the database now.
#[derive(Debug)]
pub struct Report {
    shops: u64,
    warehouses: u64,
    products: u64,
    variants: u64,
    offers: u64,
    shelves: u64,
    pieces: u64,
    took: Duration,
    /// How the orders ended, if any were placed.
    pub(super) ends: Ends,
    address: SocketAddr,
    tries: Vec<String>,
}

impl Report {
    pub(super) fn of(plan: &Plan, address: SocketAddr, took: Duration) -> Self {
        let count = |is: fn(&CatalogCommand) -> bool| plan.catalog.iter().filter(|command| is(command)).count() as u64;
        let pieces = plan.stock.iter().map(|change| match change {
            StockChange::Receive(receive) => receive.quantity.get().unsigned_abs(),
            StockChange::Adjust(_) | StockChange::Shift(_) | StockChange::Transfer(_) => 0,
        });
        Self {
            shops: count(|command| matches!(command, CatalogCommand::AddShop(_))),
            warehouses: count(|command| matches!(command, CatalogCommand::AddWarehouse(_))),
            products: count(|command| matches!(command, CatalogCommand::AddProduct(_))),
            variants: count(|command| matches!(command, CatalogCommand::AddVariant(_))),
            offers: plan.offers.len() as u64,
            shelves: plan.stock.len() as u64,
            pieces: pieces.sum(),
            took,
            ends: Ends::new(),
            address,
            tries: tries(plan),
        }
    }
}

/// Paths and bodies of requests that are worth a try: a search, the offers of a variant, an order in two shops.
fn tries(plan: &Plan) -> Vec<String> {
    let Some(first) = plan.offers.first().copied() else { return Vec::new() };
    let Some(other) = plan.offers.iter().find(|offered| offered.shop != first.shop) else { return Vec::new() };
    let line = |offered: &super::catalog::Offered, quantity: u32| {
        format!(
            r#"{{"shop_id":"{}","variant_id":"{}","quantity":{quantity}}}"#,
            offered.shop_id(),
            offered.variant_id()
        )
    };
    let body = format!(r#"{{"lines":[{},{}],"payment":{{"provider":"simulated"}}}}"#, line(&first, 2), line(other, 1));
    vec![
        "/products?text=gayo'".to_owned(),
        format!("/variants/{}/offers'", first.variant_id()),
        format!("/orders?wait=10' -H 'Content-Type: application/json' -d '{body}'"),
    ]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shops, warehouses, products, variants, took, .. } = self;
        let [offers, shelves, pieces] = [self.offers, self.shelves, self.pieces].map(HumanCount);
        writeln!(f, "{shops} shops with {warehouses} warehouses")?;
        writeln!(f, "{products} products in {variants} variants")?;
        writeln!(f, "{offers} offers")?;
        writeln!(f, "{pieces} pieces on {shelves} shelves")?;
        writeln!(f, "in {:.2} s", took.as_secs_f64())?;
        if !self.ends.is_empty() {
            let placed = HumanCount(self.ends.values().sum());
            let ends: Vec<_> = self.ends.iter().map(|(end, count)| format!("{} {end}", HumanCount(*count))).collect();
            writeln!(f, "{placed} orders placed: {}", ends.join(", "))?;
        }
        writeln!(f, "\nTo try, while `backstitch serve` runs:")?;
        self.tries.iter().try_for_each(|path| writeln!(f, "  curl 'http://{}{path}", self.address))
    }
}
