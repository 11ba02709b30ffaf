-- The catalogue: what there is to sell (products and their variants), and who sells it for how much from
-- where (shops, offers, warehouses).
-- How columns and indexes are laid out is said in the orders' first migration.
CREATE TABLE catalog_product (
    id          uuid    NOT NULL PRIMARY KEY,
    name        text    COLLATE "C" NOT NULL,
    description text,
    category    text    COLLATE "C",
    words       tsvector NOT NULL DEFAULT '', -- of name and category, made by src/store/postgres/catalog/words.rs
    active      boolean NOT NULL,
    created_at  bigint  NOT NULL,
    updated_at  bigint  NOT NULL,
    version     bigint  NOT NULL CHECK (version >= 1)
);

CREATE INDEX catalog_product_words ON catalog_product USING gin (words);
CREATE INDEX catalog_product_name ON catalog_product (name); -- what a CSV file calls it by
CREATE INDEX catalog_product_category ON catalog_product (category, id) WHERE category IS NOT NULL;

CREATE TABLE catalog_variant (
    id         uuid    NOT NULL PRIMARY KEY,
    product_id uuid    NOT NULL,
    sku        text    COLLATE "C" NOT NULL,
    size       text,
    attributes text    NOT NULL, -- JSON: {"name": "value"}
    active     boolean NOT NULL,
    created_at bigint  NOT NULL,
    updated_at bigint  NOT NULL,
    version    bigint  NOT NULL CHECK (version >= 1)
);

CREATE UNIQUE INDEX catalog_variant_sku ON catalog_variant (sku);
CREATE INDEX catalog_variant_product ON catalog_variant (product_id, id);

CREATE TABLE catalog_shop (
    id         uuid    NOT NULL PRIMARY KEY,
    name       text    COLLATE "C" NOT NULL,
    city       text    NOT NULL,
    active     boolean NOT NULL,
    created_at bigint  NOT NULL,
    updated_at bigint  NOT NULL,
    version    bigint  NOT NULL CHECK (version >= 1)
);

CREATE INDEX catalog_shop_name ON catalog_shop (name); -- what a CSV file calls it by

-- A shop's own price for a variant.
CREATE TABLE catalog_offer (
    shop_id    uuid    NOT NULL,
    variant_id uuid    NOT NULL,
    price      bigint  NOT NULL CHECK (price >= 1),
    currency   text    NOT NULL,
    active     boolean NOT NULL,
    created_at bigint  NOT NULL,
    updated_at bigint  NOT NULL,
    version    bigint  NOT NULL CHECK (version >= 1),
    PRIMARY KEY (shop_id, variant_id)
);

-- Over all shops, cheapest first.
CREATE INDEX catalog_offer_variant ON catalog_offer (variant_id, price, shop_id);

CREATE TABLE catalog_warehouse (
    id         uuid    NOT NULL PRIMARY KEY,
    shop_id    uuid    NOT NULL,
    name       text    NOT NULL,
    address    text    NOT NULL,
    priority   bigint  NOT NULL, -- the smaller, the earlier its stock is used
    active     boolean NOT NULL,
    created_at bigint  NOT NULL,
    updated_at bigint  NOT NULL,
    version    bigint  NOT NULL CHECK (version >= 1)
);

CREATE INDEX catalog_warehouse_shop ON catalog_warehouse (shop_id, priority, id);

CREATE TABLE catalog_idempotency (
    scope      text   COLLATE "C" NOT NULL, -- caller, method and path
    key        text   COLLATE "C" NOT NULL,
    body_hash  bytea  NOT NULL CHECK (length(body_hash) = 32),
    request_id uuid   NOT NULL, -- which request was the first under the key
    made       uuid   NOT NULL, -- id of what the request made
    created_at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE INDEX catalog_idempotency_age ON catalog_idempotency (created_at);
