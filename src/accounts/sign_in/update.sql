-- The first part of a sign-in on SQLite, where statements cost no round trips, and of a step-up, which is rare.
UPDATE users
SET name = $1, email = $2, email_verified = $3, groups = $4, preferred_username = $5, last_sign_in_at = $6
WHERE issuer = $7 AND subject = $8 AND blocked_at IS NULL
RETURNING id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at, blocked_at, groups,
    preferred_username
