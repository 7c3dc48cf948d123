//! The body of a global token revocation: whose sessions end (draft-parecki-oauth-global-token-revocation, 3; subject
//! identifiers by RFC 9493, 3).

use crate::oidc::flow::identifiers::is_subject;
use crate::oidc::jose::json::{self, Object};

/// The longest email, in bytes.
const EMAIL_LIMIT: usize = 320;

/// Whose sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokedSubject {
    /// `iss_sub`: the person with this subject at the provider.
    Subject(String),
    /// `email`: each person with this email.
    Email(String),
}

/// Reads the body.
///
/// # Errors
/// What is wrong with it.
pub fn read(body: &[u8], issuer: &str) -> Result<RevokedSubject, String> {
    let body = Object::read(body, &["sub_id"]).map_err(|cause| format!("malformed: {cause}"))?;
    let sub_id = body.required("sub_id", "an object", |value| Object::within(value.clone()))?;
    let sub_id = sub_id.called("its sub_id");
    match sub_id.text("format")?.as_str() {
        "iss_sub" if sub_id.text("iss")? != issuer => {
            Err("its sub_id is of another issuer than OIDC_ISSUER".to_owned())
        }
        "iss_sub" => sub_id
            .required("sub", "a subject", |sub| {
                json::text(sub).filter(|sub| is_subject(sub))
            })
            .map(RevokedSubject::Subject),
        "email" => sub_id
            .required("email", "an email", |email| {
                json::text(email).filter(|email| is_email(email))
            })
            .map(RevokedSubject::Email),
        _ => Err("its sub_id has a format other than iss_sub and email".to_owned()),
    }
}

fn is_email(text: &str) -> bool {
    (1..=EMAIL_LIMIT).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_by_subject_or_by_email() {
        for (body, named) in [
            (
                r#"{"sub_id":{"format":"iss_sub","iss":"https://op.example","sub":"00u1"},"more":[]}"#,
                RevokedSubject::Subject("00u1".to_owned()),
            ),
            (
                r#" {"sub_id":{"email":"Ada@example.com","format":"email","sub":5}}"#,
                RevokedSubject::Email("Ada@example.com".to_owned()),
            ),
        ] {
            assert_eq!(
                read(body.as_bytes(), "https://op.example"),
                Ok(named),
                "{body}"
            );
        }
    }

    #[test]
    fn every_other_body_is_refused() {
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"[{"format":"email","email":"a@b"}]"#,
            r#"{"sub_id":null}"#,
            r#"{"sub_id":"a@b"}"#,
            r#"{"sub_id":["email","a@b"]}"#,
            r#"{"sub_id":{}}"#,
            r#"{"sub_id":{"format":"email"}}"#,
            r#"{"sub_id":{"format":"email","email":""}}"#,
            r#"{"sub_id":{"format":"email","email":5}}"#,
            r#"{"sub_id":{"format":"email","email":"a\u0000b"}}"#,
            r#"{"sub_id":{"format":"Email","email":"a@b"}}"#,
            r#"{"sub_id":{"format":["email"],"email":"a@b"}}"#,
            r#"{"sub_id":{"format":"iss_sub","sub":"00u1"}}"#,
            r#"{"sub_id":{"format":"iss_sub","iss":"https://op.example/","sub":"00u1"}}"#,
            r#"{"sub_id":{"format":"iss_sub","iss":"https://op.example"}}"#,
            r#"{"sub_id":{"format":"iss_sub","iss":"https://op.example","sub":""}}"#,
            r#"{"sub_id":{"format":"phone_number","phone_number":"+1"}}"#,
            r#"{"sub_id":{"format":"email","email":"a@b"},"sub_id":{"format":"email","email":"a@b"}}"#,
            r#"{"sub_id":{"format":"email","email":"a@b"}} x"#,
        ] {
            assert!(
                read(body.as_bytes(), "https://op.example").is_err(),
                "{body}"
            );
        }
    }
}
