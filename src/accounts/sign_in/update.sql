-- The first part of a sign-in on SQLite, where statements cost no round trips.
UPDATE users
SET name = $1, email = $2, email_verified = $3, last_sign_in_at = $4
WHERE issuer = $5 AND subject = $6 AND blocked_at IS NULL
RETURNING id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at, blocked_at
