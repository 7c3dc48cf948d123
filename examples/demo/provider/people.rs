//! The people who can sign in at the provider, and the claims of each scope.

use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Names the person on the page and in its buttons; the app never sees it.
    pub login: String,
    pub sub: String,
    pub claims: Map<String, Value>,
}

impl Person {
    /// A person of whom only the subject is known.
    pub fn new(login: &str, sub: &str) -> Person {
        Person {
            login: login.to_owned(),
            sub: sub.to_owned(),
            claims: Map::new(),
        }
    }

    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Person {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// The claims of a scope (OpenID Connect Core 5.4). Claims of no scope, such as `groups`, are always included.
    pub fn claims_for(&self, scope: &str) -> Map<String, Value> {
        let granted = |name: &str| {
            scope_of(name).is_none_or(|needed| scope.split(' ').any(|given| given == needed))
        };
        let claims = self.claims.iter().filter(|(name, _)| granted(name));
        claims
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The person's name on the page, however long or odd the claim is.
    pub fn display_name(&self) -> String {
        let name = self.claims.get("name").and_then(Value::as_str);
        name.unwrap_or(&self.login).chars().take(60).collect()
    }
}

fn scope_of(claim: &str) -> Option<&'static str> {
    match claim {
        "name" | "family_name" | "given_name" | "middle_name" | "nickname"
        | "preferred_username" | "profile" | "picture" | "website" | "gender" | "birthdate"
        | "zoneinfo" | "locale" | "updated_at" => Some("profile"),
        "email" | "email_verified" => Some("email"),
        "address" => Some("address"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        _ => None,
    }
}

/// Ada; Grace, who is in two groups; and a person without a name or an email, a case that apps tend to forget.
pub fn demo_people() -> Vec<Person> {
    let named = |login: &str, given: &str, family: &str, email: &str| {
        Person::new(login, &format!("00u{login}"))
            .claim("name", format!("{given} {family}"))
            .claim("given_name", given)
            .claim("family_name", family)
            .claim("preferred_username", email)
            .claim("locale", "en")
            .claim("email", email)
            .claim("email_verified", json!(true))
    };
    vec![
        named("ada", "Ada", "Lovelace", "ada@example.com"),
        named("grace", "Grace", "Hopper", "grace@example.com")
            .claim("groups", json!(["staff", "admins"])),
        Person::new("noname", "00unoname"),
    ]
}
