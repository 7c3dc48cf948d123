//! What a response through the proxy means.

use url::Url;

use super::front::Answer;
use crate::public_url::PublicUrl;
use crate::session::{HandoverRequest, Prober, RefusedVisit};

/// What a response means.
pub enum Reply {
    /// To the sign-in.
    SignIn {
        /// What Doorward was asked about, if this command has its key.
        asked: Option<HandoverRequest>,
        /// Whom Doorward takes for the client, if it is of this version and this command has its key.
        seen: Option<Option<std::net::IpAddr>>,
        /// How long the address is, in bytes.
        length: usize,
    },
    /// To the page that says why somebody may not pass.
    Refused(Option<RefusedVisit>),
    /// To somewhere else.
    Elsewhere(String),
    /// No redirect.
    Status(u16),
}

impl Reply {
    /// Reads a response.
    pub fn of(answer: &Answer, public_url: &PublicUrl, prober: Option<&Prober>) -> Reply {
        let location = answer.header("location");
        if !(300..400).contains(&answer.status) || location.is_empty() {
            return Reply::Status(answer.status);
        }
        let Ok(url) = Url::parse(location) else {
            return Reply::Elsewhere(location.to_owned());
        };
        let parameter = |name: &str| {
            let mut pairs = url.query_pairs();
            pairs.find(|(it, _)| it == name).map(|(_, value)| value)
        };
        let is_at = |path: &str| {
            url.origin() == public_url.url().origin() && url.path() == public_url.at(path)
        };
        match () {
            () if is_at("/handover") => Reply::SignIn {
                asked: prober
                    .zip(parameter("request"))
                    .and_then(|(prober, sealed)| prober.handover_request(&sealed)),
                seen: prober
                    .zip(parameter("seen"))
                    .and_then(|(prober, sealed)| prober.seen(&sealed))
                    .map(|seen| seen.client),
                length: location.len(),
            },
            () if is_at("/refused") => Reply::Refused(
                prober
                    .zip(parameter("why"))
                    .and_then(|(prober, sealed)| prober.refused_visit(&sealed)),
            ),
            () => Reply::Elsewhere(location.to_owned()),
        }
    }

    /// For people.
    pub fn in_words(&self) -> String {
        match self {
            Reply::SignIn { .. } => "a redirect to the sign-in".to_owned(),
            Reply::Refused(Some(visit)) => {
                format!("a refusal ({}) for {}", visit.reason, visit.origin)
            }
            Reply::Refused(None) => "a refusal".to_owned(),
            // Whatever it is, it is cut, and Debug escapes line breaks.
            Reply::Elsewhere(location) => {
                format!(
                    "a redirect to {:?}",
                    location.chars().take(200).collect::<String>()
                )
            }
            Reply::Status(status) => format!("status {status}"),
        }
    }

    /// Whether the proxy or Doorward says no by a status of the client's making.
    pub fn is_rejection(&self) -> bool {
        matches!(self, Reply::Status(400..=499))
    }
}
