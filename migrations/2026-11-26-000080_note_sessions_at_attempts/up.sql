-- An attempt that is not used yet can have a row as well. `key_hash` is then that of a session which another tab of the browser
-- has started, and of which a callback that is on its way with this attempt does not know. A row without it was used.
ALTER TABLE single_use ADD COLUMN key_hash TEXT;
