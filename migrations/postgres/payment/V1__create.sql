-- Payments: one row per order and revision of its lines that had one, all of an order's together the payment
-- participant's barrier. The last one is current, the others are superseded and closed.
-- How columns and indexes are laid out is said in the orders' first migration.
CREATE TABLE payment_payment (
    order_id    uuid    NOT NULL,
    number      bigint  NOT NULL CHECK (number >= 0), -- among the order's, from 0
    id          uuid    NOT NULL,
    revision    bigint  NOT NULL, -- of the order's lines
    saga_id     uuid, -- NULL until the saga's payment stage adopts it
    amount      bigint  NOT NULL CHECK (amount >= 0),
    currency    text    NOT NULL,
    provider    text    NOT NULL,
    script      text, -- JSON: what the simulated provider does; NULL for nothing special
    status      text    NOT NULL
        CHECK (status IN ('pending', 'paid', 'failed', 'expired', 'refunding', 'refunded')),
    reason      text,
    deadline_at bigint,
    call        text    -- to the provider, or to a direct order: without a known answer
        CHECK (call IN ('charge', 'refund', 'refund_again', 'mark_order_paid', 'fail_order', 'cancel_order', 'cancel_returned_order')),
    attempts    bigint  NOT NULL CHECK (attempts >= 0),
    claimed     boolean NOT NULL,
    direct      boolean NOT NULL, -- of a direct order, which no saga drives
    held        boolean NOT NULL, -- its order is being edited
    amendment   bigint  NOT NULL CHECK (amendment >= 0), -- the latest one that has held it
    reference   text    COLLATE "C", -- what the provider calls it
    captured_at bigint,
    created_at  bigint  NOT NULL,
    updated_at  bigint  NOT NULL,
    payer       text, -- who pays, where that is known
    trouble     text, -- JSON: why the call is not answered yet, and when it is made again; NULL before that
    retries     bigint  NOT NULL CHECK (retries >= 0), -- how many of its saga's it has heard of
    version     bigint  NOT NULL CHECK (version >= 1),
    -- A column of its own for the index below: an index on the status would be written when a payment is paid.
    unwound     boolean NOT NULL GENERATED ALWAYS AS (status NOT IN ('pending', 'paid')) STORED,
    PRIMARY KEY (order_id, number),
    CHECK (revision >= number),
    CHECK (status IN ('pending', 'failed', 'expired') OR captured_at IS NOT NULL),
    CHECK (NOT direct OR saga_id IS NULL),
    CHECK (NOT held OR status IN ('pending', 'failed') AND call IS NULL AND amendment > 0)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX payment_payment_id ON payment_payment (id);
CREATE INDEX payment_payment_call ON payment_payment (order_id) WHERE call IS NOT NULL;
CREATE INDEX payment_payment_reference ON payment_payment (reference, id) WHERE reference IS NOT NULL;
-- What people look for among millions of paid ones.
CREATE INDEX payment_payment_unwound ON payment_payment (id) WHERE unwound;

-- The ledger: every movement of money, never updated. One capture and one refund of a payment at most.
CREATE TABLE payment_movement (
    order_id   uuid   NOT NULL,
    payment_id uuid   NOT NULL,
    kind       text   COLLATE "C" NOT NULL CHECK (kind IN ('capture', 'refund')),
    amount     bigint NOT NULL CHECK (amount >= 0),
    at         bigint NOT NULL,
    PRIMARY KEY (order_id, payment_id, kind)
);

CREATE TABLE payment_idempotency (
    scope      text   COLLATE "C" NOT NULL, -- caller, method and path
    key        text   COLLATE "C" NOT NULL,
    body_hash  bytea  NOT NULL CHECK (length(body_hash) = 32),
    order_id   uuid   NOT NULL,
    number     bigint NOT NULL, -- of the order's payments, which one it was used for
    created_at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE INDEX payment_idempotency_age ON payment_idempotency (created_at);

-- What others are to be told of payments: written with the settlement that it is about, and kept.
CREATE TABLE payment_notification (
    id              uuid   NOT NULL,
    target          text   COLLATE "C" NOT NULL, -- who is told, by the configuration's name
    event           text   COLLATE "C" NOT NULL  -- what the payment has come to
        CHECK (event IN ('paid', 'failed', 'expired', 'refunded')),
    payment_id      text   COLLATE "C" NOT NULL,
    order_id        text   COLLATE "C" NOT NULL,
    about           text   NOT NULL, -- JSON: all that is told
    status          text   NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts        bigint NOT NULL CHECK (attempts >= 0),
    next_attempt_at bigint,
    claimed_until   bigint, -- somebody sends it, and others leave it to them until then
    last_status     bigint,
    last_error      text,
    delivered_at    bigint,
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL,
    PRIMARY KEY (id),
    CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
    CHECK ((status = 'delivered') = (delivered_at IS NOT NULL))
);

-- Each news is told once to each.
CREATE UNIQUE INDEX payment_notification_once ON payment_notification (payment_id, event, target);
CREATE INDEX payment_notification_order ON payment_notification (order_id);
CREATE INDEX payment_notification_due ON payment_notification (target, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
-- What people look for among millions of delivered ones.
CREATE INDEX payment_notification_open ON payment_notification (status, id) WHERE status <> 'delivered';

-- Users of somebody else's service who have paid, as other services say.
CREATE TABLE payment_user (
    user_id    text   COLLATE "C" NOT NULL, -- JSON, as all ids of others: a number or a text
    order_id   text,
    payment_id text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (user_id)
);

-- Keys of requests that are about neither an order's payment nor its money.
CREATE TABLE payment_notifier_idempotency (
    scope      text   COLLATE "C" NOT NULL, -- caller, method and path
    key        text   COLLATE "C" NOT NULL,
    body_hash  bytea  NOT NULL CHECK (length(body_hash) = 32),
    request_id uuid   NOT NULL, -- another one for every request, and not for its resending
    made       text   NOT NULL, -- the id of what the request was about
    created_at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE INDEX payment_notifier_idempotency_age ON payment_notifier_idempotency (created_at);

-- Payments for orders of somebody else's order service: paid when they come, never updated, never removed.
CREATE TABLE payment_external (
    id         bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    order_id   text   NOT NULL, -- JSON: a number or a text
    user_id    text   NOT NULL,
    amount     bigint NOT NULL CHECK (amount > 0),
    currency   text   NOT NULL,
    created_at bigint NOT NULL
);
