-- What the previous version runs, recorded: see tests/it/previous_version.rs.

-- the first sign-in
INSERT INTO `single_use` (`hash`, `expires_at`) VALUES ('used by the previous version', ':now');
INSERT INTO `users` (`id`, `issuer`, `subject`, `name`, `email`, `email_verified`, `created_at`, `last_sign_in_at`, `groups`, `preferred_username`) VALUES (':user', ':issuer', '00uada', 'Ada Lovelace', 'ada@example.com', true, ':now', ':now', NULL, 'ada@example.com');
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`, `address`, `request_id`) VALUES ('00066131f57ef3920000000031de862e', ':now', 'user_created', ':user', ':issuer', '00uada', '127.0.0.1', 'a85e7b351ae0');
INSERT INTO `sessions` (`key_hash`, `user_id`, `state`, `created_at`, `last_seen_at`) VALUES (':key_hash', ':user', ':state', ':now', ':now');
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`, `address`, `request_id`) VALUES ('00066131f57ef39200000001d3248030', ':now', 'sign_in', ':user', ':issuer', '00uada', '127.0.0.1', 'a85e7b351ae0');

-- another sign-in
UPDATE users SET name = 'Ada Lovelace', email = 'ada@example.com', email_verified = 1, groups = NULL, preferred_username = 'ada@example.com', last_sign_in_at = ':now' WHERE issuer = ':issuer' AND subject = '00uada' AND blocked_at IS NULL RETURNING id, issuer, subject, name, email, email_verified, created_at, last_sign_in_at, blocked_at, groups, preferred_username;
INSERT INTO `single_use` (`hash`, `expires_at`) VALUES ('used a second time', ':now');
INSERT INTO `sessions` (`key_hash`, `user_id`, `state`, `created_at`, `last_seen_at`) VALUES (':key_hash', ':user', ':state', ':now', ':now');
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`, `address`, `request_id`) VALUES ('00066131f5885424000000027d7c8a72', ':now', 'sign_in', ':user', ':issuer', '00uada', '127.0.0.1', 'fbd2ce7c0887');

-- a page
SELECT `sessions`.`user_id`, `sessions`.`state`, `sessions`.`created_at`, `sessions`.`last_seen_at`, `users`.`id`, `users`.`issuer`, `users`.`subject`, `users`.`name`, `users`.`email`, `users`.`email_verified`, `users`.`created_at`, `users`.`last_sign_in_at`, `users`.`blocked_at`, `users`.`groups`, `users`.`preferred_username` FROM (`sessions` INNER JOIN `users` ON (`sessions`.`user_id` = `users`.`id`)) WHERE ((`sessions`.`key_hash` = ':key_hash') AND (`users`.`blocked_at` IS NULL)) LIMIT 1;

-- last seen
UPDATE `sessions` SET `last_seen_at` = ':later' WHERE ((`sessions`.`key_hash` = ':key_hash') AND (`sessions`.`last_seen_at` < ':later'));

-- a sign-out
INSERT INTO `sign_outs` (`state_hash`, `id_token_hint`, `created_at`) VALUES ('the state of a sign-out', 'its hint', ':now');
DELETE FROM `sessions` WHERE (`sessions`.`key_hash` = ':key_hash') RETURNING `key_hash`, `user_id`, (SELECT issuer FROM users WHERE users.id = sessions.user_id), (SELECT subject FROM users WHERE users.id = sessions.user_id), `last_seen_at`;
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`, `address`, `request_id`) VALUES ('00066131f596976100000005b559ecd8', ':now', 'sign_out', ':user', ':issuer', '00uada', '127.0.0.1', 'acb7f3c38481');

-- a block
UPDATE `users` SET `blocked_at` = ':now' WHERE ((`users`.`id` = ':user') AND (`users`.`blocked_at` IS NULL));
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`) VALUES ('00066131f5a5df5f00000000185fff79', ':now', 'user_blocked', ':user', ':issuer', '00uada');
DELETE FROM `sessions` WHERE (`sessions`.`key_hash` IN (':key_hash')) RETURNING `key_hash`, `user_id`, (SELECT issuer FROM users WHERE users.id = sessions.user_id), (SELECT subject FROM users WHERE users.id = sessions.user_id), `last_seen_at`;
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`, `reason`) VALUES ('00066131f5a5df5f00000001b33dc707', ':now', 'session_revoked', ':user', ':issuer', '00uada', 'user_blocked');

-- an end of blocking
UPDATE `users` SET `blocked_at` = NULL WHERE ((`users`.`id` = ':user') AND (`users`.`blocked_at` IS NOT NULL));
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`) VALUES ('00066131f5a72bcb00000000ddee7ccb', ':now', 'user_unblocked', ':user', ':issuer', '00uada');

-- a deletion
DELETE FROM `sessions` WHERE (`sessions`.`key_hash` IN (':key_hash')) RETURNING `key_hash`, `user_id`, (SELECT issuer FROM users WHERE users.id = sessions.user_id), (SELECT subject FROM users WHERE users.id = sessions.user_id), `last_seen_at`;
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`, `reason`) VALUES ('00066131f5a873bf00000000456ea06f', ':now', 'session_revoked', ':user', ':issuer', '00ugrace', 'user_deleted');
DELETE FROM `users` WHERE (`users`.`id` = ':user');
INSERT INTO `audit_events` (`id`, `occurred_at`, `event`, `user_id`, `issuer`, `subject`) VALUES ('00066131f5a873bf00000001d129c320', ':now', 'user_deleted', ':user', ':issuer', '00ugrace');

-- people
SELECT `users`.`id`, `users`.`issuer`, `users`.`subject`, `users`.`name`, `users`.`email`, `users`.`email_verified`, `users`.`created_at`, `users`.`last_sign_in_at`, `users`.`blocked_at`, `users`.`groups`, `users`.`preferred_username` FROM `users` ORDER BY `users`.`id` LIMIT 100;

-- sessions
SELECT `sessions`.`key_hash`, `sessions`.`user_id`, `sessions`.`created_at`, `sessions`.`last_seen_at` FROM `sessions` ORDER BY `sessions`.`key_hash` LIMIT 100;

-- events
SELECT `audit_events`.`id`, `audit_events`.`occurred_at`, `audit_events`.`event`, `audit_events`.`user_id`, `audit_events`.`issuer`, `audit_events`.`subject`, `audit_events`.`reason`, `audit_events`.`address`, `audit_events`.`request_id`, `audit_events`.`occurrences`, `audit_events`.`app` FROM `audit_events` ORDER BY `audit_events`.`id` DESC LIMIT 100;
