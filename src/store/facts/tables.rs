//! What must hold between the rows of one owner, whatever order they are about: judged by the database itself, in its
//! snapshot.
//!
//! ```text
//!   TABLE_RULES ── how many rows, which of them are broken ──▶ a backend's snapshot ──▶ TableFacts
//! ```
//!
//! The statements are written once for all backends: they compare keys and nothing else. A row that is broken is told by
//! its first column, in which each `{}` stands for one of the further columns.

use crate::role::{Role, Roles};
use serde::{Deserialize, Serialize};

/// Broken rows that are named; the others are only counted.
const MOST_NAMED: usize = 20;

/// What one database has of what a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFacts {
    /// The rule's name.
    pub rule: String,
    /// Rows that it applies to.
    pub rows: u64,
    /// Those among them that break it.
    pub broken: u64,
    /// The first of those, each with the reason.
    pub named: Vec<String>,
}

impl TableFacts {
    /// Rows of which none is known to be broken.
    pub(in crate::store) fn of(rule: &str, rows: i64) -> Self {
        Self { rule: rule.to_owned(), rows: rows.unsigned_abs(), broken: 0, named: Vec::new() }
    }

    /// One of them is broken.
    pub(in crate::store) fn broken(&mut self, why: impl FnOnce() -> String) {
        self.broken += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(why());
        }
    }
}

/// One rule about the rows of a table.
pub(in crate::store) struct TableRule {
    pub(in crate::store) name: &'static str,
    /// Whose table it is.
    pub(in crate::store) role: Role,
    /// The rows that it applies to, behind `FROM`.
    pub(in crate::store) rows: &'static str,
    /// The broken ones.
    pub(in crate::store) broken: &'static str,
}

/// Promise 5: a client that repeats a request is told of what the first one made. A key and what it names are written
/// together, and what a key names is not removed as long as the key is remembered.
pub const KEYS: &str = "idempotency_keys_name_what_is_there";
/// Promise 5: what is sold can be shown and delivered: each row of the catalogue and of the stock has the rows that it
/// names.
pub const CATALOGUE: &str = "catalogue_rows_have_what_they_name";
/// Promise 5: a list of a variant's or a warehouse's movements has all of them. Where the database keeps no stretches,
/// its own indexes hold this.
pub const STRETCHES: &str = "ledger_stretches_name_their_movements";
/// Promise 5: a product is found by the words of its name and its category.
pub const WORDS: &str = "products_are_found_by_their_words";

/// The names of all rules about tables, in the order in which they are reported.
pub const TABLE_RULE_NAMES: [&str; 4] = [KEYS, CATALOGUE, STRETCHES, WORDS];

const fn rule(name: &'static str, role: Role, rows: &'static str, broken: &'static str) -> TableRule {
    TableRule { name, role, rows, broken }
}

/// The rules that any backend can judge. The words and the stretches are laid out by each in its own way.
pub(in crate::store) static TABLE_RULES: &[TableRule] = &[
    rule(
        KEYS,
        Role::Order,
        "order_idempotency",
        "SELECT 'an idempotency key names order {}, which is not there', i.order_id FROM order_idempotency i \
         WHERE NOT EXISTS (SELECT 1 FROM order_order o WHERE o.id = i.order_id)",
    ),
    rule(
        KEYS,
        Role::Coordinator,
        "saga_idempotency",
        "SELECT 'an idempotency key names saga {} of order {}, which is not there', i.saga_id, i.order_id \
         FROM saga_idempotency i \
         WHERE NOT EXISTS (SELECT 1 FROM saga_saga s WHERE s.id = i.saga_id AND s.order_id = i.order_id)",
    ),
    rule(
        KEYS,
        Role::Payment,
        "payment_idempotency",
        "SELECT 'an idempotency key names a payment of order {}, which is not there', i.order_id \
         FROM payment_idempotency i \
         WHERE NOT EXISTS (SELECT 1 FROM payment_payment p WHERE p.order_id = i.order_id AND p.number = i.number)",
    ),
    rule(
        KEYS,
        Role::Stock,
        "stock_idempotency WHERE transfer_id IS NOT NULL",
        "SELECT 'an idempotency key names transfer {}, which moved nothing', i.transfer_id FROM stock_idempotency i \
         WHERE i.transfer_id IS NOT NULL AND i.transfer_id NOT IN \
         (SELECT m.transfer_id FROM stock_movement m WHERE m.transfer_id IS NOT NULL)",
    ),
    rule(
        KEYS,
        Role::Stock,
        "catalog_idempotency",
        "SELECT 'an idempotency key names {}, which is not in the catalogue', i.made FROM catalog_idempotency i \
         WHERE NOT EXISTS (SELECT 1 FROM catalog_product p WHERE p.id = i.made) \
         AND NOT EXISTS (SELECT 1 FROM catalog_variant v WHERE v.id = i.made) \
         AND NOT EXISTS (SELECT 1 FROM catalog_shop s WHERE s.id = i.made) \
         AND NOT EXISTS (SELECT 1 FROM catalog_warehouse w WHERE w.id = i.made)",
    ),
    rule(
        CATALOGUE,
        Role::Stock,
        "catalog_variant",
        "SELECT 'variant {} is of product {}, which is not there', v.id, v.product_id FROM catalog_variant v \
         WHERE NOT EXISTS (SELECT 1 FROM catalog_product p WHERE p.id = v.product_id)",
    ),
    rule(
        CATALOGUE,
        Role::Stock,
        "catalog_offer",
        "SELECT 'shop {} offers variant {}, and one of the two is not there', o.shop_id, o.variant_id \
         FROM catalog_offer o WHERE NOT EXISTS (SELECT 1 FROM catalog_variant v WHERE v.id = o.variant_id) \
         OR NOT EXISTS (SELECT 1 FROM catalog_shop s WHERE s.id = o.shop_id)",
    ),
    rule(
        CATALOGUE,
        Role::Stock,
        "catalog_warehouse",
        "SELECT 'warehouse {} is of shop {}, which is not there', w.id, w.shop_id FROM catalog_warehouse w \
         WHERE NOT EXISTS (SELECT 1 FROM catalog_shop s WHERE s.id = w.shop_id)",
    ),
    rule(
        CATALOGUE,
        Role::Stock,
        "stock_level",
        "SELECT 'stock of variant {} is in warehouse {} of shop {}, and one of the three is not there', \
         l.variant_id, l.warehouse_id, l.shop_id FROM stock_level l \
         WHERE NOT EXISTS (SELECT 1 FROM catalog_variant v WHERE v.id = l.variant_id) \
         OR NOT EXISTS (SELECT 1 FROM catalog_warehouse w WHERE w.id = l.warehouse_id AND w.shop_id = l.shop_id)",
    ),
];

/// The rules about the tables of these roles.
pub(in crate::store) fn table_rules(of: Roles) -> impl Iterator<Item = &'static TableRule> {
    TABLE_RULES.iter().filter(move |rule| of.contains(rule.role))
}

/// A broken row in words: each `{}` of its first column is one of the further columns.
pub(in crate::store) fn told(text: &str, further: impl IntoIterator<Item = String>) -> String {
    further.into_iter().fold(text.to_owned(), |text, column| text.replacen("{}", &column, 1))
}
