-- Stock: how many of a variant a warehouse holds, and how many of those are promised to orders.
CREATE TABLE stock_level (
    variant_id   BLOB    NOT NULL CHECK (length(variant_id) = 16),
    warehouse_id BLOB    NOT NULL CHECK (length(warehouse_id) = 16),
    shop_id      BLOB    NOT NULL CHECK (length(shop_id) = 16), -- whose the warehouse is; never changes
    on_hand      INTEGER NOT NULL CHECK (on_hand >= 0),
    reserved     INTEGER NOT NULL CHECK (reserved >= 0),
    updated_at   INTEGER NOT NULL, -- milliseconds since 1970, UTC
    version      INTEGER NOT NULL CHECK (version >= 1),
    PRIMARY KEY (variant_id, warehouse_id),
    CHECK (reserved <= on_hand)
) STRICT, WITHOUT ROWID;

CREATE INDEX stock_level_warehouse ON stock_level (warehouse_id, variant_id);

-- Reservations: one row per order, the stock participant's barrier.
CREATE TABLE stock_reservation (
    order_id   BLOB    NOT NULL PRIMARY KEY CHECK (length(order_id) = 16),
    saga_id    BLOB    NOT NULL CHECK (length(saga_id) = 16),
    revision   INTEGER NOT NULL CHECK (revision >= 0), -- of the order's lines
    refused_revision INTEGER NOT NULL CHECK (refused_revision >= 0), -- the latest that there was too little for
    status     TEXT    NOT NULL CHECK (status = 'reserved' OR status = 'committed' OR status = 'released'),
    items      TEXT    NOT NULL, -- JSON: [{shop_id, warehouse_id, variant_id, quantity}]
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1)
) STRICT, WITHOUT ROWID;

-- The ledger: every change of a level and its cause, never updated. A level is the sum of its movements.
CREATE TABLE stock_movement (
    seq          INTEGER PRIMARY KEY,
    warehouse_id BLOB    NOT NULL CHECK (length(warehouse_id) = 16),
    variant_id   BLOB    NOT NULL CHECK (length(variant_id) = 16),
    kind         TEXT    NOT NULL
        CHECK (kind = 'receive' OR kind = 'adjust' OR kind = 'transfer_out' OR kind = 'transfer_in' OR kind = 'reserve'
            OR kind = 'commit' OR kind = 'release'),
    on_hand      INTEGER NOT NULL, -- by how much it changed
    reserved     INTEGER NOT NULL, -- by how much it changed
    order_id     BLOB    CHECK (length(order_id) = 16), -- whose reservation, where one is the cause
    revision     INTEGER,
    number       INTEGER, -- among what was moved for the same revision in the same way, from 0
    transfer_id  BLOB    CHECK (length(transfer_id) = 16), -- the same for both sides of a transfer
    reason       TEXT,   -- a person's, where one adjusts
    at           INTEGER NOT NULL,
    CHECK ((order_id IS NOT NULL) = (kind = 'reserve' OR kind = 'commit' OR kind = 'release')),
    CHECK ((order_id IS NULL) = (revision IS NULL)),
    CHECK ((order_id IS NULL) = (number IS NULL))
) STRICT;

-- Nothing is reserved, committed or released twice for one revision of an order.
CREATE UNIQUE INDEX stock_movement_order ON stock_movement (order_id, revision, kind, number)
    WHERE order_id IS NOT NULL;

-- In which stretches of the ledger, of 1,024 rows each, a variant and a warehouse are named. An index of every
-- row would have each movement write to two pages of its own (ADR 14).
CREATE TABLE stock_variant_stretch (
    variant_id BLOB    NOT NULL CHECK (length(variant_id) = 16),
    stretch    INTEGER NOT NULL, -- seq / 1024
    PRIMARY KEY (variant_id, stretch)
) STRICT, WITHOUT ROWID;

CREATE TABLE stock_warehouse_stretch (
    warehouse_id BLOB    NOT NULL CHECK (length(warehouse_id) = 16),
    stretch      INTEGER NOT NULL,
    PRIMARY KEY (warehouse_id, stretch)
) STRICT, WITHOUT ROWID;

CREATE TABLE stock_idempotency (
    scope       TEXT    NOT NULL, -- caller, method and path
    key         TEXT    NOT NULL,
    body_hash   BLOB    NOT NULL CHECK (length(body_hash) = 32),
    request_id  BLOB    NOT NULL CHECK (length(request_id) = 16), -- which request was the first under the key
    transfer_id BLOB    CHECK (length(transfer_id) = 16), -- of the transfer it made; the rest is in the request
    created_at  INTEGER NOT NULL
) STRICT;

-- The rows are in the order of their age: the oldest are found without an index of their own.
CREATE UNIQUE INDEX stock_idempotency_key ON stock_idempotency (scope, key);
