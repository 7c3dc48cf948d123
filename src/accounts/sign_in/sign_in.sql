-- A sign-in on Postgres of somebody who has signed in before: one statement, one round trip. It answers the person, or
-- nothing if there is none, they are blocked, or the provider has ended this sign-in meanwhile. The UPDATE locks the person's
-- row, so that a block at the same moment either comes first and is seen, or waits and then ends this session. Likewise
-- with the table ended_sids, which the provider's logout locks.
WITH person AS (
    UPDATE users
    SET name = $1, email = $2, email_verified = $3, groups = $4, preferred_username = $5, email_key = $6,
        last_sign_in_at = $7
    WHERE issuer = $8 AND subject = $9 AND blocked_at IS NULL
        AND (signed_out_at IS NULL OR signed_out_at < $10)
        AND NOT EXISTS (SELECT 1 FROM ended_sids WHERE sid_hash IN ($11, $12, $13) AND ended_at >= $14)
    RETURNING id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at, blocked_at, groups,
        preferred_username
), session AS (
    INSERT INTO sessions (user_id, created_at, last_seen_at, key_hash, state, sid_hash, ends_at, address, user_agent)
    SELECT id, last_sign_in_at, last_sign_in_at, $15, $16, $17, $18, $19, $20 FROM person
), used AS (
    INSERT INTO single_use (hash, expires_at)
    SELECT $21, $22 FROM person
), event AS (
    INSERT INTO audit_events (user_id, issuer, subject, id, occurred_at, event, address, request_id)
    SELECT id, issuer, subject, $23, $24, $25, $26, $27 FROM person
)
SELECT * FROM person
