//! A provider in this process that speaks the wire format, and lies where it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::SigningKey as CurveKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::SECRET;

/// How an ID token is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    ByTheKey,
    /// With a key on P-256, as most providers that have no RSA sign (ES256).
    ByTheCurve,
    /// The same, by a key that the provider does not serve.
    ByAnUnknownCurve,
    /// With the public key on P-256 as if it were a secret, under its name.
    ByThePublicPoint,
    ByAnUnknownKey,
    /// With the client's secret, which the client knows too.
    ByTheSecret,
    /// With the public key as if it were a secret.
    ByThePublicKey,
    Not,
}

/// What the provider does.
pub(super) struct Script {
    /// Changes the discovery document.
    pub(super) document: fn(&mut Value, &str),
    /// Changes the claims of an ID token.
    pub(super) claims: fn(&mut Value),
    pub(super) signed: Signed,
    /// Exchanged by a test: which key is served, and signs.
    pub(super) key: u8,
    /// Leaves the ID token out.
    pub(super) no_token: bool,
}

/// What somebody agreed to: what a code stands for.
struct Agreed {
    nonce: String,
    challenge: String,
    redirect: String,
}

struct Inner {
    script: Mutex<Script>,
    codes: Mutex<HashMap<String, Agreed>>,
    asked: Mutex<Vec<String>>,
    origin: String,
}

pub(super) struct Stub(Arc<Inner>);

impl Stub {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            script: Mutex::new(Script {
                document: |_, _| {},
                claims: |_| {},
                signed: Signed::ByTheKey,
                key: 1,
                no_token: false,
            }),
            codes: Mutex::default(),
            asked: Mutex::default(),
            origin: format!("http://{address}"),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self(inner)
    }

    pub(super) fn origin(&self) -> &str {
        &self.0.origin
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.script.lock().unwrap()
    }

    /// How often a path was asked for.
    pub(super) fn asked(&self, path: &str) -> usize {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().filter(|known| *known == path).count()
    }

    /// What a person's browser does at the provider's page: they agree, and the answer
    /// is the code.
    pub(super) fn agree(&self, address: &Url) -> String {
        let asked: HashMap<_, _> = address.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], "tollgate");
        assert_eq!(asked["code_challenge_method"], "S256");
        let mut codes = self.0.codes.lock().unwrap();
        let code = format!("code-{}", codes.len());
        let agreed = Agreed {
            nonce: asked["nonce"].clone(),
            challenge: asked["code_challenge"].clone(),
            redirect: asked["redirect_uri"].clone(),
        };
        codes.insert(code.clone(), agreed);
        code
    }
}

type Asked = State<Arc<Inner>>;

async fn document(State(stub): Asked) -> Response {
    stub.asked.lock().unwrap().push("document".to_owned());
    let origin = &stub.origin;
    let mut document = json!({
        "issuer": origin,
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "jwks_uri": format!("{origin}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA", "ES256", "HS256", "none"],
        "code_challenge_methods_supported": ["S256"],
    });
    (stub.script.lock().unwrap().document)(&mut document, origin);
    Json(document).into_response()
}

async fn keys(State(stub): Asked) -> Response {
    stub.asked.lock().unwrap().push("jwks".to_owned());
    let number = stub.script.lock().unwrap().key;
    let public = signing_key(number).verifying_key();
    let point = curve_key(number).verifying_key().to_sec1_point(false);
    Json(json!({ "keys": [{
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
        "kid": format!("key-{number}"),
        "x": URL_SAFE_NO_PAD.encode(public.as_bytes()),
    }, {
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
        "kid": format!("curve-{number}"),
        "x": URL_SAFE_NO_PAD.encode(point.x().unwrap()),
        "y": URL_SAFE_NO_PAD.encode(point.y().unwrap()),
    }] }))
    .into_response()
}

/// RFC 6749, 4.1.3, and RFC 7636, 4.6: as a careful provider does it.
async fn token(
    State(stub): Asked,
    headers: HeaderMap,
    Form(sent): Form<HashMap<String, String>>,
) -> Response {
    stub.asked.lock().unwrap().push("token".to_owned());
    let refused = |error: &str| {
        let said = json!({ "error": error, "error_description": format!("never say {SECRET}") });
        (StatusCode::BAD_REQUEST, Json(said)).into_response()
    };
    let known = format!("Basic {}", STANDARD.encode(format!("tollgate:{SECRET}")));
    let stated = headers.get(header::AUTHORIZATION);
    if stated.is_none_or(|stated| stated.as_bytes() != known.as_bytes()) {
        return refused("invalid_client");
    }
    let code = sent.get("code").map_or("", String::as_str);
    let Some(agreed) = stub.codes.lock().unwrap().remove(code) else {
        return refused("invalid_grant");
    };
    let verifier = sent.get("code_verifier").map_or("", String::as_str);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    if challenge != agreed.challenge || sent.get("redirect_uri") != Some(&agreed.redirect) {
        return refused("invalid_grant");
    }
    let script = stub.script.lock().unwrap();
    let mut claims = json!({
        "iss": stub.origin, "sub": "248289761001", "aud": "tollgate",
        "iat": now(), "exp": now() + 300, "nonce": agreed.nonce,
        "email": "mira@example.com", "email_verified": true,
        "groups": ["gate-finance", "everybody"],
    });
    (script.claims)(&mut claims);
    let mut answer = json!({
        "access_token": "an-access-token-that-nobody-needs", "token_type": "Bearer",
        "id_token": signed(&claims, script.signed, script.key),
    });
    if script.no_token {
        answer.as_object_mut().unwrap().remove("id_token");
    }
    Json(answer).into_response()
}

fn signing_key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn curve_key(number: u8) -> CurveKey {
    CurveKey::from_slice(&[number; 32]).unwrap()
}

fn signed(claims: &Value, by: Signed, number: u8) -> String {
    let (alg, kid) = match by {
        Signed::ByTheKey | Signed::ByAnUnknownKey => ("EdDSA", "key"),
        Signed::ByTheCurve | Signed::ByAnUnknownCurve => ("ES256", "curve"),
        Signed::ByTheSecret | Signed::ByThePublicKey => ("HS256", "key"),
        Signed::ByThePublicPoint => ("HS256", "curve"),
        Signed::Not => ("none", "key"),
    };
    let header = json!({ "alg": alg, "typ": "JWT", "kid": format!("{kid}-{number}") });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(claims));
    let mac = |key: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    // RFC 7518, 3.4: both numbers one after the other, 64 bytes.
    let curve = |number: u8| {
        let signature: p256::ecdsa::Signature = curve_key(number).sign(text.as_bytes());
        signature.to_bytes().to_vec()
    };
    let signature = match by {
        Signed::ByTheKey => signing_key(number).sign(text.as_bytes()).to_vec(),
        Signed::ByAnUnknownKey => signing_key(99).sign(text.as_bytes()).to_vec(),
        Signed::ByTheCurve => curve(number),
        Signed::ByAnUnknownCurve => curve(99),
        Signed::ByThePublicPoint => {
            let point = curve_key(number).verifying_key().to_sec1_point(false);
            mac(point.as_bytes())
        }
        Signed::ByTheSecret => mac(SECRET.as_bytes()),
        Signed::ByThePublicKey => mac(signing_key(number).verifying_key().as_bytes()),
        Signed::Not => Vec::new(),
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}
