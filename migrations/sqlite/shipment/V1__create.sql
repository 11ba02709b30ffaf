-- Shipments: one row per order and warehouse, all of an order's together the shipping participant's barrier.
-- Closed lists are chains of OR: SQLite builds a temporary b-tree for every IN of three or more that a
-- CHECK or a partial index makes it evaluate, at every row written (ADR 0007).
CREATE TABLE shipment_shipment (
    order_id        BLOB    NOT NULL CHECK (length(order_id) = 16),
    number          INTEGER NOT NULL CHECK (number >= 0), -- among the order's, from 0
    id              BLOB    NOT NULL CHECK (length(id) = 16),
    saga_id         BLOB    CHECK (length(saga_id) = 16), -- NULL for a direct order, which its client drives
    shop_id         BLOB    CHECK (length(shop_id) = 16), -- NULL for free-text lines, as the next two
    warehouse_id    BLOB    CHECK (length(warehouse_id) = 16),
    contents        TEXT, -- JSON: [{variant_id, quantity}]
    carrier         TEXT, -- NULL for the simulation
    script          TEXT, -- JSON: what the simulated carrier does; NULL for nothing special
    reference       TEXT, -- what the carrier calls it
    status          TEXT    NOT NULL CHECK (status = 'requested' OR status = 'shipped' OR status = 'cancelled'),
    reason          TEXT,
    tracking_number TEXT,
    call            TEXT    -- to the carrier, or to a direct order: without a known answer
        CHECK (call = 'dispatch' OR call = 'recall' OR call = 'recall_again' OR call = 'dispatch_order' OR call = 'complete_order'
            OR call = 'return_order'),
    attempts        INTEGER NOT NULL CHECK (attempts >= 0),
    created_at      INTEGER NOT NULL, -- milliseconds since 1970, UTC
    updated_at      INTEGER NOT NULL,
    trouble         TEXT, -- JSON: why the call is not answered yet, and when it is made again; NULL before that
    retries         INTEGER NOT NULL CHECK (retries >= 0), -- how many of its saga's it has heard of
    version         INTEGER NOT NULL CHECK (version >= 1),
    PRIMARY KEY (order_id, number),
    CHECK (status <> 'shipped' OR tracking_number IS NOT NULL),
    CHECK ((shop_id IS NULL) = (warehouse_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX shipment_shipment_id ON shipment_shipment (id);
-- What people have to send, among millions that have left.
CREATE INDEX shipment_shipment_requested ON shipment_shipment (id) WHERE status = 'requested';
CREATE INDEX shipment_shipment_call ON shipment_shipment (order_id) WHERE call IS NOT NULL;
CREATE INDEX shipment_shipment_tracking ON shipment_shipment (tracking_number, id) WHERE tracking_number IS NOT NULL;
-- What people look for among millions that are on their way.
CREATE INDEX shipment_shipment_cancelled ON shipment_shipment (id) WHERE status = 'cancelled';
