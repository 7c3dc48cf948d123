ALTER TABLE audit_events DROP COLUMN app;
ALTER TABLE users DROP COLUMN preferred_username;
ALTER TABLE users DROP COLUMN groups;
