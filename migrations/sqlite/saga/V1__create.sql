-- Sagas: what lists and timers need of each, without reading its log. Written at start, wait, turn
-- and rest only.
-- Closed lists are chains of OR: SQLite builds a temporary b-tree for every IN of three or more that a
-- CHECK or a partial index makes it evaluate, at every row written (ADR 0007).
CREATE TABLE saga_saga (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    order_id    BLOB    NOT NULL CHECK (length(order_id) = 16),
    definition  TEXT    NOT NULL,
    version     INTEGER NOT NULL, -- of the definition
    status      TEXT    NOT NULL
        CHECK (status = 'running' OR status = 'waiting' OR status = 'compensating' OR status = 'completed'
            OR status = 'compensated' OR status = 'needs_attention'),
    waiting_for TEXT,
    reason      TEXT,
    attention   TEXT, -- what a person needs to know, where one must act
    wake_at     INTEGER, -- NULL: in hand, or at rest
    created_at  INTEGER NOT NULL, -- milliseconds since 1970, UTC
    updated_at  INTEGER NOT NULL,
    finished_at INTEGER,
    CHECK ((status = 'completed' OR status = 'compensated' OR status = 'needs_attention') = (finished_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX saga_saga_order ON saga_saga (order_id);
-- Recovery and timers look at unfinished sagas alone, however many millions have finished.
CREATE INDEX saga_saga_unfinished ON saga_saga (wake_at, id) WHERE finished_at IS NULL;
-- What people look for among millions of completed ones.
CREATE INDEX saga_saga_unwound ON saga_saga (status, id) WHERE status <> 'running' AND status <> 'completed';

-- The saga log: one row per append, which holds one or more events. `seq` numbers a row's first
-- event, so that two drivers that append at the same place collide.
CREATE TABLE saga_log (
    saga_id BLOB    NOT NULL CHECK (length(saga_id) = 16),
    seq     INTEGER NOT NULL CHECK (seq >= 0),
    entry   TEXT    NOT NULL -- JSON: {at, node, events: […]}
) STRICT;

CREATE UNIQUE INDEX saga_log_position ON saga_log (saga_id, seq);

CREATE TABLE saga_idempotency (
    scope      TEXT    NOT NULL, -- caller, method and path
    key        TEXT    NOT NULL,
    body_hash  BLOB    NOT NULL CHECK (length(body_hash) = 32),
    order_id   BLOB    NOT NULL CHECK (length(order_id) = 16),
    saga_id    BLOB    NOT NULL CHECK (length(saga_id) = 16),
    created_at INTEGER NOT NULL
) STRICT;

-- The rows are in the order of their age: the oldest are found without an index of their own.
CREATE UNIQUE INDEX saga_idempotency_key ON saga_idempotency (scope, key);

-- What retention has removed, in its only row: some of the sagas that ended well before `ended_before`.
CREATE TABLE saga_retention (
    only         INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    reached      BLOB    NOT NULL CHECK (length(reached) = 16), -- the last saga that was looked at, by id
    ended_before INTEGER NOT NULL, -- 0 until something is removed
    removed      INTEGER NOT NULL CHECK (removed >= 0) -- how many sagas
) STRICT;

-- Sagas that retention has looked at and left: under way, set aside, or ended later than it was to remove. They
-- are looked at again when what they ended then, at the earliest, is old enough.
CREATE TABLE saga_passed_over (
    since   INTEGER NOT NULL, -- when it ended; where it has not, when it was looked at
    saga_id BLOB    NOT NULL CHECK (length(saga_id) = 16),
    PRIMARY KEY (since, saga_id)
) STRICT, WITHOUT ROWID;
