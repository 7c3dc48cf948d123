//! Where a session comes from.

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use time::OffsetDateTime;

use crate::observe::request_id::RequestContext;

/// The longest name of a browser that is kept, in characters.
const USER_AGENT_LIMIT: usize = 200;

/// Where a session comes from: the provider's session, and the browser.
pub(super) struct Origin {
    /// What the provider's session is found by, if it names it.
    pub sid_hash: Option<String>,
    /// When the provider's session ends, in UTC, if it says so.
    pub ends_at: Option<OffsetDateTime>,
    /// The client's address.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
}

impl Origin {
    /// A session of nobody knows where.
    #[cfg(test)]
    pub fn unknown(ends_at: Option<OffsetDateTime>) -> Origin {
        Origin {
            sid_hash: None,
            ends_at,
            address: None,
            user_agent: None,
        }
    }

    /// The browser that sent `request`.
    pub fn of(
        request: &HttpRequest,
        sid_hash: Option<String>,
        ends_at: Option<OffsetDateTime>,
    ) -> Origin {
        let address = RequestContext::current().and_then(|context| context.address);
        let user_agent = request.headers().get(USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        Origin {
            sid_hash,
            ends_at,
            address: address.map(|address| address.to_string()),
            user_agent: user_agent.map(|text| {
                let text = text.chars().filter(|it| !it.is_control());
                text.take(USER_AGENT_LIMIT).collect()
            }),
        }
    }
}
