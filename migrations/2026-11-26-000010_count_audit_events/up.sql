-- How many events one row stands for; NULL is one.
ALTER TABLE audit_events ADD COLUMN occurrences INTEGER;
