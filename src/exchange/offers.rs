//! What shops sell for how much: an offer in each row.

use super::{Column, Effect, Row, Take, places};
use crate::{
    domain::{
        catalog::{CatalogRefusal, PutOffer, Sku, Write},
        ids::{IdMap, ShopId, VariantId},
        money::{Currency, Price},
    },
    store::{BulkTx, OfferRow, StoreError},
};

/// The sheet, and the line of each offer so far.
#[derive(Default)]
pub(super) struct OfferSheet {
    offers: IdMap<(ShopId, VariantId), u64>,
}

impl Take for OfferSheet {
    const COLUMNS: &'static [Column] = &[
        Column::required("shop"),
        Column::required("sku"),
        Column::required("price"),
        Column::required("currency"),
        Column::required("active"),
    ];

    fn take(&mut self, row: &mut Row<'_>, tx: &dyn BulkTx) -> Result<Effect, StoreError> {
        let shop_id = row.check("shop", places::shop(row.text("shop"), tx)?);
        let variant_id = variant(row, tx)?;
        let price = row.number("price", Price::parse);
        let currency = row.parse("currency", |code| code.parse::<Currency>().map_err(|_| "must be IDR"));
        let active = row.yes_or_no("active");
        let (Some(shop_id), Some(variant_id)) = (shop_id, variant_id) else { return Ok(Effect::Nothing) };
        if let Some(first) = self.offers.insert((shop_id, variant_id), row.line) {
            row.fault("sku", format!("the shop's offer of it is in line {first} already"));
            return Ok(Effect::Nothing);
        }
        let (Some(price), Some(currency), Some(active)) = (price, currency, active) else {
            return Ok(Effect::Nothing);
        };
        let put = PutOffer { shop_id, variant_id, price, currency, active };
        Ok(match tx.change_catalog(&put.into())? {
            Ok(change) => match change.write {
                Write::Nothing => Effect::Nothing,
                Write::Insert => Effect::Added,
                Write::Update => Effect::Changed,
            },
            Err(refusal) => {
                let column = if matches!(refusal, CatalogRefusal::NoShop(_)) { "shop" } else { "sku" };
                row.fault(column, refusal.to_string());
                Effect::Nothing
            }
        })
    }
}

/// The variant of a row's stock-keeping unit.
pub(super) fn variant(row: &mut Row<'_>, tx: &dyn BulkTx) -> Result<Option<VariantId>, StoreError> {
    let Some(sku) = row.parse("sku", Sku::parse) else { return Ok(None) };
    let variant = tx.variant(&sku)?;
    Ok(row.check("sku", variant.map(|variant| variant.id).ok_or("there is no variant with this sku")))
}

/// An offer as this sheet reads it.
pub(super) fn cells(row: &OfferRow) -> Vec<String> {
    let currency: &'static str = row.offer.currency.into();
    vec![
        places::show_shop(&row.shop),
        row.sku.as_str().to_owned(),
        row.offer.price.get().to_string(),
        currency.to_owned(),
        row.offer.active.to_string(),
    ]
}
