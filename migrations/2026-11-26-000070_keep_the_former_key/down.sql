DROP INDEX sessions_former_key_hash;
ALTER TABLE sessions DROP COLUMN former_key_hash;
