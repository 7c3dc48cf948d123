-- What the previous version runs, recorded: see tests/it/previous_version.rs.

-- the first sign-in
INSERT INTO "users" ("id", "issuer", "subject", "name", "email", "email_verified", "created_at", "last_sign_in_at", "groups", "preferred_username") VALUES (':user', ':issuer', '00uada', 'Ada Lovelace', 'ada@example.com', true, ':now', ':now', NULL, 'ada@example.com');
INSERT INTO "audit_events" ("id", "occurred_at", "event", "user_id", "issuer", "subject", "reason", "address", "request_id", "occurrences", "app") VALUES ('00066131f57b00d30000000189418568', ':now', 'user_created', ':user', ':issuer', '00uada', DEFAULT, '127.0.0.1', 'f2388e91846e', DEFAULT, DEFAULT);
WITH person AS ( UPDATE users SET name = 'Ada Lovelace', email = 'ada@example.com', email_verified = true, groups = NULL, preferred_username = 'ada@example.com', last_sign_in_at = ':now' WHERE issuer = ':issuer' AND subject = '00uada' AND blocked_at IS NULL RETURNING id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at, blocked_at, groups, preferred_username ), session AS ( INSERT INTO sessions (user_id, created_at, last_seen_at, key_hash, state) SELECT id, last_sign_in_at, last_sign_in_at, ':key_hash', ':state' FROM person ), used AS ( INSERT INTO single_use (hash, expires_at) SELECT 'used by the previous version', ':now' FROM person ), event AS ( INSERT INTO audit_events (user_id, issuer, subject, id, occurred_at, event, address, request_id) SELECT id, issuer, subject, '00066131f57b00d300000002c7225ef2', ':now', 'sign_in', '127.0.0.1', 'f2388e91846e' FROM person ) SELECT * FROM person;

-- another sign-in
WITH person AS ( UPDATE users SET name = 'Ada Lovelace', email = 'ada@example.com', email_verified = true, groups = NULL, preferred_username = 'ada@example.com', last_sign_in_at = ':now' WHERE issuer = ':issuer' AND subject = '00uada' AND blocked_at IS NULL RETURNING id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at, blocked_at, groups, preferred_username ), session AS ( INSERT INTO sessions (user_id, created_at, last_seen_at, key_hash, state) SELECT id, last_sign_in_at, last_sign_in_at, ':key_hash', ':state' FROM person ), used AS ( INSERT INTO single_use (hash, expires_at) SELECT 'used a second time', ':now' FROM person ), event AS ( INSERT INTO audit_events (user_id, issuer, subject, id, occurred_at, event, address, request_id) SELECT id, issuer, subject, '00066131f584ac1a00000003c8916818', ':now', 'sign_in', '127.0.0.1', '7985da1d2f34' FROM person ) SELECT * FROM person;

-- a page
SELECT "sessions"."user_id", "sessions"."state", "sessions"."created_at", "sessions"."last_seen_at", "users"."id", "users"."issuer", "users"."subject", "users"."name", "users"."email", "users"."email_verified", "users"."created_at", "users"."last_sign_in_at", "users"."blocked_at", "users"."groups", "users"."preferred_username" FROM ("sessions" INNER JOIN "users" ON ("sessions"."user_id" = "users"."id")) WHERE (("sessions"."key_hash" = ':key_hash') AND ("users"."blocked_at" IS NULL)) LIMIT 1;

-- last seen
UPDATE "sessions" SET "last_seen_at" = ':later' WHERE (("sessions"."key_hash" = ':key_hash') AND ("sessions"."last_seen_at" < ':later'));

-- a sign-out
WITH ended AS ( DELETE FROM sessions WHERE key_hash = ':key_hash' RETURNING key_hash, user_id, last_seen_at ), session AS ( SELECT ended.key_hash, ended.user_id, users.issuer, users.subject, ended.last_seen_at FROM ended LEFT JOIN users ON users.id = ended.user_id ), second_click AS ( INSERT INTO sign_outs (state_hash, id_token_hint, created_at) VALUES ('the state of a sign-out', 'its hint', ':now') ON CONFLICT (state_hash) DO NOTHING ), event AS ( INSERT INTO audit_events (user_id, issuer, subject, id, occurred_at, event, address, request_id) SELECT user_id, issuer, subject, '00066131f5931fa600000007cb6bd3b9', ':now', 'sign_out', '127.0.0.1', '26d5b76480d6' FROM session ) SELECT key_hash, user_id, issuer, subject, last_seen_at FROM session;

-- a block
UPDATE "users" SET "blocked_at" = ':now' WHERE (("users"."id" = ':user') AND ("users"."blocked_at" IS NULL));
INSERT INTO "audit_events" ("id", "occurred_at", "event", "user_id", "issuer", "subject", "reason", "address", "request_id", "occurrences", "app") VALUES ('00066131f5a2eb8700000000403de9cd', ':now', 'user_blocked', ':user', ':issuer', '00uada', DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT);
DELETE FROM "sessions" WHERE ("sessions"."key_hash" = ANY(ARRAY[':key_hash']::text[])) RETURNING "sessions"."key_hash", "sessions"."user_id", (SELECT issuer FROM users WHERE users.id = sessions.user_id), (SELECT subject FROM users WHERE users.id = sessions.user_id), "sessions"."last_seen_at";
INSERT INTO "audit_events" ("id", "occurred_at", "event", "user_id", "issuer", "subject", "reason", "address", "request_id", "occurrences", "app") VALUES ('00066131f5a2eb87000000011fa6482b', ':now', 'session_revoked', ':user', ':issuer', '00uada', 'user_blocked', DEFAULT, DEFAULT, DEFAULT, DEFAULT);

-- an end of blocking
UPDATE "users" SET "blocked_at" = NULL WHERE (("users"."id" = ':user') AND ("users"."blocked_at" IS NOT NULL));
INSERT INTO "audit_events" ("id", "occurred_at", "event", "user_id", "issuer", "subject", "reason", "address", "request_id", "occurrences", "app") VALUES ('00066131f5a49826000000004c834aa5', ':now', 'user_unblocked', ':user', ':issuer', '00uada', DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT);

-- a deletion
DELETE FROM "sessions" WHERE ("sessions"."key_hash" = ANY(ARRAY[':key_hash']::text[])) RETURNING "sessions"."key_hash", "sessions"."user_id", (SELECT issuer FROM users WHERE users.id = sessions.user_id), (SELECT subject FROM users WHERE users.id = sessions.user_id), "sessions"."last_seen_at";
INSERT INTO "audit_events" ("id", "occurred_at", "event", "user_id", "issuer", "subject", "reason", "address", "request_id", "occurrences", "app") VALUES ('00066131f5a880ac0000000064539f7e', ':now', 'session_revoked', ':user', ':issuer', '00ugrace', 'user_deleted', DEFAULT, DEFAULT, DEFAULT, DEFAULT);
DELETE FROM "users" WHERE ("users"."id" = ':user');
INSERT INTO "audit_events" ("id", "occurred_at", "event", "user_id", "issuer", "subject", "reason", "address", "request_id", "occurrences", "app") VALUES ('00066131f5a880ac000000011818a356', ':now', 'user_deleted', ':user', ':issuer', '00ugrace', DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT);

-- people
SELECT "users"."id", "users"."issuer", "users"."subject", "users"."name", "users"."email", "users"."email_verified", "users"."created_at", "users"."last_sign_in_at", "users"."blocked_at", "users"."groups", "users"."preferred_username" FROM "users" ORDER BY "users"."id" LIMIT 100;

-- sessions
SELECT "sessions"."key_hash", "sessions"."user_id", "sessions"."created_at", "sessions"."last_seen_at" FROM "sessions" ORDER BY "sessions"."key_hash" LIMIT 100;

-- events
SELECT "audit_events"."id", "audit_events"."occurred_at", "audit_events"."event", "audit_events"."user_id", "audit_events"."issuer", "audit_events"."subject", "audit_events"."reason", "audit_events"."address", "audit_events"."request_id", "audit_events"."occurrences", "audit_events"."app" FROM "audit_events" ORDER BY "audit_events"."id" DESC LIMIT 100;
