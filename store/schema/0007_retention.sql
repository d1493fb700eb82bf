-- Older rows of requests may have been deleted; this id begins a UTC day.
INSERT INTO meta VALUES ('log_from', '0');
-- Credits are few, and lie among all charges.
CREATE INDEX ledger_credits ON ledger (user_account, id) WHERE kind = 'credit';
