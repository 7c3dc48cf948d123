//! What can be an identifier in a token.

/// OpenID Connect Core 2: a subject has at most 255 ASCII characters.
const SUBJECT_LIMIT: usize = 255;

/// The longest `sid` and `jti`, in bytes.
const ID_LIMIT: usize = 512;

/// Whether `sub` can be a subject (OpenID Connect Core 2). No control characters: Postgres stores no NUL.
pub fn is_subject(sub: &str) -> bool {
    (1..=SUBJECT_LIMIT).contains(&sub.len()) && !sub.chars().any(char::is_control)
}

/// Whether `id` can be a `sid` or a `jti`.
pub fn is_id(id: &str) -> bool {
    (1..=ID_LIMIT).contains(&id.len()) && !id.chars().any(char::is_control)
}
