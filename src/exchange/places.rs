//! Shops and warehouses as files name them: by name where that is clear, by id anywhere.

use crate::{
    domain::{
        catalog::{ShopName, WarehouseName},
        ids::{ShopId, WarehouseId},
    },
    store::{BulkTx, LevelRow, ShopLabel, StoreError},
};
use uuid::Uuid;

/// The one that is meant, or why it is not clear which.
type Found<T> = Result<Result<T, String>, StoreError>;

/// The shop of a name or an id.
pub(super) fn shop(cell: &str, tx: &dyn BulkTx) -> Found<ShopId> {
    if let Ok(id) = cell.parse()
        && tx.has_shop(id)?
    {
        return Ok(Ok(id));
    }
    Ok(only(shops_named(cell, tx)?, "shop"))
}

fn shops_named(name: &str, tx: &dyn BulkTx) -> Result<Vec<ShopId>, StoreError> {
    ShopName::parse(name.to_owned()).map_or_else(|_| Ok(Vec::new()), |name| tx.shops_named(&name))
}

/// The warehouse of an id, or of its shop's name and its own: `Toko Gayo/Gudang Utara`.
pub(super) fn warehouse(cell: &str, tx: &dyn BulkTx) -> Found<WarehouseId> {
    if let Ok(id) = cell.parse()
        && tx.has_warehouse(id)?
    {
        return Ok(Ok(id));
    }
    let mut found = Vec::new();
    // Either name may have a slash of its own.
    for (at, _) in cell.match_indices('/') {
        let Ok(name) = WarehouseName::parse(cell[at + 1..].to_owned()) else { continue };
        for shop in shops_named(&cell[..at], tx)? {
            found.extend(tx.warehouses_named(shop, &name)?);
        }
    }
    Ok(only(found, "warehouse"))
}

fn only<T>(mut found: Vec<T>, what: &str) -> Result<T, String> {
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), others) => Err(format!("there are {} {what}s of this name; give the {what}'s id", others + 1)),
        (None, _) => Err(format!("there is no such {what}")),
    }
}

/// A shop as [`shop`] finds it.
pub(super) fn show_shop(shop: &ShopLabel) -> String {
    let name = shop.name.as_str();
    if shop.is_unique && Uuid::parse_str(name).is_err() { name.to_owned() } else { shop.id.to_string() }
}

/// A warehouse as [`warehouse`] finds it.
pub(super) fn show_warehouse(row: &LevelRow) -> String {
    let (shop, warehouse) = (row.shop.name.as_str(), row.warehouse.as_str());
    let is_clear = row.shop.is_unique && row.is_unique && !shop.contains('/') && !warehouse.contains('/');
    if is_clear { format!("{shop}/{warehouse}") } else { row.level.shelf.warehouse_id.to_string() }
}
