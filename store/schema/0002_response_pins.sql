-- Ids of objects that live at one provider (responses, their output items) and whose they are.  An
-- id counts until it expires; tokens is what a request that goes on from the object is reckoned to
-- bring along.

CREATE TABLE response_pins (
    id       TEXT NOT NULL,
    user_id  BIGINT NOT NULL,
    key_id   BIGINT NOT NULL,
    provider TEXT NOT NULL,
    tokens   BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    PRIMARY KEY (id, user_id)
);
CREATE INDEX response_pins_expires ON response_pins (expires);
