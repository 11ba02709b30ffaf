//! Bulk changes: all or none, alone in their transaction, run once.

use super::{
    given::{one, store},
    shelves::{offer, product, shop, variant},
};
use crate::support::Sql;
use backstitch::{
    domain::catalog::CatalogCommand,
    store::{Stats, StoreError, Verdict},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

fn commands() -> [CatalogCommand; 2] {
    [product("Kopi", None).into(), shop("Toko").into()]
}

fn count(raw: &Sql<'_>) -> i64 {
    raw.one("SELECT (SELECT count(*) FROM catalog_product) + (SELECT count(*) FROM catalog_shop)", &[])
}

#[actix_web::test]
async fn what_is_kept_is_there_and_what_is_discarded_is_not() {
    for (verdict, rows) in [(Verdict::Keep, 2), (Verdict::Discard, 0)] {
        let test = store();
        let work = test.store.bulk.change(Box::new(move |tx| {
            assert!(tx.is_empty()?);
            for command in commands() {
                tx.change_catalog(&command)?.unwrap();
            }
            assert!(!tx.is_empty()?);
            Ok(verdict)
        }));
        assert_eq!(work.await, Ok(verdict));
        assert_eq!(count(&test.raw()), rows);
    }
}

#[actix_web::test]
async fn a_change_whose_statement_fails_is_never_kept_nor_run_again() {
    let test = store();
    test.raw().refuse("catalog_shop", "NEW.created_at >= 0", &[]);
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let work = test.store.bulk.change(Box::new(move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        let [product, shop] = commands();
        tx.change_catalog(&product)?.unwrap();
        assert!(matches!(tx.change_catalog(&shop), Err(StoreError::Refused(_))));
        Ok(Verdict::Keep)
    }));
    assert_eq!(work.await, Ok(Verdict::Discard));
    assert_eq!((count(&test.raw()), runs.load(Ordering::Relaxed)), (0, 1));
    assert_eq!(Stats::get(&test.store.stats.reruns), 0);
}

#[actix_web::test]
async fn a_change_that_panics_fails_alone() {
    let test = store();
    let work = test.store.bulk.change(Box::new(|tx| {
        tx.change_catalog(&commands()[0])?.unwrap();
        panic!("on purpose");
    }));
    // Handed over meanwhile, and run in the next transaction.
    let after = test.store.catalog.execute(vec![commands()[1].clone().into()]);
    assert!(matches!(work.await, Err(StoreError::Poisoned(why)) if why.contains("on purpose")));
    assert!(one(after.await).unwrap().is_ok());
    assert_eq!(count(&test.raw()), 1);
}

#[actix_web::test]
async fn a_change_sees_what_was_handed_over_before_and_nothing_that_came_later() {
    let test = store();
    let [before, after] = commands();
    let first = test.store.catalog.execute(vec![before.into()]);
    let work = test.store.bulk.all_or_none(|tx| Ok(if tx.is_empty()? { Err("empty") } else { Ok(()) }));
    let (first, seen, second) =
        tokio::join!(first, work, async { test.store.catalog.execute(vec![after.into()]).await });
    assert!(one(first).unwrap().is_ok() && one(second).unwrap().is_ok());
    assert_eq!(seen, Ok(Ok(())));
}

#[actix_web::test]
async fn what_was_looked_up_before_a_change_is_looked_up_anew_after_it() {
    let test = store();
    let (coffee, toko) = (product("Kopi", None), shop("Toko"));
    let beans = variant(coffee.id, "K");
    let (shop_id, variant_id) = (toko.id, beans.id);
    for command in [coffee.into(), toko.into(), beans.into(), offer(shop_id, variant_id, 5).into()] {
        let command: CatalogCommand = command;
        one(test.store.catalog.execute(vec![command.into()]).await).unwrap().unwrap();
    }
    let price = async || {
        let offers = test.store.catalog.offers_for(&[(shop_id, variant_id)]).await.unwrap();
        offers[0].as_ref().map(|offer| offer.price.get())
    };
    assert_eq!(price().await, Some(5));
    let work = test.store.bulk.change(Box::new(move |tx| {
        tx.change_catalog(&offer(shop_id, variant_id, 7).into())?.unwrap();
        Ok(Verdict::Keep)
    }));
    assert_eq!(work.await, Ok(Verdict::Keep));
    assert_eq!(price().await, Some(7));
}
