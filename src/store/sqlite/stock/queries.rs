//! What can be asked of the stock, without waiting behind a write.

use super::{catalog, ledger, levels, reservations, unless_unreadable};
use crate::{
    domain::{
        ids::{OrderId, ShopId, VariantId, WarehouseId},
        stock::Reservation,
    },
    store::{
        MovementFilter, MovementRow, MovementSeq, Page, StockQueries, StockedLevel, StoreError,
        sqlite::{Sqlite, readers::Condition},
    },
};
use futures::future::BoxFuture;
use rusqlite::{
    OptionalExtension, Row, ToSql,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};

/// A warehouse's levels, by variant.
const LEVELS_IN: &str = "SELECT id, warehouse_id, shop_id, on_hand, reserved, updated_at FROM \
                         (SELECT variant_id AS id, warehouse_id, shop_id, on_hand, reserved, updated_at \
                          FROM stock_level)";

impl ToSql for MovementSeq {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0))
    }
}

impl FromSql for MovementSeq {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

impl StockQueries for Sqlite {
    fn reservation_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Reservation>, StoreError>> {
        match self.recent.reservations.committed(order) {
            Some(known) => Box::pin(std::future::ready(Ok(Some(known.row)))),
            None => self.readers.look_up(|conn| {
                conn.prepare_cached(reservations::ONE)?.query_row([order], reservations::read).optional()
            }),
        }
    }

    fn available(&self, offers: Vec<(ShopId, VariantId)>) -> BoxFuture<'static, Result<Vec<i64>, StoreError>> {
        self.readers.read(move |conn| {
            let snapshot = conn.unchecked_transaction()?;
            let mut open = snapshot.prepare_cached(catalog::OPEN)?;
            let available = offers.into_iter().map(|offer| {
                let levels = open.query_map(offer, |row| unless_unreadable(levels::read(row)))?;
                levels
                    .filter_map(Result::transpose)
                    .try_fold(0_i64, |sum, level| Ok(sum.saturating_add(level?.available())))
            });
            available.collect()
        })
    }

    fn levels_of(&self, variant: VariantId) -> BoxFuture<'static, Result<Option<Vec<StockedLevel>>, StoreError>> {
        self.readers.read(move |conn| {
            let snapshot = conn.unchecked_transaction()?;
            let known: Option<bool> =
                snapshot.prepare_cached(catalog::VARIANT)?.query_row([variant], |row| row.get(0)).optional()?;
            let read = |row: &Row<'_>| {
                Ok(StockedLevel { level: levels::read(row)?, updated_at: row.get(5)?, active: row.get(6)? })
            };
            let levels = snapshot
                .prepare_cached(catalog::LEVELS_OF)?
                .query_map([variant], |row| unless_unreadable(read(row)))?
                .filter_map(Result::transpose)
                .collect::<rusqlite::Result<_>>()?;
            Ok(known.map(|_| levels))
        })
    }

    fn levels_in(
        &self,
        warehouse: WarehouseId,
        page: Page<VariantId>,
    ) -> BoxFuture<'static, Result<Option<Vec<StockedLevel>>, StoreError>> {
        let known = self.readers.look_up(|conn| {
            conn.prepare_cached(catalog::WAREHOUSE)?.query_row([warehouse], |row| row.get::<_, bool>(1)).optional()
        });
        let conditions: Vec<Condition> = vec![("warehouse_id = ?", Box::new(warehouse))];
        let levels = self.readers.read_page(LEVELS_IN, conditions, page, |row| Ok((levels::read(row)?, row.get(5)?)));
        Box::pin(async move {
            let Some(active) = known.await? else { return Ok(None) };
            let levels = levels.await?.into_iter();
            Ok(Some(levels.map(|(level, updated_at)| StockedLevel { level, active, updated_at }).collect()))
        })
    }

    fn movements(
        &self,
        filter: MovementFilter,
        page: Page<MovementSeq>,
    ) -> BoxFuture<'static, Result<Vec<MovementRow>, StoreError>> {
        let MovementFilter { variant_id, warehouse_id, order_id } = filter;
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(order_id) = order_id {
            conditions.push(("order_id = ?", Box::new(order_id)));
        }
        let list = match (order_id, variant_id, warehouse_id) {
            (None, Some(variant_id), _) => {
                conditions.push(("s.variant_id = ?", Box::new(variant_id)));
                ledger::LISTED_BY_VARIANT
            }
            (None, None, Some(warehouse_id)) => {
                conditions.push(("s.warehouse_id = ?", Box::new(warehouse_id)));
                ledger::LISTED_BY_WAREHOUSE
            }
            (Some(_), ..) | (None, None, None) => ledger::LISTED,
        };
        if let Some(variant_id) = variant_id {
            conditions.push(("m.variant_id = ?", Box::new(variant_id)));
        }
        if let Some(warehouse_id) = warehouse_id {
            conditions.push(("m.warehouse_id = ?", Box::new(warehouse_id)));
        }
        if let Some(MovementSeq(before)) = page.before
            && list.order != ledger::LISTED.order
        {
            conditions.push(("stretch <= ?", Box::new(before.div_euclid(ledger::STRETCH))));
        }
        let read = |row: &Row<'_>| Ok(MovementRow { movement: ledger::read(row)?, seq: row.get(10)? });
        self.readers.read_list(list, conditions, page, read)
    }
}
