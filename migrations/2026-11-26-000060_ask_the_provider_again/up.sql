-- The provider is asked again whether a person is still welcome. `recheck_at` is when its word is too old; where it is NULL,
-- that is counted from `created_at`. `recheck_claimed_until`: until then one process asks, or nobody asks again after a
-- failure. `recheck_round` counts the answers: what belongs to an earlier round changes nothing.
ALTER TABLE sessions ADD COLUMN recheck_at TIMESTAMP;
ALTER TABLE sessions ADD COLUMN recheck_claimed_until TIMESTAMP;
ALTER TABLE sessions ADD COLUMN recheck_round INTEGER NOT NULL DEFAULT 0;
