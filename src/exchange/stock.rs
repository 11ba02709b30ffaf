//! How many pieces lie where: a variant in a warehouse in each row. A row is a count, which corrects the level.

use super::{Column, Effect, Row, Take, offers::variant, places};
use crate::{
    domain::{
        field::Note,
        ids::{IdMap, VariantId, WarehouseId},
        stock::{Adjust, OnHand, Shelf, StockChange, StockRefusal},
    },
    store::{BulkTx, LevelRow, StoreError},
};

/// The reason in the ledger.
const REASON: &str = "import";

/// The sheet, and the line of each level so far.
#[derive(Default)]
pub(super) struct StockSheet {
    levels: IdMap<(WarehouseId, VariantId), u64>,
}

impl Take for StockSheet {
    const COLUMNS: &'static [Column] =
        &[Column::required("warehouse"), Column::required("sku"), Column::required("on_hand")];

    fn take(&mut self, row: &mut Row<'_>, tx: &dyn BulkTx) -> Result<Effect, StoreError> {
        let warehouse_id = row.check("warehouse", places::warehouse(row.text("warehouse"), tx)?);
        let variant_id = variant(row, tx)?;
        let on_hand = row.number("on_hand", OnHand::parse);
        let (Some(warehouse_id), Some(variant_id)) = (warehouse_id, variant_id) else { return Ok(Effect::Nothing) };
        if let Some(first) = self.levels.insert((warehouse_id, variant_id), row.line) {
            row.fault("sku", format!("the warehouse's level of it is in line {first} already"));
            return Ok(Effect::Nothing);
        }
        let Some(on_hand) = on_hand else { return Ok(Effect::Nothing) };
        let place = Shelf { variant_id, warehouse_id };
        let level = tx.level(place)?;
        // Nobody else changes the level meanwhile: what is there is what is expected.
        let expected = OnHand::parse(level.map_or(0, |level| level.on_hand()));
        let Some(expected_on_hand) = row.check("on_hand", expected) else { return Ok(Effect::Nothing) };
        let Some(reason) = row.check("on_hand", Note::parse(REASON.to_owned())) else { return Ok(Effect::Nothing) };
        let count = StockChange::Adjust(Adjust { shelf: place, on_hand, expected_on_hand, reason });
        Ok(match tx.change_stock(&count)? {
            Ok(changed) if changed.movements.is_empty() => Effect::Nothing,
            Ok(_) if level.is_none() => Effect::Added,
            Ok(_) => Effect::Changed,
            Err(refusal) => {
                let column = match refusal {
                    StockRefusal::NoWarehouse(_) | StockRefusal::WarehouseInactive(_) => "warehouse",
                    StockRefusal::NoVariant(_) | StockRefusal::VariantInactive(_) => "sku",
                    _ => "on_hand",
                };
                row.fault(column, refusal.to_string());
                Effect::Nothing
            }
        })
    }
}

/// A level as this sheet reads it.
pub(super) fn cells(row: &LevelRow) -> Vec<String> {
    vec![places::show_warehouse(row), row.sku.as_str().to_owned(), row.level.on_hand().to_string()]
}
