-- The catalogue: what there is to sell (products and their variants), and who sells it for how much from
-- where (shops, offers, warehouses).
-- Products are rowid tables: the full-text index points at their row numbers.
CREATE TABLE catalog_product (
    number      INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    name        TEXT    NOT NULL,
    description TEXT,
    category    TEXT,
    active      INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at  INTEGER NOT NULL, -- milliseconds since 1970, UTC
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

CREATE UNIQUE INDEX catalog_product_id ON catalog_product (id);
CREATE INDEX catalog_product_name ON catalog_product (name); -- what a CSV file calls it by
CREATE INDEX catalog_product_category ON catalog_product (category, id) WHERE category IS NOT NULL;

-- The words of each product's name and category, by the product's row number. It keeps the words alone, and what
-- goes in are words already, with spaces between them (src/domain/catalog/search.rs). The tokenizer takes them as
-- they are: marks, digits and emoji belong to words.
CREATE VIRTUAL TABLE catalog_search USING fts5 (
    name, category, content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* Co So'"
);

CREATE TABLE catalog_variant (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    product_id BLOB    NOT NULL CHECK (length(product_id) = 16),
    sku        TEXT    NOT NULL,
    size       TEXT,
    attributes TEXT    NOT NULL, -- JSON: {"name": "value"}
    active     INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX catalog_variant_sku ON catalog_variant (sku);
CREATE INDEX catalog_variant_product ON catalog_variant (product_id, id);

CREATE TABLE catalog_shop (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    city       TEXT    NOT NULL,
    active     INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1)
) STRICT, WITHOUT ROWID;

CREATE INDEX catalog_shop_name ON catalog_shop (name); -- what a CSV file calls it by

-- A shop's own price for a variant.
CREATE TABLE catalog_offer (
    shop_id    BLOB    NOT NULL CHECK (length(shop_id) = 16),
    variant_id BLOB    NOT NULL CHECK (length(variant_id) = 16),
    price      INTEGER NOT NULL CHECK (price >= 1),
    currency   TEXT    NOT NULL,
    active     INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    PRIMARY KEY (shop_id, variant_id)
) STRICT, WITHOUT ROWID;

-- Over all shops, cheapest first.
CREATE INDEX catalog_offer_variant ON catalog_offer (variant_id, price, shop_id);

CREATE TABLE catalog_warehouse (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    shop_id    BLOB    NOT NULL CHECK (length(shop_id) = 16),
    name       TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    priority   INTEGER NOT NULL, -- the smaller, the earlier its stock is used
    active     INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1)
) STRICT, WITHOUT ROWID;

CREATE INDEX catalog_warehouse_shop ON catalog_warehouse (shop_id, priority, id);

CREATE TABLE catalog_idempotency (
    scope      TEXT    NOT NULL, -- caller, method and path
    key        TEXT    NOT NULL,
    body_hash  BLOB    NOT NULL CHECK (length(body_hash) = 32),
    request_id BLOB    NOT NULL CHECK (length(request_id) = 16), -- which request was the first under the key
    made       BLOB    NOT NULL CHECK (length(made) = 16), -- id of what the request made
    created_at INTEGER NOT NULL
) STRICT;

-- The rows are in the order of their age: the oldest are found without an index of their own.
CREATE UNIQUE INDEX catalog_idempotency_key ON catalog_idempotency (scope, key);
