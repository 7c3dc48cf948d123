-- A sign-in on Postgres of somebody who has signed in before: one statement, one round trip. It answers the person, or
-- nothing if there is none or they are blocked. The UPDATE locks the person's row, so that a block at the same moment
-- either comes first and is seen, or waits and then ends this session.
WITH person AS (
    UPDATE users
    SET name = $1, email = $2, email_verified = $3, groups = $4, preferred_username = $5, last_sign_in_at = $6
    WHERE issuer = $7 AND subject = $8 AND blocked_at IS NULL
    RETURNING id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at, blocked_at, groups,
        preferred_username
), session AS (
    INSERT INTO sessions (user_id, created_at, last_seen_at, key_hash, state)
    SELECT id, last_sign_in_at, last_sign_in_at, $9, $10 FROM person
), used AS (
    INSERT INTO single_use (hash, expires_at)
    SELECT $11, $12 FROM person
), event AS (
    INSERT INTO audit_events (user_id, issuer, subject, id, occurred_at, event, address, request_id)
    SELECT id, issuer, subject, $13, $14, $15, $16, $17 FROM person
)
SELECT * FROM person
