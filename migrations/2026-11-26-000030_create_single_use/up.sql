-- What was used and may not be used again: a hash of it, until it would be refused anyway because it is too old.
CREATE TABLE single_use (
    hash TEXT NOT NULL PRIMARY KEY,
    expires_at TIMESTAMP NOT NULL
);
