-- Video tasks: what was asked for, where it is being made, and what has become of it.  The id is that
-- of the request that made the task, so the ledger has its charge under id and its one give-back
-- under id + 1.  Times: 0 = not yet, or never.

CREATE TABLE tasks (
    id             INTEGER NOT NULL PRIMARY KEY,
    public_id      TEXT NOT NULL UNIQUE,
    user_id        BIGINT NOT NULL,
    key_id         BIGINT NOT NULL,
    group_id       BIGINT NOT NULL,
    state          TEXT NOT NULL, -- creating, queued, in_progress, completed, failed, expired, unknown
    progress       INTEGER NOT NULL,
    provider       TEXT,
    upstream_id    TEXT,
    model          TEXT,
    upstream_model TEXT,
    hold           BIGINT NOT NULL,
    charge         BIGINT NOT NULL,
    given_back     BIGINT NOT NULL, -- of the charge
    group_ppm      BIGINT NOT NULL,
    user_ppm       BIGINT NOT NULL,
    counters       TEXT NOT NULL, -- what was charged: video_ms=15000
    rates          TEXT, -- the price of the day of the request, a line for each rate
    prompt         TEXT,
    seconds        TEXT,
    size           TEXT,
    aspect_ratio   TEXT,
    remixed_from   TEXT,
    urls           TEXT, -- of the result, one a line
    error_code     TEXT,
    error_message  TEXT,
    created        BIGINT NOT NULL,
    ended          BIGINT NOT NULL,
    expires        BIGINT NOT NULL, -- of the result
    deadline       BIGINT NOT NULL, -- for a verdict
    polled         BIGINT NOT NULL,
    next_poll      BIGINT NOT NULL,
    polls          INTEGER NOT NULL,
    share          INTEGER NOT NULL, -- which worker's, by its remainder
    flags          TEXT NOT NULL, -- late_success maybe_billed crash
    deleted        INTEGER NOT NULL, -- by its user
    version        BIGINT NOT NULL
);
CREATE INDEX tasks_due ON tasks (next_poll, share) WHERE next_poll > 0;
CREATE INDEX tasks_user ON tasks (user_id, id);
CREATE INDEX tasks_state ON tasks (state, id);

-- What a user's Idempotency-Key made; counts for a day.
CREATE TABLE idem (
    user_id   BIGINT NOT NULL,
    key       TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    task_id   BIGINT NOT NULL,
    created   BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idem_created ON idem (created);
CREATE INDEX idem_task ON idem (task_id);
