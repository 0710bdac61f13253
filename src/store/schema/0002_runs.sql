-- Which runs there are, so that those that were put aside are left alone until somebody asks for them. It follows from the
-- records, and is made anew from them if it is lost.
CREATE TABLE runs (
    run     INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    aside   INTEGER                     -- the record by which it was put aside
) STRICT;

CREATE INDEX runs_at_hand ON runs (run) WHERE aside IS NULL;
CREATE INDEX runs_aside ON runs (aside) WHERE aside IS NOT NULL;
CREATE INDEX records_of_no_run ON records (seq) WHERE run IS NULL;

-- Every record about a proposal belongs to the run that it was made for.
DROP TRIGGER records_are_never_changed;
CREATE TEMP TABLE proposed AS
    SELECT json_extract(event, '$.proposal') AS proposal, run FROM records
    WHERE run IS NOT NULL AND json_extract(event, '$.of') = 'proposal';
UPDATE records SET run = (SELECT run FROM proposed WHERE proposal = json_extract(records.event, '$.proposal'))
    WHERE run IS NULL AND json_extract(event, '$.of') = 'proposal';
DROP TABLE proposed;
CREATE TRIGGER records_are_never_changed BEFORE UPDATE ON records
BEGIN
    SELECT RAISE(ABORT, 'records are never changed');
END;

INSERT INTO runs (run, project)
    SELECT run, json_extract(event, '$.event.project') FROM records
    WHERE json_extract(event, '$.of') = 'run' AND json_extract(event, '$.event.kind') = 'requested';
UPDATE runs SET aside = (
    SELECT max(seq) FROM records
    WHERE records.run = runs.run AND json_extract(event, '$.event.kind') = 'put_aside');
