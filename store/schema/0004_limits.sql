-- What operators limit; the meters of it live in memory.  The first six columns tell limits apart:
-- owner_id is a key's, user's or group's (0 = each that has none of its own), model and provider are
-- names of the configuration ('' = all of them, or each).  period_us is 0 where the metric is
-- concurrent.
CREATE TABLE limits (
    scope     TEXT NOT NULL, -- key, user, group, group_user, model, provider
    owner_id  BIGINT NOT NULL,
    model     TEXT NOT NULL,
    provider  TEXT NOT NULL,
    metric    TEXT NOT NULL, -- requests, tokens, concurrent
    period_us BIGINT NOT NULL,
    amount    BIGINT NOT NULL,
    burst     BIGINT NOT NULL,
    PRIMARY KEY (scope, owner_id, model, provider, metric, period_us)
);
