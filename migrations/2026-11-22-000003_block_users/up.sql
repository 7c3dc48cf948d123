-- Since when a person may not sign in; NULL is everybody else.
ALTER TABLE users ADD COLUMN blocked_at TIMESTAMP;
