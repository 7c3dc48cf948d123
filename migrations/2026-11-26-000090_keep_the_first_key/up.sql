-- What people and administrators call a session by must stay the same when it gets another key, however often. `first_key_hash`
-- is the hash of its first key, if it has another one by now.
ALTER TABLE sessions ADD COLUMN first_key_hash TEXT;
UPDATE sessions SET first_key_hash = former_key_hash WHERE former_key_hash IS NOT NULL;
CREATE INDEX sessions_first_key_hash ON sessions (first_key_hash) WHERE first_key_hash IS NOT NULL;
