-- What format version 1 wrote: the schema and a few items. Frozen: later versions have to read it.
-- Beside it: values/46/dbc12012c4044b29cd0565be415a8a.val
PRAGMA application_id = 1684759400;
PRAGMA user_version = 1;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    expires_at REAL,
    mode INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    size INTEGER NOT NULL,
    file TEXT,
    value BLOB,
    stored_at REAL NOT NULL,
    used_at REAL NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0,
    visited INTEGER NOT NULL DEFAULT 0,
    tag BLOB,
    queue BLOB
  );
CREATE UNIQUE INDEX entry_key ON entry (key);
CREATE INDEX entry_expiry ON entry (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX entry_file ON entry (file) WHERE file IS NOT NULL;
CREATE INDEX entry_queue ON entry (queue, key) WHERE queue IS NOT NULL;
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE change (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key BLOB);
CREATE TABLE listener (id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE lease (name BLOB PRIMARY KEY, holder TEXT NOT NULL, pid INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO setting (name, value) VALUES ('evictionPolicy', 'sieve');
INSERT INTO setting (name, value) VALUES ('fileThreshold', 64.0);
INSERT INTO setting (name, value) VALUES ('ttl', 1000000000000.0);
INSERT INTO counter (name, value) VALUES ('file bytes', 64);
INSERT INTO counter (name, value) VALUES ('hand', 0);
INSERT INTO counter (name, value) VALUES ('hits', 0);
INSERT INTO counter (name, value) VALUES ('misses', 0);
INSERT INTO counter (name, value) VALUES ('settings', 1);
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (1, 'text', 2700000000000, 0, 2654700086, 6, NULL, 'héllo', 1700000000000, 1700000000000, 0, 0, NULL, NULL);
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (2, 7.5, NULL, 1, 1381639463, 8, NULL, 42.0, 1700000000000.0002, 1700000000000.0002, 0, 0, NULL, NULL);
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (3, x'8020757365720051000001013800', 2700000000000, 3, 1918975345, 31, NULL, '{"name":"Ada","tags":["a","b"]}', 1700000000000.0005, 1700000000000.0005, 0, 0, 'people', NULL);
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (4, x'30', 1700000000005, 5, 3024844032, 9, NULL, 'undefined', 1700000000000.0007, 1700000000000.0007, 0, 0, NULL, NULL);
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (5, x'60c014000000000000', 2700000000000, 6, 773307529, 13, NULL, x'ff0f3b4902272201782c013a02', 1700000000000.001, 1700000000000.001, 0, 0, 7.0, NULL);
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (6, 'bytes', 2700000000000, 2, 3369915312, 3, NULL, x'0001ff', 1700000000000.0012, 1700000000000.0012, 0, 0, NULL, NULL);
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (7, 'large', 2700000000000, 0, 1503595466, 64, '46dbc12012c4044b29cd0565be415a8a', NULL, 1700000000000.0015, 1700000000000.0015, 0, 0, NULL, NULL);
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (8, 500000000000000.0, 2700000000000, 0, 2456940119, 5, NULL, 'first', 1700000000000.0017, 1700000000000.0017, 0, 0, NULL, x'38');
INSERT INTO entry (id, key, expires_at, mode, checksum, size, file, value, stored_at, used_at, hits, visited, tag, queue) VALUES (9, x'80206a6f62730010c2fc6bf52634000000', 2700000000000, 0, 4225294584, 3, NULL, 'job', 1700000000000.002, 1700000000000.002, 0, 0, NULL, 'jobs');
