-- Shipments: one row per order and warehouse, all of an order's together the shipping participant's barrier.
-- How columns and indexes are laid out is said in the orders' first migration.
CREATE TABLE shipment_shipment (
    order_id        uuid   NOT NULL,
    number          bigint NOT NULL CHECK (number >= 0), -- among the order's, from 0
    id              uuid   NOT NULL,
    saga_id         uuid, -- NULL for a direct order, which its client drives
    shop_id         uuid, -- NULL for free-text lines, as the next two
    warehouse_id    uuid,
    contents        text, -- JSON: [{variant_id, quantity}]
    carrier         text, -- NULL for the simulation
    script          text, -- JSON: what the simulated carrier does; NULL for nothing special
    reference       text, -- what the carrier calls it
    status          text   NOT NULL CHECK (status IN ('requested', 'shipped', 'cancelled')),
    reason          text,
    tracking_number text   COLLATE "C",
    call            text   -- to the carrier, or to a direct order: without a known answer
        CHECK (call IN ('dispatch', 'recall', 'recall_again', 'dispatch_order', 'complete_order', 'return_order')),
    attempts        bigint NOT NULL CHECK (attempts >= 0),
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL,
    trouble         text, -- JSON: why the call is not answered yet, and when it is made again; NULL before that
    retries         bigint NOT NULL CHECK (retries >= 0), -- how many of its saga's it has heard of
    version         bigint NOT NULL CHECK (version >= 1),
    PRIMARY KEY (order_id, number),
    CHECK (status <> 'shipped' OR tracking_number IS NOT NULL),
    CHECK ((shop_id IS NULL) = (warehouse_id IS NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX shipment_shipment_id ON shipment_shipment (id);
-- What people have to send, among millions that have left.
CREATE INDEX shipment_shipment_requested ON shipment_shipment (id) WHERE status = 'requested';
CREATE INDEX shipment_shipment_call ON shipment_shipment (order_id) WHERE call IS NOT NULL;
CREATE INDEX shipment_shipment_tracking ON shipment_shipment (tracking_number, id) WHERE tracking_number IS NOT NULL;
-- What people look for among millions that are on their way.
CREATE INDEX shipment_shipment_cancelled ON shipment_shipment (id) WHERE status = 'cancelled';
