// @generated automatically by Diesel CLI.

diesel::table! {
    audit_events (id) {
        id -> Text,
        occurred_at -> Timestamp,
        event -> Text,
        user_id -> Nullable<Text>,
        issuer -> Nullable<Text>,
        subject -> Nullable<Text>,
        reason -> Nullable<Text>,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        occurrences -> Nullable<Integer>,
        app -> Nullable<Text>,
    }
}

diesel::table! {
    ended_sids (sid_hash) {
        sid_hash -> Text,
        ended_at -> Timestamp,
    }
}

diesel::table! {
    sessions (key_hash) {
        key_hash -> Text,
        user_id -> Text,
        state -> Text,
        created_at -> Timestamp,
        last_seen_at -> Timestamp,
        sid_hash -> Nullable<Text>,
        ends_at -> Nullable<Timestamp>,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        recheck_at -> Nullable<Timestamp>,
        recheck_claimed_until -> Nullable<Timestamp>,
        recheck_round -> Integer,
        former_key_hash -> Nullable<Text>,
        first_key_hash -> Nullable<Text>,
    }
}

diesel::table! {
    sign_outs (state_hash) {
        state_hash -> Text,
        id_token_hint -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    single_use (hash) {
        hash -> Text,
        expires_at -> Timestamp,
        key_hash -> Nullable<Text>,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        issuer -> Text,
        subject -> Text,
        name -> Nullable<Text>,
        email -> Nullable<Text>,
        email_verified -> Bool,
        created_at -> Timestamp,
        last_sign_in_at -> Timestamp,
        blocked_at -> Nullable<Timestamp>,
        groups -> Nullable<Text>,
        preferred_username -> Nullable<Text>,
        signed_out_at -> Nullable<Timestamp>,
        email_key -> Nullable<Text>,
    }
}

diesel::joinable!(sessions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    audit_events,
    ended_sids,
    sessions,
    sign_outs,
    single_use,
    users,
);
