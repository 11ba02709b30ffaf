//! Whether the words of all products are in the index, for the audit.

use crate::{
    domain::catalog::spaced,
    store::{TableFacts, WORDS, sqlite::tables::judged_by},
};
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

const STALE: &str = "SELECT 'words are kept under number {}, where there is no product', id FROM catalog_search_docsize \
                     WHERE id NOT IN (SELECT number FROM catalog_product)";

/// Looks each product up by its words. The index keeps no text, so that it can be asked for words and not for what it has.
pub(in crate::store::sqlite) fn words_of_products(conn: &Connection) -> rusqlite::Result<TableFacts> {
    let mut facts = judged_by(conn, WORDS, "catalog_product", STALE)?;
    let mut products = conn.prepare("SELECT number, id, name, category FROM catalog_product")?;
    let mut listed = conn.prepare("SELECT 1 FROM catalog_search_docsize WHERE id = ?1")?;
    let mut found = conn.prepare("SELECT 1 FROM catalog_search WHERE rowid = ?1 AND catalog_search MATCH ?2")?;
    let mut rows = products.query([])?;
    while let Some(row) = rows.next()? {
        let (number, name): (i64, String) = (row.get(0)?, row.get(2)?);
        let category: Option<String> = row.get(3)?;
        let phrase = |column: &str, text: &str| match spaced(text) {
            words if words.is_empty() => None,
            words => Some(format!("{column} : \"{words}\"")),
        };
        let phrases = [phrase("name", &name), category.and_then(|category| phrase("category", &category))];
        let sought = phrases.into_iter().flatten().collect::<Vec<_>>().join(" AND ");
        let there: Option<i64> = match sought.as_str() {
            "" => listed.query_row([number], |row| row.get(0)).optional()?,
            sought => found.query_row((number, sought), |row| row.get(0)).optional()?,
        };
        if there.is_none() {
            let id = Uuid::from_bytes(row.get(1)?);
            facts.broken(|| format!("product {id}, {name:?}, is not found by its words"));
        }
    }
    Ok(facts)
}
