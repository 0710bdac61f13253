-- The log. Rows are only ever added.
CREATE TABLE records (
    seq   INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,             -- microseconds since 1970
    run   INTEGER,                      -- the run that it is about, if it is about one
    cause TEXT NOT NULL,                -- JSON
    event TEXT NOT NULL                 -- JSON
) STRICT;

CREATE INDEX records_run ON records (run, seq) WHERE run IS NOT NULL;

CREATE TRIGGER records_are_never_changed BEFORE UPDATE ON records
BEGIN
    SELECT RAISE(ABORT, 'records are never changed');
END;
