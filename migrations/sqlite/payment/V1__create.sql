-- Payments: one row per order and revision of its lines that had one, all of an order's together the payment
-- participant's barrier. The last one is current, the others are superseded and closed.
-- Closed lists are chains of OR: SQLite builds a temporary b-tree for every IN of three or more that a
-- CHECK or a partial index makes it evaluate, at every row written (ADR 0007).
CREATE TABLE payment_payment (
    order_id    BLOB    NOT NULL CHECK (length(order_id) = 16),
    number      INTEGER NOT NULL CHECK (number >= 0), -- among the order's, from 0
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    revision    INTEGER NOT NULL, -- of the order's lines
    saga_id     BLOB    CHECK (length(saga_id) = 16), -- NULL until the saga's payment stage adopts it
    amount      INTEGER NOT NULL CHECK (amount >= 0),
    currency    TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    script      TEXT, -- JSON: what the simulated provider does; NULL for nothing special
    status      TEXT    NOT NULL
        CHECK (status = 'pending' OR status = 'paid' OR status = 'failed' OR status = 'expired' OR status = 'refunding'
            OR status = 'refunded'),
    reason      TEXT,
    deadline_at INTEGER,
    call        TEXT    -- to the provider, or to a direct order: without a known answer
        CHECK (call = 'charge' OR call = 'refund' OR call = 'refund_again' OR call = 'mark_order_paid' OR call = 'fail_order'
            OR call = 'cancel_order' OR call = 'cancel_returned_order'),
    attempts    INTEGER NOT NULL CHECK (attempts >= 0),
    claimed     INTEGER NOT NULL CHECK (claimed IN (0, 1)),
    direct      INTEGER NOT NULL CHECK (direct IN (0, 1)), -- of a direct order, which no saga drives
    held        INTEGER NOT NULL CHECK (held IN (0, 1)), -- its order is being edited
    amendment   INTEGER NOT NULL CHECK (amendment >= 0), -- the latest one that has held it
    reference   TEXT, -- what the provider calls it
    captured_at INTEGER,
    created_at  INTEGER NOT NULL, -- milliseconds since 1970, UTC
    updated_at  INTEGER NOT NULL,
    payer       TEXT, -- who pays, where that is known
    trouble     TEXT, -- JSON: why the call is not answered yet, and when it is made again; NULL before that
    retries     INTEGER NOT NULL CHECK (retries >= 0), -- how many of its saga's it has heard of
    version     INTEGER NOT NULL CHECK (version >= 1),
    PRIMARY KEY (order_id, number),
    CHECK (revision >= number),
    CHECK (status = 'pending' OR status = 'failed' OR status = 'expired' OR captured_at IS NOT NULL),
    CHECK (direct = 0 OR saga_id IS NULL),
    CHECK (held = 0 OR (status = 'pending' OR status = 'failed') AND call IS NULL AND amendment > 0)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX payment_payment_id ON payment_payment (id);
CREATE INDEX payment_payment_call ON payment_payment (order_id) WHERE call IS NOT NULL;
CREATE INDEX payment_payment_reference ON payment_payment (reference, id) WHERE reference IS NOT NULL;
-- What people look for among millions of paid ones.
CREATE INDEX payment_payment_closed ON payment_payment (status, id) WHERE status <> 'pending' AND status <> 'paid';

-- The ledger: every movement of money, never updated. One capture and one refund of a payment at most.
CREATE TABLE payment_movement (
    order_id   BLOB    NOT NULL CHECK (length(order_id) = 16),
    payment_id BLOB    NOT NULL CHECK (length(payment_id) = 16),
    kind       TEXT    NOT NULL CHECK (kind = 'capture' OR kind = 'refund'),
    amount     INTEGER NOT NULL CHECK (amount >= 0),
    at         INTEGER NOT NULL,
    PRIMARY KEY (order_id, payment_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE payment_idempotency (
    scope      TEXT    NOT NULL, -- caller, method and path
    key        TEXT    NOT NULL,
    body_hash  BLOB    NOT NULL CHECK (length(body_hash) = 32),
    order_id   BLOB    NOT NULL CHECK (length(order_id) = 16),
    number     INTEGER NOT NULL, -- of the order's payments, which one it was used for
    created_at INTEGER NOT NULL
) STRICT;

-- The rows are in the order of their age: the oldest are found without an index of their own.
CREATE UNIQUE INDEX payment_idempotency_key ON payment_idempotency (scope, key);

-- What others are to be told of payments: written with the settlement that it is about, and kept.
CREATE TABLE payment_notification (
    id              BLOB    NOT NULL CHECK (length(id) = 16),
    target          TEXT    NOT NULL, -- who is told, by the configuration's name
    event           TEXT    NOT NULL  -- what the payment has come to
        CHECK (event = 'paid' OR event = 'failed' OR event = 'expired' OR event = 'refunded'),
    payment_id      TEXT    NOT NULL,
    order_id        TEXT    NOT NULL,
    about           TEXT    NOT NULL, -- JSON: all that is told
    status          TEXT    NOT NULL CHECK (status = 'pending' OR status = 'delivered' OR status = 'failed'),
    attempts        INTEGER NOT NULL CHECK (attempts >= 0),
    next_attempt_at INTEGER,
    claimed_until   INTEGER, -- somebody sends it, and others leave it to them until then
    last_status     INTEGER,
    last_error      TEXT,
    delivered_at    INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (id),
    CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
    CHECK ((status = 'delivered') = (delivered_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Each news is told once to each.
CREATE UNIQUE INDEX payment_notification_once ON payment_notification (payment_id, event, target);
CREATE INDEX payment_notification_order ON payment_notification (order_id);
CREATE INDEX payment_notification_due ON payment_notification (target, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
-- What people look for among millions of delivered ones.
CREATE INDEX payment_notification_open ON payment_notification (status, id) WHERE status <> 'delivered';

-- Users of somebody else's service who have paid, as other services say.
CREATE TABLE payment_user (
    user_id    TEXT    NOT NULL, -- JSON, as all ids of others: a number or a text
    order_id   TEXT,
    payment_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id)
) STRICT, WITHOUT ROWID;

-- Keys of requests that are about neither an order's payment nor its money.
CREATE TABLE payment_notifier_idempotency (
    scope      TEXT    NOT NULL, -- caller, method and path
    key        TEXT    NOT NULL,
    body_hash  BLOB    NOT NULL CHECK (length(body_hash) = 32),
    request_id BLOB    NOT NULL CHECK (length(request_id) = 16), -- another one for every request, and not for its resending
    made       TEXT    NOT NULL, -- the id of what the request was about
    created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX payment_notifier_idempotency_key ON payment_notifier_idempotency (scope, key);

-- Payments for orders of somebody else's order service: paid when they come, never updated, never removed.
CREATE TABLE payment_external (
    id         INTEGER PRIMARY KEY,
    order_id   TEXT    NOT NULL, -- JSON: a number or a text
    user_id    TEXT    NOT NULL,
    amount     INTEGER NOT NULL CHECK (amount > 0),
    currency   TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
