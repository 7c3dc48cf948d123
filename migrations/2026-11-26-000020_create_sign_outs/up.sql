-- The sign-outs of the last minute: who presses the button twice is sent to the provider twice. state_hash is a hash of the
-- state that goes there, and the hint is encrypted, so that a leaked table opens no door.
CREATE TABLE sign_outs (
    state_hash TEXT NOT NULL PRIMARY KEY,
    id_token_hint TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE INDEX sign_outs_created_at ON sign_outs (created_at);
