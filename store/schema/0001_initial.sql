-- Money is nano-USD, times are milliseconds since 1970 (UTC), ids are made by the program.
-- Portable SQL only; foreign keys where rows are few, none on the way of a request.  INTEGER PRIMARY
-- KEY makes an id the row id: one tree instead of two for the tables that grow.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE audit (
    id     BIGINT NOT NULL PRIMARY KEY,
    ts     BIGINT NOT NULL,
    who    TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT,
    after  TEXT
);

-- A quota of -1 is none; periods: 0 for ever, 1 UTC day, 2 UTC month.
CREATE TABLE groups (
    id                BIGINT NOT NULL PRIMARY KEY,
    name              TEXT NOT NULL UNIQUE,
    enabled           INTEGER NOT NULL,
    ratio_ppm         BIGINT NOT NULL,
    endpoints         TEXT NOT NULL, -- '*' or words with commas
    quota             BIGINT NOT NULL,
    quota_period      INTEGER NOT NULL,
    user_quota        BIGINT NOT NULL,
    user_quota_period INTEGER NOT NULL,
    version           BIGINT NOT NULL,
    created           BIGINT NOT NULL
);

CREATE TABLE group_models (
    group_id BIGINT NOT NULL REFERENCES groups (id),
    position INTEGER NOT NULL,
    pattern  TEXT NOT NULL,
    effect   TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    PRIMARY KEY (group_id, position)
);

CREATE TABLE users (
    id        BIGINT NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    enabled   INTEGER NOT NULL,
    group_id  BIGINT NOT NULL REFERENCES groups (id),
    ratio_ppm BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    created   BIGINT NOT NULL
);

-- Only the SHA-256 of a key is kept.  Revoked keys stay, so that usage rows can name them.
CREATE TABLE keys (
    id           BIGINT NOT NULL PRIMARY KEY,
    user_id      BIGINT NOT NULL REFERENCES users (id),
    group_id     BIGINT REFERENCES groups (id), -- null = the user's
    hash         BLOB NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    name         TEXT NOT NULL,
    enabled      INTEGER NOT NULL,
    revoked      BIGINT NOT NULL, -- when; 0 = not
    expires      BIGINT NOT NULL, -- 0 = never
    quota        BIGINT NOT NULL,
    quota_period INTEGER NOT NULL,
    version      BIGINT NOT NULL,
    created      BIGINT NOT NULL
);
CREATE INDEX keys_user ON keys (user_id);
CREATE INDEX keys_hint ON keys (hint);

CREATE TABLE key_models (
    key_id   BIGINT NOT NULL REFERENCES keys (id),
    position INTEGER NOT NULL,
    pattern  TEXT NOT NULL,
    effect   TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    PRIMARY KEY (key_id, position)
);

CREATE TABLE key_networks (
    key_id   BIGINT NOT NULL REFERENCES keys (id),
    position INTEGER NOT NULL,
    cidr     TEXT NOT NULL,
    PRIMARY KEY (key_id, position)
);

-- kind: 0 user, 1 key, 2 group, 3 group_user.  spent = sum of the ledger's charges and give-backs
-- that name the account, credited = sum of its credits.
CREATE TABLE accounts (
    id       INTEGER NOT NULL PRIMARY KEY,
    kind     INTEGER NOT NULL,
    owner_id BIGINT NOT NULL,
    period   TEXT NOT NULL, -- '', '2026-11-24' or '2026-11'
    credited BIGINT NOT NULL,
    spent    BIGINT NOT NULL,
    UNIQUE (kind, owner_id, period)
);

-- The id is the request's with a slot bit (0 charge, 1 give-back) or, for a credit, its own.
-- amount: what a charge adds to spent, a (negative) give-back too, a credit to credited.
CREATE TABLE ledger (
    id                 INTEGER NOT NULL PRIMARY KEY,
    ts                 BIGINT NOT NULL,
    kind               TEXT NOT NULL, -- charge, give_back, credit
    user_account       BIGINT,
    key_account        BIGINT,
    group_account      BIGINT,
    group_user_account BIGINT,
    amount             BIGINT NOT NULL,
    request_id         BIGINT,
    ref                TEXT, -- a credit's outside reference
    note               TEXT
);
CREATE UNIQUE INDEX ledger_ref ON ledger (user_account, ref) WHERE ref IS NOT NULL;

CREATE TABLE requests (
    id             INTEGER NOT NULL PRIMARY KEY,
    ts             BIGINT NOT NULL,
    user_id        BIGINT NOT NULL,
    key_id         BIGINT NOT NULL,
    group_id       BIGINT NOT NULL,
    endpoint       TEXT,
    model          TEXT,
    provider       TEXT,
    upstream_model TEXT,
    stream         INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    reason         TEXT,
    "end"          TEXT,
    attempts       INTEGER NOT NULL,
    counters       TEXT NOT NULL, -- in_text=3 out_text=2
    source         TEXT NOT NULL, -- none, upstream, merged, estimated
    hold           BIGINT NOT NULL,
    charge         BIGINT NOT NULL,
    group_ppm      BIGINT NOT NULL,
    user_ppm       BIGINT NOT NULL,
    flags          TEXT NOT NULL, -- crash above_hold
    t_first        BIGINT NOT NULL, -- -1 = no byte was sent
    t_total        BIGINT NOT NULL
);
CREATE INDEX requests_user ON requests (user_id, id);
CREATE INDEX requests_open ON requests (id) WHERE "end" = 'open';

INSERT INTO groups VALUES (1, 'default', 1, 1000000, '*', -1, 0, -1, 0, 1, 0);
INSERT INTO group_models VALUES (1, 0, '*', 'allow');
INSERT INTO meta VALUES ('probe', '0');
