//! What is moved: every table of every owner, with what each backend calls its columns.
//!
//! Left out is what only one of them has: SQLite's full-text index, its stretches of the ledger and the numbers of
//! its products, PostgreSQL's nodes and generated columns.

use std::fmt;

/// What a column holds. Each may be NULL where the schema lets it be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Id,
    Number,
    Flag,
    Text,
    Bytes,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Column {
    /// What SQLite calls it.
    pub(in crate::store) from: &'static str,
    /// What PostgreSQL calls it.
    pub(in crate::store) to: &'static str,
    pub(in crate::store) kind: Kind,
}

/// What PostgreSQL has and SQLite has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Made {
    /// The words of a product's name and category, by which it is found.
    Words,
    /// The node that drives a saga.
    Owner,
}

/// A table.
#[derive(Debug)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: &'static str,
    /// What its rows are read by, in SQLite. They are found by it when a move goes on.
    pub(in crate::store) key: &'static [Column],
    pub(in crate::store) columns: &'static [Column],
    pub(in crate::store) made: Option<Made>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn same(name: &'static str, kind: Kind) -> Column {
    Column { from: name, to: name, kind }
}

const fn id(name: &'static str) -> Column {
    same(name, Kind::Id)
}

const fn number(name: &'static str) -> Column {
    same(name, Kind::Number)
}

const fn flag(name: &'static str) -> Column {
    same(name, Kind::Flag)
}

const fn text(name: &'static str) -> Column {
    same(name, Kind::Text)
}

const fn bytes(name: &'static str) -> Column {
    same(name, Kind::Bytes)
}

const fn table(name: &'static str, key: &'static [Column], columns: &'static [Column]) -> Table {
    Table { name, key, columns, made: None }
}

/// Where rows are in the order of their age.
const AGE: &[Column] = &[number("rowid")];

/// The tables whose rows PostgreSQL goes on numbering, and the columns that it does so in.
pub(in crate::store) const NUMBERED: [(&str, &str); 2] = [("stock_movement", "seq"), ("payment_external", "id")];

/// All of them.
pub(in crate::store) static TABLES: [Table; 26] = [
    Table {
        made: Some(Made::Words),
        ..table(
            "catalog_product",
            &[id("id")],
            &[
                id("id"),
                text("name"),
                text("description"),
                text("category"),
                flag("active"),
                number("created_at"),
                number("updated_at"),
                number("version"),
            ],
        )
    },
    table(
        "catalog_variant",
        &[id("id")],
        &[
            id("id"),
            id("product_id"),
            text("sku"),
            text("size"),
            text("attributes"),
            flag("active"),
            number("created_at"),
            number("updated_at"),
            number("version"),
        ],
    ),
    table(
        "catalog_shop",
        &[id("id")],
        &[
            id("id"),
            text("name"),
            text("city"),
            flag("active"),
            number("created_at"),
            number("updated_at"),
            number("version"),
        ],
    ),
    table(
        "catalog_offer",
        &[id("shop_id"), id("variant_id")],
        &[
            id("shop_id"),
            id("variant_id"),
            number("price"),
            text("currency"),
            flag("active"),
            number("created_at"),
            number("updated_at"),
            number("version"),
        ],
    ),
    table(
        "catalog_warehouse",
        &[id("id")],
        &[
            id("id"),
            id("shop_id"),
            text("name"),
            text("address"),
            number("priority"),
            flag("active"),
            number("created_at"),
            number("updated_at"),
            number("version"),
        ],
    ),
    table(
        "catalog_idempotency",
        AGE,
        &[text("scope"), text("key"), bytes("body_hash"), id("request_id"), id("made"), number("created_at")],
    ),
    table(
        "stock_level",
        &[id("variant_id"), id("warehouse_id")],
        &[
            id("variant_id"),
            id("warehouse_id"),
            id("shop_id"),
            number("on_hand"),
            number("reserved"),
            number("updated_at"),
            number("version"),
        ],
    ),
    table(
        "stock_reservation",
        &[id("order_id")],
        &[
            id("order_id"),
            id("saga_id"),
            number("revision"),
            number("refused_revision"),
            text("status"),
            text("items"),
            number("created_at"),
            number("updated_at"),
            number("version"),
        ],
    ),
    table(
        "stock_movement",
        &[number("seq")],
        &[
            number("seq"),
            id("warehouse_id"),
            id("variant_id"),
            text("kind"),
            number("on_hand"),
            number("reserved"),
            id("order_id"),
            number("revision"),
            number("number"),
            id("transfer_id"),
            text("reason"),
            number("at"),
        ],
    ),
    table(
        "stock_idempotency",
        AGE,
        &[text("scope"), text("key"), bytes("body_hash"), id("request_id"), id("transfer_id"), number("created_at")],
    ),
    table(
        "order_order",
        &[id("id")],
        &[
            id("id"),
            id("saga_id"),
            text("customer_ref"),
            text("currency"),
            number("total_amount"),
            text("lines"),
            number("revision"),
            text("status"),
            text("reason"),
            text("goods"),
            number("created_at"),
            number("updated_at"),
            number("version"),
        ],
    ),
    table(
        "order_idempotency",
        AGE,
        &[text("scope"), text("key"), bytes("body_hash"), id("order_id"), number("created_at")],
    ),
    table("order_shop", &[id("shop_id"), id("order_id")], &[id("shop_id"), id("order_id")]),
    table(
        "payment_payment",
        &[id("order_id"), number("number")],
        &[
            id("order_id"),
            number("number"),
            id("id"),
            number("revision"),
            id("saga_id"),
            number("amount"),
            text("currency"),
            text("provider"),
            text("script"),
            text("status"),
            text("reason"),
            number("deadline_at"),
            text("call"),
            number("attempts"),
            flag("claimed"),
            flag("direct"),
            flag("held"),
            number("amendment"),
            text("reference"),
            number("captured_at"),
            number("created_at"),
            number("updated_at"),
            text("payer"),
            text("trouble"),
            number("retries"),
            number("version"),
        ],
    ),
    table(
        "payment_movement",
        &[id("order_id"), id("payment_id"), text("kind")],
        &[id("order_id"), id("payment_id"), text("kind"), number("amount"), number("at")],
    ),
    table(
        "payment_idempotency",
        AGE,
        &[text("scope"), text("key"), bytes("body_hash"), id("order_id"), number("number"), number("created_at")],
    ),
    table(
        "payment_notification",
        &[id("id")],
        &[
            id("id"),
            text("target"),
            text("event"),
            text("payment_id"),
            text("order_id"),
            text("about"),
            text("status"),
            number("attempts"),
            number("next_attempt_at"),
            number("claimed_until"),
            number("last_status"),
            text("last_error"),
            number("delivered_at"),
            number("created_at"),
            number("updated_at"),
        ],
    ),
    table(
        "payment_user",
        &[text("user_id")],
        &[text("user_id"), text("order_id"), text("payment_id"), number("created_at"), number("updated_at")],
    ),
    table(
        "payment_external",
        &[number("id")],
        &[number("id"), text("order_id"), text("user_id"), number("amount"), text("currency"), number("created_at")],
    ),
    table(
        "payment_notifier_idempotency",
        AGE,
        &[text("scope"), text("key"), bytes("body_hash"), id("request_id"), text("made"), number("created_at")],
    ),
    table(
        "shipment_shipment",
        &[id("order_id"), number("number")],
        &[
            id("order_id"),
            number("number"),
            id("id"),
            id("saga_id"),
            id("shop_id"),
            id("warehouse_id"),
            text("contents"),
            text("carrier"),
            text("script"),
            text("reference"),
            text("status"),
            text("reason"),
            text("tracking_number"),
            text("call"),
            number("attempts"),
            number("created_at"),
            number("updated_at"),
            text("trouble"),
            number("retries"),
            number("version"),
        ],
    ),
    Table {
        made: Some(Made::Owner),
        ..table(
            "saga_saga",
            &[id("id")],
            &[
                id("id"),
                id("order_id"),
                text("definition"),
                number("version"),
                text("status"),
                text("waiting_for"),
                text("reason"),
                text("attention"),
                number("wake_at"),
                number("created_at"),
                number("updated_at"),
                number("finished_at"),
            ],
        )
    },
    table("saga_log", &[id("saga_id"), number("seq")], &[id("saga_id"), number("seq"), text("entry")]),
    table(
        "saga_idempotency",
        AGE,
        &[text("scope"), text("key"), bytes("body_hash"), id("order_id"), id("saga_id"), number("created_at")],
    ),
    table(
        "saga_retention",
        &[number("only")],
        &[
            Column { from: "only", to: "one", kind: Kind::Number },
            id("reached"),
            number("ended_before"),
            number("removed"),
        ],
    ),
    table("saga_passed_over", &[number("since"), id("saga_id")], &[number("since"), id("saga_id")]),
];
