//! The inner pieces, one by one: `make bench`, or `cargo bench --features internals --bench pieces`.

use divan::{Bencher, black_box};
use doorward::accounts::sign_in::{Former, SignIn, sign_in};
use doorward::clock::Clock;
use doorward::db::{
    DatabaseUrl, Db, Groups, Kind, LiveSince, NewSession, NewUser, Session, SingleUse,
};
use doorward::internals::{
    Claim, Keys, LoginPage, Pages, ProfilePage, PublicUrl, ReturnTo, Signer,
};
use doorward::oidc::example::{self, ISSUER};
use jsonwebtoken::Algorithm;
use secrecy::SecretSlice;
use serde_json::json;

fn main() {
    divan::main();
}

/// An ID token with the claims that Okta puts in, except for `at_hash`: its hash depends on the algorithm.
fn okta_id_token(signer: &Signer, alg: Algorithm) -> String {
    let mut claims = example::claims();
    let members = claims.as_object_mut().expect("claims are an object");
    members.remove("at_hash");
    let okta = json!({
        "ver": 1, "jti": "ID.0123456789abcdefghijklmnopqrstuvwxyz", "amr": ["pwd"], "idp": "00o0123456789abcdef",
        "sub": "00u0123456789abcdef", "name": "Ada Lovelace", "email": "ada@example.com",
        "preferred_username": "ada@example.com",
    });
    members.extend(okta.as_object().cloned().expect("claims are an object"));
    signer.sign(&json!({"alg": alg, "kid": "a"}), &claims)
}

/// An ID token by its algorithm: all checks.
#[divan::bench(args = ["RS256", "PS256", "ES256", "ES384", "EdDSA"])]
fn id_token(bencher: Bencher, alg: &str) {
    let alg: Algorithm = alg.parse().expect("a known name");
    let signer = Signer::new(alg);
    let token = okta_id_token(&signer, alg);
    let keys = signer.key_set();
    bencher.bench(|| example::verify(black_box(&token), &keys).expect("a good token"));
}

/// The least that [`id_token`] can take: the signature alone.
#[divan::bench(args = ["RS256", "PS256", "ES256", "ES384", "EdDSA"])]
fn signature_alone(bencher: Bencher, alg: &str) {
    let alg: Algorithm = alg.parse().expect("a known name");
    let signer = Signer::new(alg);
    let token = okta_id_token(&signer, alg);
    let (message, signature) = token.rsplit_once('.').expect("a JWS");
    let key = signer.decoding_key();
    bencher.bench(|| {
        jsonwebtoken::crypto::verify(black_box(signature), message.as_bytes(), &key, alg)
    });
}

fn keys() -> Keys {
    Keys::derive(&SecretSlice::from((0..64).collect::<Vec<u8>>()))
}

/// The cookie of an attempt.
#[divan::bench]
fn cookie_seal(bencher: Bencher) {
    let keys = keys();
    let plain = vec![b'x'; 240];
    bencher.bench(|| {
        keys.attempts
            .seal("doorward-login-0123456789abcdef", black_box(&plain).clone())
    });
}

#[divan::bench]
fn cookie_open(bencher: Bencher) {
    let keys = keys();
    let sealed = keys
        .attempts
        .seal("doorward-login-0123456789abcdef", vec![b'x'; 240]);
    bencher.bench(|| {
        keys.attempts
            .open("doorward-login-0123456789abcdef", black_box(&sealed))
    });
}

/// A session and its person out of SQLite, the change of threads included.
#[divan::bench]
fn session_load(bencher: Bencher) {
    let folder = std::env::temp_dir().join(format!("doorward-pieces-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made where temporary files go");
    let db = Db::new(DatabaseUrl::Sqlite(folder.join("pieces.db")));
    db.migrate(std::time::Duration::ZERO)
        .expect("an empty database takes them");
    let now = Clock::default().now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime can be made");
    let begun = runtime.block_on(db.run(move |connection| {
        let session = NewSession {
            key_hash: "hash".to_owned(),
            state: "x".repeat(1500),
            ..NewSession::default()
        };
        let attempt = SingleUse::new(Kind::Attempt, "state", now);
        let new = SignIn {
            person: new_user(),
            session,
            others: Vec::new(),
            attempt,
            former: Former::None,
            began_at: now,
            now,
            since: LiveSince {
                seen: now - time::Duration::HOUR,
                begun: now - time::Duration::HOUR,
            },
        };
        sign_in(connection, &new)
    }));
    begun.expect("it takes rows");
    bencher.bench_local(|| {
        let found = runtime.block_on(db.read(|connection| Session::get(connection, "hash")));
        found.expect("SQLite answers").expect("it is there")
    });
    // Best effort: it lies among the temporary files.
    let _ = std::fs::remove_dir_all(folder);
}

fn new_user() -> NewUser {
    NewUser {
        issuer: ISSUER.to_owned(),
        subject: "00u1".to_owned(),
        name: Some("Ada Lovelace".to_owned()),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        groups: Groups::default(),
        preferred_username: None,
    }
}

#[divan::bench]
fn page_home(bencher: Bencher) {
    let pages = Pages::new(None, public_url()).expect("the built-in templates");
    let page = LoginPage {
        signed_in: true,
        name: Some("Ada Lovelace".to_owned()),
    };
    bencher.bench(|| pages.render(black_box(&page)).ok());
}

#[divan::bench]
fn page_profile(bencher: Bencher) {
    let pages = Pages::new(None, public_url()).expect("the built-in templates");
    let claim = |name| Claim {
        name,
        label: name,
        value: "Ada Lovelace".to_owned(),
    };
    let page = ProfilePage {
        heading: "Ada Lovelace".to_owned(),
        claims: [
            "name",
            "email",
            "email-verified",
            "subject",
            "issuer",
            "last-sign-in",
        ]
        .map(claim)
        .into(),
    };
    bencher.bench(|| pages.render(black_box(&page)).ok());
}

#[divan::bench(args = ["/profile", "/reports/2026?page=2&sort=name#top", "//evil.example/%2e%2e/x"])]
fn return_to(bencher: Bencher, wanted: &str) {
    let public_url = public_url();
    bencher.bench(|| ReturnTo::parse(black_box(wanted), &public_url, |_| true));
}

fn public_url() -> PublicUrl {
    PublicUrl::parse("https://app.example.com").expect("a URL")
}
