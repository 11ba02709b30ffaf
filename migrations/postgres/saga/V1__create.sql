-- Sagas: what lists and timers need of each, without reading its log. Written at start, wait, turn
-- and rest only.
-- How columns and indexes are laid out is said in the orders' first migration.
CREATE TABLE saga_saga (
    id          uuid   NOT NULL PRIMARY KEY,
    order_id    uuid   NOT NULL,
    definition  text   NOT NULL,
    version     bigint NOT NULL, -- of the definition
    owner       bigint NOT NULL, -- epoch of the node that drives it
    status      text   NOT NULL
        CHECK (status IN ('running', 'waiting', 'compensating', 'completed', 'compensated', 'needs_attention')),
    waiting_for text,
    reason      text,
    attention   text, -- what a person needs to know, where one must act
    wake_at     bigint, -- NULL: in hand, or at rest
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL,
    finished_at bigint,
    CHECK ((status IN ('completed', 'compensated', 'needs_attention')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX saga_saga_order ON saga_saga (order_id);
-- Recovery and timers look at unfinished sagas of one owner alone, however many millions have finished.
CREATE INDEX saga_saga_unfinished ON saga_saga (owner, wake_at, id) WHERE finished_at IS NULL;
-- What people look for among millions of completed ones.
CREATE INDEX saga_saga_unwound ON saga_saga (id) WHERE status <> 'running' AND status <> 'completed';
-- What the metrics count, however many were compensated.
CREATE INDEX saga_saga_attention ON saga_saga (id) WHERE status = 'needs_attention';

-- The saga log: one row per append, which holds one or more events. `seq` numbers a row's first
-- event, so that two drivers that append at the same place collide.
CREATE TABLE saga_log (
    saga_id uuid   NOT NULL,
    seq     bigint NOT NULL CHECK (seq >= 0),
    entry   text   NOT NULL, -- JSON: {at, node, events: […]}
    PRIMARY KEY (saga_id, seq)
);

CREATE TABLE saga_idempotency (
    scope      text   COLLATE "C" NOT NULL, -- caller, method and path
    key        text   COLLATE "C" NOT NULL,
    body_hash  bytea  NOT NULL CHECK (length(body_hash) = 32),
    order_id   uuid   NOT NULL,
    saga_id    uuid   NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE INDEX saga_idempotency_age ON saga_idempotency (created_at);

-- What retention has removed, in its only row: some of the sagas that ended well before `ended_before`.
CREATE TABLE saga_retention (
    one          bigint NOT NULL PRIMARY KEY CHECK (one = 1), -- `only` is a word of SQL's own here
    reached      uuid   NOT NULL, -- the last saga that was looked at, by id
    ended_before bigint NOT NULL, -- 0 until something is removed
    removed      bigint NOT NULL CHECK (removed >= 0) -- how many sagas
);

-- Sagas that retention has looked at and left: under way, set aside, or ended later than it was to remove. They
-- are looked at again when what they ended then, at the earliest, is old enough.
CREATE TABLE saga_passed_over (
    since   bigint NOT NULL, -- when it ended; where it has not, when it was looked at
    saga_id uuid   NOT NULL,
    PRIMARY KEY (since, saga_id)
);
