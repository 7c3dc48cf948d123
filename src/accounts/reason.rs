//! Why a sign-in failed, as an identifier for audit events and for the metric. Dashboards and alerts use these names, so
//! they do not change.

/// The enum, its list and its names, from one list of variants.
macro_rules! reasons {
    ($($(#[$meta:meta])* $variant:ident => $name:literal,)+) => {
        /// Why a sign-in failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$meta])* $variant,)+
        }

        impl Reason {
            /// All of them.
            pub const ALL: &[Reason] = &[$(Reason::$variant,)+];

            /// Its name in the log, in the database and in the metric.
            pub fn name(self) -> &'static str {
                match self {
                    $(Reason::$variant => $name,)+
                }
            }
        }
    };
}

reasons! {
    /// The authorization response has a parameter twice.
    ResponseMalformed => "response_malformed",
    /// The authorization response has neither a code nor an error.
    NoCode => "no_code",
    /// The authorization response has no state.
    NoState => "no_state",
    /// This browser has no login attempt with that state.
    AttemptMissing => "attempt_missing",
    /// The attempt's cookie is not sealed with one of our keys.
    AttemptForged => "attempt_forged",
    /// The attempt was used before.
    AttemptUsed => "attempt_used",
    /// Since the attempt began, the provider has signed the person out.
    AttemptEnded => "attempt_ended",
    /// The attempt is too old.
    AttemptExpired => "attempt_expired",
    /// The person cancelled, or the provider does not let them use this application.
    AccessDenied => "access_denied",
    /// The provider can't sign the person in without asking them something.
    InteractionRequired => "interaction_required",
    /// The person lacks a factor that the provider's policy demands.
    FactorMissing => "factor_missing",
    /// The provider rejected the authorization request.
    RequestRefused => "request_refused",
    /// The provider says that it has a problem.
    ProviderFailed => "provider_failed",
    /// The provider sent an error code that no standard knows.
    ProviderRefused => "provider_refused",
    /// There is no connection to the provider.
    ProviderUnreachable => "provider_unreachable",
    /// The provider did not respond in time.
    ProviderTimeout => "provider_timeout",
    /// The provider has too many requests.
    ProviderBusy => "provider_busy",
    /// The provider responded with an unexpected status.
    ProviderStatus => "provider_status",
    /// The provider's response could not be read.
    ProviderUnreadable => "provider_unreadable",
    /// The discovery document is not valid.
    DiscoveryRefused => "discovery_refused",
    /// The provider's key set is not valid.
    KeysRefused => "keys_refused",
    /// The authorization response is not from our provider (RFC 9207).
    ResponseIssuer => "response_issuer",
    /// The token endpoint rejected the code.
    CodeRefused => "code_refused",
    /// The token endpoint rejected our client authentication or our request.
    ClientRefused => "client_refused",
    /// The token response is not valid.
    TokenResponse => "token_response",
    /// The token type is not `Bearer`.
    TokenType => "token_type",
    /// The ID token is not a JWT with the claims that it must have.
    IdTokenMalformed => "id_token_malformed",
    /// The ID token is signed with an algorithm that is not allowed.
    IdTokenAlgorithm => "id_token_algorithm",
    /// No published key fits the ID token.
    IdTokenKey => "id_token_key",
    /// The ID token's signature is wrong.
    IdTokenSignature => "id_token_signature",
    /// The ID token is from another issuer.
    IdTokenIssuer => "id_token_issuer",
    /// The ID token is for another client.
    IdTokenAudience => "id_token_audience",
    /// The ID token has expired.
    IdTokenExpired => "id_token_expired",
    /// The ID token is not valid yet.
    IdTokenNotYetValid => "id_token_not_yet_valid",
    /// The ID token belongs to another authorization request.
    IdTokenNonce => "id_token_nonce",
    /// The ID token belongs to another access token.
    IdTokenAccessToken => "id_token_access_token",
    /// The ID token's subject can't be used.
    IdTokenSubject => "id_token_subject",
    /// The session at the provider, of which the ID token says when it ends, is over.
    SessionOver => "session_over",
    /// The ID token's `acr` is none of those that the sign-in requires.
    Acr => "acr",
    /// The ID token's `auth_time` is not as recent as the sign-in requires.
    AuthTime => "auth_time",
    /// A step-up was of another person than the session.
    StepUpSubject => "step_up_subject",
    /// The userinfo response is not valid.
    UserinfoRefused => "userinfo_refused",
    /// The userinfo response is about another person.
    UserinfoSubject => "userinfo_subject",
    /// The person is blocked in Doorward.
    Blocked => "blocked",
    /// The client's address has used up its `RATE_LIMIT`.
    RateLimited => "rate_limited",
    /// The database is not available.
    Database => "database",
    /// A bug in Doorward.
    Internal => "internal",
}
