-- Orders: one row per order, the order participant's barrier.
-- Ids are time-ordered UUIDs, times milliseconds since 1970, UTC. An indexed text is COLLATE "C": nothing is
-- sorted by a language, and no update of the operating system reorders an index.
-- Where rows are updated, indexes and their conditions keep to columns that an ordinary update leaves alone, and
-- pages have room, so that the new version of a row stays beside the old one and no index is written (HOT).
CREATE TABLE order_order (
    id           uuid    NOT NULL PRIMARY KEY,
    saga_id      uuid, -- NULL for a direct order, which its client drives
    customer_ref text    COLLATE "C",
    currency     text    NOT NULL,
    total_amount bigint  NOT NULL CHECK (total_amount >= 0),
    lines        text    NOT NULL, -- JSON: [{item_name, quantity, price, stocked?}]
    revision     bigint  NOT NULL CHECK (revision >= 0), -- of the lines: 0 as they were placed
    status       text    NOT NULL CHECK (status IN ('pending', 'paid', 'completed', 'failed', 'cancelled')),
    reason       text    COLLATE "C",
    goods        text    CHECK (goods IN ('dispatched', 'returned')), -- of a direct order; NULL: never left
    created_at   bigint  NOT NULL,
    updated_at   bigint  NOT NULL,
    version      bigint  NOT NULL CHECK (version >= 1),
    -- When it last changed, where that is more than a minute after it was placed: what changed lately is found by this
    -- index and by its id, and the ordinary order, which is through in no time, is not written into the index.
    -- A column of its own: an index on updated_at would be written whenever an order changes.
    changed_late bigint  GENERATED ALWAYS AS (CASE WHEN updated_at - created_at > 60000 THEN updated_at END) STORED,
    CHECK (goods IS NULL OR saga_id IS NULL),
    CHECK (status <> 'completed' OR goods IS NULL OR goods = 'dispatched'),
    CHECK ((status IN ('failed', 'cancelled')) = (reason IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX order_order_customer ON order_order (customer_ref, id) WHERE customer_ref IS NOT NULL;
-- What people look for among millions of completed orders: those that were unwound.
CREATE INDEX order_order_closed ON order_order (id) WHERE reason IS NOT NULL;
CREATE INDEX order_order_reason ON order_order (reason, id) WHERE reason IS NOT NULL;
CREATE INDEX order_order_changed ON order_order (changed_late, id) WHERE changed_late IS NOT NULL;

CREATE TABLE order_idempotency (
    scope      text   COLLATE "C" NOT NULL, -- caller and method
    key        text   COLLATE "C" NOT NULL,
    body_hash  bytea  NOT NULL CHECK (length(body_hash) = 32),
    order_id   uuid   NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE INDEX order_idempotency_age ON order_idempotency (created_at);

-- Which orders a shop sells something in: what the lines say already, for the shop's own list.
CREATE TABLE order_shop (
    shop_id  uuid NOT NULL,
    order_id uuid NOT NULL,
    PRIMARY KEY (shop_id, order_id)
);
