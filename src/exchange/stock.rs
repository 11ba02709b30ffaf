//! How many pieces lie where: a variant in a warehouse in each row. A row is a count, which corrects the level that
//! whoever counted knew of, or a difference, which is added to whatever is there.

use super::{Column, Effect, Row, Take, offers::variant, places};
use crate::{
    domain::{
        field::Note,
        ids::{IdMap, VariantId, WarehouseId},
        stock::{Adjust, Difference, OnHand, Shelf, Shift, StockChange, StockRefusal},
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
    const COLUMNS: &'static [Column] = &[
        Column::required("warehouse"),
        Column::required("sku"),
        Column::optional("on_hand"),
        Column::optional("expected_on_hand"),
        Column::understood("delta"),
    ];

    fn lack(has: &dyn Fn(&str) -> bool) -> Option<&'static str> {
        let counts = has("on_hand") && has("expected_on_hand");
        let is_clear = counts || (has("delta") && !has("on_hand"));
        (!is_clear).then_some(
            "a count needs the columns on_hand and expected_on_hand (how many the count was compared with: an export \
             writes it), a difference the column delta",
        )
    }

    fn take(&mut self, row: &mut Row<'_>, tx: &dyn BulkTx) -> Result<Effect, StoreError> {
        let warehouse_id = row.check("warehouse", places::warehouse(row.text("warehouse"), tx)?);
        let variant_id = variant(row, tx)?;
        let said = said(row);
        let (Some(warehouse_id), Some(variant_id)) = (warehouse_id, variant_id) else { return Ok(Effect::Nothing) };
        if let Some(first) = self.levels.insert((warehouse_id, variant_id), row.line) {
            row.fault("sku", format!("the warehouse's level of it is in line {first} already"));
            return Ok(Effect::Nothing);
        }
        let Some(said) = said else { return Ok(Effect::Nothing) };
        let place = Shelf { variant_id, warehouse_id };
        let level = tx.level(place)?;
        let Some(reason) = row.check("sku", Note::parse(REASON.to_owned())) else { return Ok(Effect::Nothing) };
        let (change, column) = match said {
            Said::Count { on_hand, expected_on_hand } => {
                (StockChange::Adjust(Adjust { shelf: place, on_hand, expected_on_hand, reason }), "on_hand")
            }
            Said::Delta(by) => (StockChange::Shift(Shift { shelf: place, by, reason }), "delta"),
        };
        Ok(match tx.change_stock(&change)? {
            Ok(changed) if changed.movements.is_empty() => Effect::Nothing,
            Ok(_) if level.is_none() => Effect::Added,
            Ok(_) => Effect::Changed,
            Err(refusal) => {
                let column = match refusal {
                    StockRefusal::NoWarehouse(_) | StockRefusal::WarehouseInactive(_) => "warehouse",
                    StockRefusal::NoVariant(_) | StockRefusal::VariantInactive(_) => "sku",
                    StockRefusal::Changed { .. } => "expected_on_hand",
                    _ => column,
                };
                row.fault(column, refusal.to_string());
                Effect::Nothing
            }
        })
    }
}

/// What a row says of a level.
enum Said {
    Count { on_hand: OnHand, expected_on_hand: OnHand },
    Delta(Difference),
}

fn said(row: &mut Row<'_>) -> Option<Said> {
    match row.text("delta").trim() {
        "" => {
            let (on_hand, expected) =
                (row.number("on_hand", OnHand::parse), row.number("expected_on_hand", OnHand::parse));
            Some(Said::Count { on_hand: on_hand?, expected_on_hand: expected? })
        }
        // An export that a column is added to has both of the others, and they are the same.
        _ if row.text("on_hand").trim() == row.text("expected_on_hand").trim() => {
            row.number("delta", Difference::parse).map(Said::Delta)
        }
        _ => {
            row.fault("delta", "must be empty in a row that has another on_hand than expected_on_hand");
            None
        }
    }
}

/// A level as this sheet reads it.
pub(super) fn cells(row: &LevelRow) -> Vec<String> {
    let on_hand = row.level.on_hand().to_string();
    vec![places::show_warehouse(row), row.sku.as_str().to_owned(), on_hand.clone(), on_hand]
}
