-- What was used on each UTC day (its number since 1970, of the requests' ids): of every request up to
-- meta's rolled_up that has ended.
CREATE TABLE rollup_day (
    day        BIGINT NOT NULL,
    user_id    BIGINT NOT NULL,
    key_id     BIGINT NOT NULL,
    group_id   BIGINT NOT NULL,
    model      TEXT NOT NULL, -- '' = none was chosen
    provider   TEXT NOT NULL,
    requests   BIGINT NOT NULL,
    failed     BIGINT NOT NULL, -- of them, those that ended with a status of 400 or more
    tokens_in  BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    charged    BIGINT NOT NULL,
    given_back BIGINT NOT NULL, -- of what was charged that day, whenever
    PRIMARY KEY (day, user_id, key_id, group_id, model, provider)
);
INSERT INTO meta VALUES ('rolled_up', '0');
