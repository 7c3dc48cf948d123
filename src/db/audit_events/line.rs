//! An audit event in the log.

use super::AuditEvent;
use crate::observe::logging::Quoted;

/// The text of a log line: the event's name, then what is known.
pub(super) struct Line<'a>(pub &'a AuditEvent);

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let event = self.0;
        f.write_str(&event.event)?;
        for (name, value) in [
            ("reason", &event.reason),
            ("user", &event.user_id),
            ("issuer", &event.issuer),
            ("subject", &event.subject),
            ("address", &event.address),
            ("app", &event.app),
        ] {
            if let Some(value) = value {
                write!(f, " {name}={}", Quoted(value))?;
            }
        }
        match event.occurrences {
            Some(occurrences) => write!(f, " occurrences={occurrences}"),
            None => Ok(()),
        }
    }
}
