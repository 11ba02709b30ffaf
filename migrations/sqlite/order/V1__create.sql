-- Orders: one row per order, the order participant's barrier.
-- Closed lists are chains of OR: SQLite builds a temporary b-tree for every IN of three or more that a
-- CHECK or a partial index makes it evaluate, at every row written (ADR 0007).
CREATE TABLE order_order (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    saga_id      BLOB    CHECK (length(saga_id) = 16), -- NULL for a direct order, which its client drives
    customer_ref TEXT,
    currency     TEXT    NOT NULL,
    total_amount INTEGER NOT NULL CHECK (total_amount >= 0),
    lines        TEXT    NOT NULL, -- JSON: [{item_name, quantity, price, stocked?}]
    revision     INTEGER NOT NULL CHECK (revision >= 0), -- of the lines: 0 as they were placed
    status       TEXT    NOT NULL
        CHECK (status = 'pending' OR status = 'paid' OR status = 'completed' OR status = 'failed' OR status = 'cancelled'),
    reason       TEXT,
    goods        TEXT    CHECK (goods = 'dispatched' OR goods = 'returned'), -- of a direct order; NULL: never left
    created_at   INTEGER NOT NULL, -- milliseconds since 1970, UTC
    updated_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL CHECK (version >= 1),
    -- When it last changed, where that is more than a minute after it was placed: what changed lately is found by this
    -- index and by its id, and the ordinary order, which is through in no time, is not written into the index.
    changed_late INTEGER GENERATED ALWAYS AS (CASE WHEN updated_at - created_at > 60000 THEN updated_at END) VIRTUAL,
    CHECK (goods IS NULL OR saga_id IS NULL),
    CHECK (status <> 'completed' OR goods IS NULL OR goods = 'dispatched'),
    CHECK ((status = 'failed' OR status = 'cancelled') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX order_order_customer ON order_order (customer_ref, id) WHERE customer_ref IS NOT NULL;
-- What people look for among millions of completed orders: those that were unwound.
CREATE INDEX order_order_closed ON order_order (status, id) WHERE reason IS NOT NULL;
CREATE INDEX order_order_reason ON order_order (reason, id) WHERE reason IS NOT NULL;
CREATE INDEX order_order_changed ON order_order (changed_late, id) WHERE changed_late IS NOT NULL;

CREATE TABLE order_idempotency (
    scope      TEXT    NOT NULL, -- caller and method
    key        TEXT    NOT NULL,
    body_hash  BLOB    NOT NULL CHECK (length(body_hash) = 32),
    order_id   BLOB    NOT NULL CHECK (length(order_id) = 16),
    created_at INTEGER NOT NULL
) STRICT;

-- The rows are in the order of their age: the oldest are found without an index of their own.
CREATE UNIQUE INDEX order_idempotency_key ON order_idempotency (scope, key);

-- Which orders a shop sells something in: what the lines say already, for the shop's own list.
CREATE TABLE order_shop (
    shop_id  BLOB NOT NULL CHECK (length(shop_id) = 16),
    order_id BLOB NOT NULL CHECK (length(order_id) = 16),
    PRIMARY KEY (shop_id, order_id)
) STRICT, WITHOUT ROWID;
