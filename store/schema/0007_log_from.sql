-- Older rows of requests may have been deleted; this id begins a UTC day.
INSERT INTO meta VALUES ('log_from', '0');
