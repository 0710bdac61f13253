-- Which log this is: who has read one up to some record has not read another one up to there. A copy that takes the place of
-- a log becomes another log, since both go on from the same records.
CREATE TABLE log (id TEXT NOT NULL) STRICT;
INSERT INTO log (id) VALUES (lower(hex(randomblob(16))));
