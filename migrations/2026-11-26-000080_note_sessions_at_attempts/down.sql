DELETE FROM single_use WHERE key_hash IS NOT NULL;
ALTER TABLE single_use DROP COLUMN key_hash;
