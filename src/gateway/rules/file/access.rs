//! Reads who may enter.

use super::reader::{Keys, Reader};
use super::values;
use crate::gateway::rules::Allow;
use crate::gateway::rules::people::People;

impl Reader {
    pub fn allow(&mut self, keys: &Keys<'_, '_>) -> Allow {
        let people = People {
            groups: self.parsed_set(keys, "groups", values::word),
            emails: self.parsed_set(keys, "emails", values::email),
            email_domains: self.parsed_set(keys, "email_domains", values::email_domain),
            subjects: self.parsed_set(keys, "subjects", values::word),
        };
        let named = ["groups", "emails", "email_domains", "subjects"];
        let named = named.into_iter().find(|key| keys.get(key).is_some());
        let allow = match (self.text(keys, "allow").as_deref(), named) {
            (Some("public"), None) => Allow::Public,
            (Some("signed-in"), None) => Allow::SignedIn,
            (Some("nobody"), None) => Allow::Nobody,
            (Some(word @ ("public" | "signed-in" | "nobody")), Some(named)) => {
                let fault =
                    format!("allow = \"{word}\" and {named} contradict each other; keep one");
                self.fault(keys.span("allow"), fault);
                Allow::Nobody
            }
            (Some(_), _) => {
                self.fault(
                    keys.span("allow"),
                    "allow is neither \"public\", \"signed-in\" nor \"nobody\"",
                );
                Allow::Nobody
            }
            (None, Some(_)) => Allow::People(people),
            (None, None) => {
                if keys.get("allow").is_none() {
                    let fault = "the rule does not say who may enter: add groups, emails, email_domains or subjects, or \
                                 allow = \"signed-in\"";
                    self.fault(keys.span.clone(), fault);
                }
                Allow::Nobody
            }
        };
        for key in ["acr", "max_age"] {
            let needs_people = matches!(allow, Allow::Public | Allow::Nobody);
            if needs_people
                && keys.get("allow").is_some()
                && named.is_none()
                && keys.get(key).is_some()
            {
                self.fault(
                    keys.span(key),
                    format!("{key} needs people who sign in, and this rule has none"),
                );
            }
        }
        allow
    }
}
