-- Shipments: one row per order, the shipping participant's barrier.
CREATE TABLE shipment_shipment (
    order_id        BLOB    NOT NULL CHECK (length(order_id) = 16),
    id              BLOB    NOT NULL CHECK (length(id) = 16),
    saga_id         BLOB    NOT NULL CHECK (length(saga_id) = 16),
    script          TEXT, -- JSON: what the simulated carrier does; NULL for nothing special
    status          TEXT    NOT NULL CHECK (status IN ('requested', 'shipped', 'cancelled')),
    reason          TEXT,
    tracking_number TEXT,
    call            TEXT    CHECK (call IN ('dispatch', 'recall')), -- outside call without a known answer
    attempts        INTEGER NOT NULL CHECK (attempts >= 0),
    created_at      INTEGER NOT NULL, -- milliseconds since 1970, UTC
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL CHECK (version >= 1),
    CHECK (status <> 'shipped' OR tracking_number IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX shipment_shipment_order ON shipment_shipment (order_id);
CREATE UNIQUE INDEX shipment_shipment_id ON shipment_shipment (id);
CREATE INDEX shipment_shipment_call ON shipment_shipment (order_id) WHERE call IS NOT NULL;
