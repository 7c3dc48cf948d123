//! The authorization response (RFC 6749, 4.1.2; RFC 9207).

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

use crate::oidc::flow::authorization_error::AuthorizationError;

/// The parameters that the redirect URI received. Any client can send them; nothing is verified yet.
#[derive(Default)]
pub struct AuthorizationResponse {
    /// Which attempt it belongs to.
    pub state: Option<String>,
    /// The code to exchange for tokens, which works once.
    pub code: Option<SecretString>,
    /// Why there is no code.
    pub error: Option<AuthorizationError>,
    /// The provider's explanation of the error, for the log only.
    pub error_description: Option<String>,
    /// The issuer that claims to have sent it, `iss` (RFC 9207, 2).
    pub issuer: Option<String>,
}

/// Why parameters are not an authorization response.
#[derive(Debug, PartialEq)]
pub enum MalformedResponse {
    /// A parameter was sent twice (RFC 6749, 3.1).
    Twice(String),
}

impl AuthorizationResponse {
    /// Reads a query or a form. Unknown parameters are ignored, and empty ones count as absent (RFC 6749, 3.1).
    pub fn parse(parameters: &str) -> Result<Self, MalformedResponse> {
        let mut response = AuthorizationResponse::default();
        let mut error = None;
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
            let known = matches!(
                &*name,
                "state" | "code" | "error" | "error_description" | "iss"
            );
            if !known {
                continue;
            }
            if seen.contains(&name) {
                return Err(MalformedResponse::Twice(name.into_owned()));
            }
            if !value.is_empty() {
                match &*name {
                    "state" => response.state = Some(value.into_owned()),
                    "code" => response.code = Some(value.into_owned().into()),
                    "error" => error = Some(value),
                    "iss" => response.issuer = Some(value.into_owned()),
                    _ => response.error_description = Some(value.into_owned()),
                }
            }
            seen.push(name);
        }
        let description = response.error_description.as_deref();
        response.error = error.map(|code| AuthorizationError::parse(&code, description));
        Ok(response)
    }

    /// The known parameters, form-urlencoded.
    pub fn to_form(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.parameters()).finish()
    }

    /// The names and values of the known parameters.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let code = self.code.as_ref().map(ExposeSecret::expose_secret);
        let parameters = [
            ("state", self.state.as_deref()),
            ("code", code),
            ("iss", self.issuer.as_deref()),
            ("error", self.error.as_ref().map(AuthorizationError::code)),
            ("error_description", self.error_description.as_deref()),
        ];
        let present = |(name, value)| Some((name, value?));
        parameters.into_iter().filter_map(present)
    }

    /// The first state in `parameters`, even if the rest is malformed: the attempt that it names is used up in any case.
    pub fn first_state(parameters: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(parameters.as_bytes());
        let (_, state) = pairs.find(|(name, value)| name == "state" && !value.is_empty())?;
        Some(state.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_parameters_are_written_as_a_form() {
        let query = "x=1&error_description=e%26+f&code=a%20b&id_token=i&state=s&iss=";
        let response = AuthorizationResponse::parse(query).unwrap();
        assert_eq!(
            response.to_form(),
            "state=s&code=a+b&error_description=e%26+f"
        );
    }

    /// Core 13.1, 13.2
    /// RFC 6749 4.1.2 (b): Response parameters that are not known are ignored (MUST)
    #[test]
    fn a_response_is_read_once_over() {
        let query = "code=a%20b&state=s&iss=https%3A%2F%2Fop.example&x=1&x=2&error=";
        let response = AuthorizationResponse::parse(query).unwrap();
        assert_eq!(response.state.as_deref(), Some("s"));
        assert_eq!(response.code.unwrap().expose_secret(), "a b");
        assert_eq!(response.issuer.as_deref(), Some("https://op.example"));
        assert_eq!(response.error, None);
    }

    /// RFC 6749 3.1 (b)
    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        for query in ["code=a&code=b", "state=s&code=a&state=s", "error=&error="] {
            assert!(AuthorizationResponse::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn of_several_states_the_first_is_used_up() {
        for (query, first) in [
            ("state=s&code=a&state=t", Some("s")),
            ("code=a&code=b&st%61te=s", Some("s")),
            ("state=&state=s", Some("s")),
            ("state&code=a", None),
            ("", None),
        ] {
            let found = AuthorizationResponse::first_state(query);
            assert_eq!(found.as_deref(), first, "{query}");
        }
    }
}
