-- The first part of a sign-in on SQLite, where statements cost no round trips, and of a step-up, which is rare.
UPDATE users
SET name = $1, email = $2, email_verified = $3, groups = $4, preferred_username = $5, email_key = $6,
    last_sign_in_at = $7
WHERE issuer = $8 AND subject = $9 AND blocked_at IS NULL
    AND (signed_out_at IS NULL OR signed_out_at < $10)
    AND NOT EXISTS (SELECT 1 FROM ended_sids WHERE sid_hash IN ($11, $12, $13) AND ended_at >= $14)
RETURNING id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at, blocked_at, groups,
    preferred_username
