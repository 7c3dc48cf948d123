-- The provider can end sessions. `sid_hash` is a hash of the provider's own session (its `sid`), since an unsigned request may
-- end a session by its `sid`: a leaked table is no list of them. `ends_at` is when the provider's session ends.
ALTER TABLE sessions ADD COLUMN sid_hash TEXT;
ALTER TABLE sessions ADD COLUMN ends_at TIMESTAMP;
-- Of the sign-in, for the person to recognize it.
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;
CREATE INDEX sessions_sid_hash ON sessions (sid_hash);
CREATE INDEX sessions_ends_at ON sessions (ends_at);
-- Sign-ins of the person that began before this time are void.
ALTER TABLE users ADD COLUMN signed_out_at TIMESTAMP;
-- The email in lower case, since `lower` differs between the databases.
ALTER TABLE users ADD COLUMN email_key TEXT;
CREATE INDEX users_email_key ON users (email_key);
-- The provider's sessions that it has ended in the last hour, and people whom it has signed out by a subject or an email that
-- nobody here had. Sign-ins that began before are void.
CREATE TABLE ended_sids (
    sid_hash TEXT NOT NULL PRIMARY KEY,
    ended_at TIMESTAMP NOT NULL
);
