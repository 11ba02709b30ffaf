//! What can be asked of the stock, without waiting behind a write.

use super::{catalog, ledger, levels, reservations};
use crate::{
    domain::{
        ids::{OrderId, ShopId, VariantId, WarehouseId},
        stock::Reservation,
    },
    store::{
        Answers, Commands, Keyed, MovementFilter, MovementRow, MovementSeq, Page, StockQueries, StockReply,
        StockRequest, StockedLevel, StoreError,
        commands::StockRunner,
        postgres::{
            Postgres,
            codec::{Unreadable, get},
            loader::Loader,
            readers::{Condition, List, Planned, Readers, unless_unreadable},
        },
    },
};
use futures::future::BoxFuture;
use tokio_postgres::Row;
use uuid::Uuid;

type Answer<T> = BoxFuture<'static, Result<T, StoreError>>;

/// A warehouse's levels, the newest variants first.
const LEVELS_IN: List =
    List { select: levels::LISTED, key: "variant_id", key_column: 0, order: "variant_id DESC", planned: Planned::Once };
/// The ledger, newest first.
const MOVEMENTS: List =
    List { select: ledger::LISTED, key: "seq", key_column: ledger::SEQ, order: "seq DESC", planned: Planned::Once };

/// What looks orders' reservations up.
pub(in crate::store::postgres) fn loader(readers: &Readers) -> Loader<OrderId, Reservation> {
    readers.loader(reservations::OF_ORDERS, reservations::read, |_, _| {})
}

fn stocked(row: &Row, active: bool) -> Result<StockedLevel, Unreadable> {
    Ok(StockedLevel { level: levels::read(row)?, updated_at: get(row, 5)?, active })
}

impl Commands<StockRequest, StockReply> for Postgres {
    fn execute(&self, commands: Vec<Keyed<StockRequest>>) -> BoxFuture<'static, Answers<StockReply>> {
        self.queue.execute::<StockRunner>(commands)
    }
}

impl StockQueries for Postgres {
    fn reservation_of(&self, order: OrderId) -> Answer<Option<Reservation>> {
        self.reservations.find(order)
    }

    fn available(&self, offers: Vec<(ShopId, VariantId)>) -> Answer<Vec<i64>> {
        let (shops, variants): (Vec<_>, Vec<_>) = offers.into_iter().unzip();
        self.readers.read(async move |client| {
            let statement = client.prepare_cached(catalog::OPEN_OF_OFFERS).await?;
            let mut available = vec![0_i64; shops.len()];
            for row in client.query(&statement, &[&shops, &variants]).await? {
                if let Some(level) = unless_unreadable(levels::read(&row))
                    && let Some(sum) = available.get_mut(catalog::offer_index(&row)?)
                {
                    *sum = sum.saturating_add(level.available());
                }
            }
            Ok(available)
        })
    }

    fn levels_of(&self, variant: VariantId) -> Answer<Option<Vec<StockedLevel>>> {
        self.readers.read(async move |client| {
            let statement = client.prepare_cached(catalog::LEVELS_OF).await?;
            let found = client.query(&statement, &[&variant]).await?;
            let has_level = |row: &&Row| !matches!(get::<Option<Uuid>>(row, 0), Ok(None));
            let read = |row: &Row| stocked(row, get(row, 6)?);
            let levels = found.iter().filter(has_level).filter_map(|row| unless_unreadable(read(row)));
            Ok((!found.is_empty()).then(|| levels.collect()))
        })
    }

    fn levels_in(&self, warehouse: WarehouseId, page: Page<VariantId>) -> Answer<Option<Vec<StockedLevel>>> {
        let known = self.readers.find(catalog::WAREHOUSE, vec![Box::new(warehouse)], |row| get(row, 0));
        let conditions: Vec<Condition> = vec![("warehouse_id = $n", Box::new(warehouse))];
        let levels = self.readers.list(LEVELS_IN, conditions, page, |row| stocked(row, false));
        Box::pin(async move {
            let Some(active) = known.await? else { return Ok(None) };
            Ok(Some(levels.await?.into_iter().map(|level| StockedLevel { active, ..level }).collect()))
        })
    }

    fn movements(&self, filter: MovementFilter, page: Page<MovementSeq>) -> Answer<Vec<MovementRow>> {
        let MovementFilter { variant_id, warehouse_id, order_id } = filter;
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(order_id) = order_id {
            conditions.push(("order_id = $n", Box::new(order_id)));
        }
        if let Some(variant_id) = variant_id {
            conditions.push(("variant_id = $n", Box::new(variant_id)));
        }
        if let Some(warehouse_id) = warehouse_id {
            conditions.push(("warehouse_id = $n", Box::new(warehouse_id)));
        }
        let read = |row: &Row| Ok(MovementRow { movement: ledger::read(row)?, seq: get(row, ledger::SEQ)? });
        self.readers.list(MOVEMENTS, conditions, page, read)
    }
}
