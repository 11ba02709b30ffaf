//! The rules about whole tables, judged in a snapshot.

use super::{
    catalog::words,
    codec::{Unreadable, get},
    snapshot::{Snapshot, Snapshots},
};
use crate::{
    domain::catalog::{Category, ProductName},
    role::{Role, Roles},
    store::{
        StoreError, TableFacts, WORDS,
        facts::{table_rules, told},
    },
};
use futures::future::BoxFuture;
use tokio_postgres::Row;
use uuid::Uuid;

const PRODUCTS: &str = "SELECT id, name, category FROM catalog_product";
/// Those of these products whose words are others.
const OTHERS: &str = "SELECT p.id, p.name FROM unnest($1::uuid[], $2::text[]) AS w (id, words) \
                      JOIN catalog_product p ON p.id = w.id WHERE p.words <> w.words::tsvector";

impl Snapshots {
    pub(super) fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        self.on_a_thread(move |snapshot| judge(snapshot, of))
    }
}

fn judge(snapshot: &Snapshot<'_>, of: Roles) -> Result<Vec<TableFacts>, StoreError> {
    let owners = snapshot.owners()?;
    let here = Roles::of(of.iter().filter(|role| owners.contains(*role)));
    let mut judged = Vec::new();
    for rule in table_rules(here) {
        let mut facts = TableFacts::of(rule.name, count(snapshot, rule.rows)?);
        for broken in snapshot.rows(rule.broken, in_words)? {
            let broken = broken?;
            facts.broken(|| broken);
        }
        judged.push(facts);
    }
    if here.contains(Role::Stock) {
        judged.push(words_of_products(*snapshot)?);
    }
    Ok(judged)
}

fn count(snapshot: &Snapshot<'_>, rows: &str) -> Result<i64, StoreError> {
    let counted = snapshot.query(&format!("SELECT count(*) FROM {rows}"), &[])?;
    Ok(counted.first().map_or(Ok(0), |row| get(row, 0))?)
}

fn in_words(row: &Row) -> Result<String, Unreadable> {
    let further = (1..row.len()).map(|column| Ok(get::<Uuid>(row, column)?.to_string()));
    Ok(told(get(row, 0)?, further.collect::<Result<Vec<_>, Unreadable>>()?))
}

/// Makes the words of each product anew and compares.
fn words_of_products(snapshot: Snapshot<'_>) -> Result<TableFacts, StoreError> {
    let mut facts = TableFacts::of(WORDS, count(&snapshot, "catalog_product")?);
    let others = snapshot.portions(PRODUCTS, move |rows| {
        let mut ids: Vec<Uuid> = Vec::with_capacity(rows.len());
        let mut vectors: Vec<String> = Vec::with_capacity(rows.len());
        for row in rows {
            let category: Option<String> = get(row, 2)?;
            ids.push(get(row, 0)?);
            vectors.push(words::vector(&ProductName::stored(get(row, 1)?), category.map(Category::stored).as_ref()));
        }
        let others = snapshot.query(OTHERS, &[&ids, &vectors])?;
        let named = |row: &Row| {
            let (id, name): (Uuid, String) = (get(row, 0)?, get(row, 1)?);
            Ok(format!("product {id}, {name:?}, is not found by its words"))
        };
        others.iter().map(named).collect()
    })?;
    for other in others {
        let other = other?;
        facts.broken(|| other);
    }
    Ok(facts)
}
