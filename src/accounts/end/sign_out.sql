-- A sign-out on Postgres: ends the session, writes its event, and keeps what a second click on "Sign out" needs. Returns
-- the session, or nothing if it has ended before: then there is no event either.
WITH ended AS (
    DELETE FROM sessions WHERE key_hash = $1 OR former_key_hash = $2 OR first_key_hash = $3
    RETURNING key_hash, user_id, last_seen_at, ends_at, state
), session AS (
    SELECT ended.key_hash, ended.user_id, users.issuer, users.subject, ended.last_seen_at, ended.ends_at, ended.state
    FROM ended LEFT JOIN users ON users.id = ended.user_id
), second_click AS (
    INSERT INTO sign_outs (state_hash, id_token_hint, created_at)
    VALUES ($4, $5, $6)
    ON CONFLICT (state_hash) DO NOTHING
), event AS (
    INSERT INTO audit_events (user_id, issuer, subject, id, occurred_at, event, address, request_id)
    SELECT user_id, issuer, subject, $7, $8, $9, $10, $11 FROM session
)
SELECT key_hash, user_id, issuer, subject, last_seen_at, ends_at, state FROM session
