ALTER TABLE sessions DROP COLUMN recheck_round;
ALTER TABLE sessions DROP COLUMN recheck_claimed_until;
ALTER TABLE sessions DROP COLUMN recheck_at;
