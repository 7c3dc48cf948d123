//! Limits how often the refusal of a person at an app is kept: a page that asks every second is one event.

use std::time::Duration;

use moka::sync::Cache;

/// How many are remembered, some 100 bytes each. A refusal beyond that may be kept again.
const CAPACITY: u64 = 16_384;

const HOUR: Duration = Duration::from_secs(3600);

/// The refusals of this hour.
pub struct Refusals(Cache<(i64, String, String), ()>);

impl Default for Refusals {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(CAPACITY).time_to_live(HOUR);
        Refusals(cache.build())
    }
}

impl Refusals {
    /// Whether this is the first one of the person by this rule in the hour that `secs` since 1970 are in.
    pub fn is_first(&self, secs: i64, user_id: &str, rule: &str) -> bool {
        let hour = secs.div_euclid(3600);
        let refusal = (hour, user_id.to_owned(), rule.to_owned());
        self.0.entry(refusal).or_insert(()).is_fresh()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_kept_once_for_each_person_rule_and_hour() {
        let refusals = Refusals::default();
        for (secs, user_id, rule, expected) in [
            (7200, "ada", "metrics", true),
            (10_799, "ada", "metrics", false),
            (7300, "ada", "wiki", true),
            (7300, "grace", "metrics", true),
            (7300, "ada", "", true),
            (10_800, "ada", "metrics", true),
        ] {
            assert_eq!(
                refusals.is_first(secs, user_id, rule),
                expected,
                "{secs} {user_id} {rule}"
            );
        }
    }
}
