DROP INDEX sessions_first_key_hash;
ALTER TABLE sessions DROP COLUMN first_key_hash;
