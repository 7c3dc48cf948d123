-- What apps behind the gateway know of a person: their groups, a JSON list of texts, and the name that they go by at the
-- provider. NULL is none.
ALTER TABLE users ADD COLUMN groups TEXT;
ALTER TABLE users ADD COLUMN preferred_username TEXT;
-- The host of the app that an event is about.
ALTER TABLE audit_events ADD COLUMN app TEXT;
