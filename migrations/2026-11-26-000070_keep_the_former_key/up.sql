-- A step-up gives a session another key. `former_key_hash` is the hash of the one before, which opens nothing: what still
-- names the session by it, such as a click on "Sign out" that was on its way, ends the session all the same.
ALTER TABLE sessions ADD COLUMN former_key_hash TEXT;
CREATE INDEX sessions_former_key_hash ON sessions (former_key_hash) WHERE former_key_hash IS NOT NULL;
