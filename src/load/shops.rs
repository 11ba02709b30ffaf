//! What is sold in the mixes with shops: a small catalogue, made through the API before the run begins.
//!
//! ```text
//!   shops, products ─▶ warehouses, variants ─▶ offers ─▶ stock ─▶ orders of three lines from two shops
//! ```
//!
//! Each run makes its own, so that it can be told what is left of it: nothing of another run stands in its
//! shelves. What it makes is bounded and known, and sent again under the same keys where an answer is lost.

use super::{
    LoadError,
    client::{Answer, Client},
    clients::{Pauses, operator, said},
    order::read,
    target::Target,
};
use crate::domain::ids::{ProductId, ShopId, VariantId, WarehouseId};
use futures::future::try_join_all;
use hyper::{Method, StatusCode, body::Bytes, header::HeaderValue, http::Uri};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

/// Who sells: few enough that their shelves are shared by many orders, as those of popular shops are.
const CITIES: [&str; 6] = ["Bandung", "Medan", "Makassar", "Surabaya", "Takengon", "Yogyakarta"];
/// Warehouses of each shop.
const WAREHOUSES: usize = 2;
/// What there is to buy, each in so many sizes.
const PRODUCTS: usize = 20;
/// The sizes of each product.
const SIZES: [&str; 3] = ["S", "M", "L"];
/// Pieces of each variant in each warehouse: more than any run can sell.
const PLENTY: u32 = 1_000_000;
/// Pieces of the variant that there is too little of, in all of a shop.
const FEW: u32 = 1;
/// Clients that make the catalogue together.
const MAKERS: usize = 16;
/// How long one request is tried.
const BOUND: Duration = Duration::from_mins(1);

/// Shops that all sell the same variants, and one of which there is too little.
#[derive(Debug)]
pub(super) struct Shops {
    sellers: Vec<ShopId>,
    variants: Vec<VariantId>,
    scarce: VariantId,
}

impl Shops {
    /// Makes them. `run` is what the keys and the names begin with.
    pub(super) async fn make(target: &Target, run: &str) -> Result<Self, LoadError> {
        let mut maker = Maker::new(target, run);
        let shop = |city: &&str| post("/shops", format!(r#"{{"name":"{run} {city}","city":"{city}"}}"#));
        let sellers: Vec<ShopId> = maker.ids(CITIES.iter().map(shop).collect()).await?;
        let product = |number| post("/products", format!(r#"{{"name":"{run} {number}","category":"load"}}"#));
        let products: Vec<ProductId> = maker.ids((0..=PRODUCTS).map(product).collect()).await?;

        let sites = sellers.iter().flat_map(|shop| (0..WAREHOUSES).map(move |priority| (shop, priority)));
        let warehouse = |(shop, priority)| {
            let fields = r#""name":"Gudang","address":"Jalan Merdeka""#;
            post("/warehouses", format!(r#"{{"shop_id":"{shop}",{fields},"priority":{priority}}}"#))
        };
        let warehouses: Vec<WarehouseId> = maker.ids(sites.map(warehouse).collect()).await?;
        // The last product has one variant, the others one in each size.
        let kinds = products.iter().flat_map(|product| SIZES.iter().map(move |size| (product, *size)));
        let variant = |(number, (product, size))| {
            let body = format!(r#"{{"sku":"{run}-{number}","size":"{size}"}}"#);
            post(&format!("/products/{product}/variants"), body)
        };
        let kinds = kinds.take(PRODUCTS * SIZES.len() + 1).enumerate();
        let mut variants: Vec<VariantId> = maker.ids(kinds.map(variant).collect()).await?;

        let offers = sellers.iter().flat_map(|shop| variants.iter().map(move |variant| (shop, variant)));
        let offer = |(number, (shop, variant))| Wanted {
            method: Method::PUT,
            path: format!("/shops/{shop}/offers/{variant}"),
            // Each shop has prices of its own.
            body: format!(r#"{{"price":{}}}"#, 10_000 + 500 * (number % 97)),
        };
        maker.all(offers.enumerate().map(offer).collect()).await?;
        let Some(scarce) = variants.pop() else { return Err(LoadError::Catalogue("nothing to sell".to_owned())) };
        let receive = |warehouse: &WarehouseId, variant: &VariantId, pieces| {
            let body = format!(r#"{{"variant_id":"{variant}","quantity":{pieces}}}"#);
            post(&format!("/warehouses/{warehouse}/stock"), body)
        };
        let plenty =
            warehouses.iter().flat_map(|warehouse| variants.iter().map(move |v| receive(warehouse, v, PLENTY)));
        // The first warehouse of each shop has what there is too little of.
        let few = warehouses.iter().step_by(WAREHOUSES).map(|warehouse| receive(warehouse, &scarce, FEW));
        maker.all(plenty.chain(few).collect()).await?;
        Ok(Self { sellers, variants, scarce })
    }

    /// The lines of an order, as JSON: three variants, two of them from one shop and one from another, each
    /// one to three pieces. Of a `short` order one line asks for more pieces than its shop has ever had.
    pub(super) fn lines(&self, random: &mut fastrand::Rng, short: bool) -> String {
        let sellers = random.choose_multiple(&self.sellers, 2);
        let variants = random.choose_multiple(&self.variants, 3);
        let mut lines = String::with_capacity(400);
        for (number, variant) in variants.into_iter().enumerate() {
            let scarce = short && number == 0;
            let (variant, pieces) = if scarce { (&self.scarce, FEW + 1) } else { (variant, random.u32(1..=3)) };
            let shop = sellers[number % sellers.len()];
            let comma = if number == 0 { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(lines, r#"{comma}{{"shop_id":"{shop}","variant_id":"{variant}","quantity":{pieces}}}"#);
        }
        lines
    }
}

/// A request of which only the answer's success matters, or the id of what it made.
#[derive(Clone, Debug)]
struct Wanted {
    method: Method,
    path: String,
    body: String,
}

fn post(path: &str, body: String) -> Wanted {
    Wanted { method: Method::POST, path: path.to_owned(), body }
}

/// Sends requests by the hundred.
struct Maker {
    clients: Vec<Client>,
    run: String,
    /// Requests so far, by which their keys are told apart.
    sent: usize,
}

impl Maker {
    fn new(target: &Target, run: &str) -> Self {
        let clients = (0..MAKERS).map(|_| operator(target)).collect();
        Self { clients, run: run.to_owned(), sent: 0 }
    }

    /// Sends them all; the ids of what they made, in their order.
    async fn ids<Id: DeserializeOwned>(&mut self, wanted: Vec<Wanted>) -> Result<Vec<Id>, LoadError> {
        #[derive(Deserialize)]
        struct Made<Id> {
            id: Id,
        }
        let read = |body: Bytes| read::<Made<Id>>(&body).map(|made| made.id).map_err(LoadError::Catalogue);
        self.all(wanted).await?.into_iter().map(read).collect()
    }

    /// Sends them all, some at a time; the answers, in their order.
    async fn all(&mut self, wanted: Vec<Wanted>) -> Result<Vec<Bytes>, LoadError> {
        let first = self.sent;
        self.sent += wanted.len();
        let share = wanted.len().div_ceil(self.clients.len()).max(1);
        let run = &self.run;
        let shares = self.clients.iter_mut().zip(wanted.chunks(share)).enumerate();
        let shares = shares.map(async |(index, (client, wanted))| {
            let mut bodies = Vec::with_capacity(wanted.len());
            for (number, wanted) in (first + index * share..).zip(wanted) {
                bodies.push(made(client, wanted, &format!("{run}-made-{number}")).await?);
            }
            Ok::<_, LoadError>(bodies)
        });
        Ok(try_join_all(shares).await?.concat())
    }
}

/// Sends a request until it is answered.
async fn made(client: &mut Client, wanted: &Wanted, key: &str) -> Result<Bytes, LoadError> {
    let Wanted { method, path, body } = wanted;
    let failed = |why: &str| LoadError::Catalogue(format!("{method} {path}: {why}"));
    let uri = Uri::try_from(path.as_str()).map_err(|error| failed(&error.to_string()))?;
    let key = HeaderValue::try_from(key).map_err(|error| failed(&error.to_string()))?;
    // What is put is in its place however often it is sent.
    let key = (*method == Method::POST).then_some(&key);
    let (give_up, mut pauses) = (Instant::now() + BOUND, Pauses::new());
    loop {
        let (why, asked) = match client.send_json(method.clone(), &uri, body.clone().into(), key).await {
            Ok(Answer { status: StatusCode::CREATED | StatusCode::OK, body, .. }) => return Ok(body),
            Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => (said(&answer), answer.retry_after),
            Ok(answer) => return Err(failed(&said(&answer))),
            Err(lost) => (lost.to_string(), None),
        };
        if Instant::now() > give_up {
            return Err(failed(&why));
        }
        pauses.pause(asked).await;
    }
}

#[cfg(test)]
impl Shops {
    /// Shops that no server knows.
    pub(super) fn imagined() -> Self {
        use uuid::Uuid;
        Self {
            sellers: (0..6).map(|number| ShopId::from_uuid(Uuid::from_u128(number))).collect(),
            variants: (100..160).map(|number| VariantId::from_uuid(Uuid::from_u128(number))).collect(),
            scarce: VariantId::from_uuid(Uuid::from_u128(999)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn lines(seed: u64, short: bool) -> Vec<Value> {
        let lines = Shops::imagined().lines(&mut fastrand::Rng::with_seed(seed), short);
        serde_json::from_str(&format!("[{lines}]")).unwrap()
    }

    fn distinct(lines: &[Value], field: &str) -> usize {
        lines.iter().map(|line| line[field].as_str().unwrap()).collect::<BTreeSet<_>>().len()
    }

    #[test]
    fn an_order_has_three_variants_of_two_shops() {
        for seed in 0..100 {
            let lines = lines(seed, seed % 2 == 0);
            assert_eq!((distinct(&lines, "variant_id"), distinct(&lines, "shop_id")), (3, 2), "{lines:?}");
        }
    }

    #[test]
    fn a_short_order_asks_for_more_than_there_is_of_one_variant() {
        let scarce = Shops::imagined().scarce.to_string();
        let too_many = |line: &Value| line["variant_id"] == scarce && line["quantity"].as_u64() > Some(FEW.into());
        for seed in 0..100 {
            assert_eq!(lines(seed, true).iter().filter(|line| too_many(line)).count(), 1);
            assert!(lines(seed, false).iter().all(|line| line["variant_id"] != scarce));
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_order() {
        assert_eq!(lines(7, false), lines(7, false));
        assert_ne!(lines(7, false), lines(8, false));
    }
}
