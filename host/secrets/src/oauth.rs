//! Access tokens by OAuth 2.0 client credentials (RFC 6749, 4.4), over an HTTP
//! function of the caller's, so that the request passes the same wall as any other.
//!
//! The attacks: a token's server that echoes the client's secret in its error, which
//! is told without any of the server's own words; a token that never ends, or one
//! that is used after its end; a token that is common text, so that the host finds
//! it everywhere and withholds what has it; a new token with every answer, so that
//! more and more is looked for; a resource that answers 401 to have one asked for
//! with every call.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenType};
use oauth2::{
    ClientId, ClientSecret, HttpRequest, HttpResponse, RequestTokenError, Scope,
    TokenResponse as _, TokenUrl,
};
use thiserror::Error;
use tollgate_policy::http::OAuthClient;

use crate::source::SECRET_BYTES_MAX;
use crate::{Scanner, Secret};

/// How long a token is used whose server does not say.
const USUALLY_FOR: Duration = Duration::from_secs(5 * 60);

/// The longest that a token is used: a server can say anything.
const AT_MOST_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A token is not used in this last part of its time, or the last quarter of a
/// short one: it has to arrive before it ends.
const MARGIN: Duration = Duration::from_secs(60);

/// The shortest token that is taken, bytes: 120 bits in base64 (RFC 6749, 10.10
/// asks for 128 to be hard to guess), and longer than words are.
const TOKEN_BYTES_MIN: usize = 20;

/// The shortest time between two tokens that are given up because a resource did
/// not take them.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Why there is no token. No message has a word of the server's in it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OAuthError {
    /// The client's secret or id cannot be sent.
    #[error("the secret `{0}` cannot be a client's: it is no text")]
    Unfit(String),
    /// The server said no, in one of the standard's words.
    #[error("the token's server refused the client: {0}")]
    Refused(&'static str),
    /// The server was not reached, or not allowed to be.
    #[error("the token's server gave no answer: {0}")]
    Unreachable(String),
    /// The answer is no token that can be used.
    #[error("the token's server gave no token that can be used: {0}")]
    Unusable(&'static str),
}

/// The tokens of a host. Callers at the same time ask for one token once.
#[derive(Default)]
pub struct Tokens {
    cells: Mutex<HashMap<Key, Arc<Cell>>>,
}

/// Whose token, from where, for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    tenant: String,
    secret: String,
    url: String,
    client: String,
    scopes: Vec<String>,
    /// The origin whose requests carry it.
    resource: String,
}

#[derive(Default)]
struct Cell {
    /// Held while the server is asked.
    asking: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// When one was last given up before its end.
    forgotten: Option<Instant>,
}

struct Held {
    token: Secret,
    /// The client's secret that it was got with.
    by: Secret,
    until: Instant,
}

impl Tokens {
    /// An access token for a tenant's client, for requests to the resource's origin,
    /// kept until shortly before it ends. It is a live secret of this tenant's under
    /// the name of the client's slot.
    ///
    /// # Errors
    ///
    /// When the server gives none. Nothing is kept then.
    pub async fn token<F, R, E>(
        &self,
        tenant: &str,
        client: &OAuthClient,
        secret: &Secret,
        resource: &str,
        scanner: &Scanner,
        send: F,
    ) -> Result<Secret, OAuthError>
    where
        F: Fn(HttpRequest) -> R,
        R: Future<Output = Result<HttpResponse, E>>,
        E: std::error::Error + 'static,
    {
        let key = Key::of(tenant, client, secret.name(), resource);
        let cell = Arc::clone(self.cells().entry(key.clone()).or_default());
        let _asking = cell.asking.lock().await;
        {
            let mut state = cell.state();
            if let Some(known) = &state.held
                && known.until > Instant::now()
                && known.by.expose() == secret.expose()
            {
                return Ok(known.token.clone());
            }
            state.held = None;
        }
        let fresh = ask(&key, client, secret, scanner, send).await?;
        let token = fresh.token.clone();
        cell.state().held = Some(fresh);
        Ok(token)
    }

    /// Use a token no longer that was sent to the resource: it does not take it.
    /// Only that very token is given up, since all runs of a tenant share it, and
    /// only once a minute.
    pub fn forget(&self, tenant: &str, client: &OAuthClient, resource: &str, sent: &Secret) {
        let key = Key::of(tenant, client, sent.name(), resource);
        let Some(cell) = self.cells().get(&key).map(Arc::clone) else {
            return;
        };
        let mut state = cell.state();
        let is_it = |held: &Held| held.token.expose() == sent.expose();
        let is_early = |at: Instant| at.elapsed() < FORGET_EVERY;
        if state.held.as_ref().is_some_and(is_it) && !state.forgotten.is_some_and(is_early) {
            state.held = None;
            state.forgotten = Some(Instant::now());
        }
    }

    fn cells(&self) -> MutexGuard<'_, HashMap<Key, Arc<Cell>>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    fn of(tenant: &str, client: &OAuthClient, secret: &str, resource: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            secret: secret.to_owned(),
            url: client.token_url.to_string(),
            client: client.client_id.clone(),
            scopes: client.scopes.clone(),
            resource: resource.to_owned(),
        }
    }
}

impl Cell {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask<F, R, E>(
    key: &Key,
    client: &OAuthClient,
    secret: &Secret,
    scanner: &Scanner,
    send: F,
) -> Result<Held, OAuthError>
where
    F: Fn(HttpRequest) -> R,
    R: Future<Output = Result<HttpResponse, E>>,
    E: std::error::Error + 'static,
{
    let unfit = || OAuthError::Unfit(secret.name().to_owned());
    let value = std::str::from_utf8(secret.expose()).map_err(|_| unfit())?;
    let asked = Instant::now();
    let answer = BasicClient::new(ClientId::new(client.client_id.clone()))
        .set_client_secret(ClientSecret::new(value.to_owned()))
        .set_token_uri(TokenUrl::from_url(client.token_url.clone()))
        .exchange_client_credentials()
        .add_scopes(client.scopes.iter().cloned().map(Scope::new))
        .request_async(&send)
        .await;
    let answer = answer.map_err(|error| match error {
        RequestTokenError::ServerResponse(said) => OAuthError::Refused(word(said.error())),
        RequestTokenError::Request(error) => {
            let said = error.to_string();
            OAuthError::Unreachable(scanner.scrub_for(&key.tenant, &said).into_owned())
        }
        // These quote the answer.
        _ => OAuthError::Unusable("its answer is not of RFC 6749"),
    })?;
    if !matches!(answer.token_type(), BasicTokenType::Bearer) {
        return Err(OAuthError::Unusable("it is no bearer token"));
    }
    let lifetime = answer.expires_in().unwrap_or(USUALLY_FOR).min(AT_MOST_FOR);
    let text = answer.access_token().secret();
    // The attack: a token that stands in every answer, as `application/json`.
    if !(TOKEN_BYTES_MIN..=SECRET_BYTES_MAX).contains(&text.len()) {
        return Err(OAuthError::Unusable("it is too short or too long"));
    }
    if !is_token68(text) {
        return Err(OAuthError::Unusable(
            "it has characters that no bearer token has (RFC 6750, 2.1)",
        ));
    }
    // What cannot be found again is not used. A refresh token is never used, so it
    // is not kept, and nothing that only a server says is looked for.
    let name = secret.name();
    let ends = asked + lifetime;
    let of = format!("{key:?}");
    scanner
        .learn_until(&key.tenant, name, &of, text.as_bytes(), ends)
        .map_err(|_| OAuthError::Unusable("there are too many secrets to look for"))?;
    Ok(Held {
        token: Secret::new(name, text.as_bytes().to_vec()),
        by: secret.clone(),
        until: ends - MARGIN.min(lifetime / 4),
    })
}

/// Whether a text is what can stand behind `Bearer` (RFC 6750, 2.1; `token68` of
/// RFC 9110, 11.2).
fn is_token68(text: &str) -> bool {
    let letters = text.trim_end_matches('=');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !letters.is_empty() && letters.bytes().all(fits)
}

/// The standard's words for a refusal (RFC 6749, 5.2). A server's own word could be
/// anything.
fn word(said: &BasicErrorResponseType) -> &'static str {
    match said {
        BasicErrorResponseType::InvalidClient => "it does not know the client, or not this secret",
        BasicErrorResponseType::InvalidGrant => "invalid_grant",
        BasicErrorResponseType::InvalidRequest => "invalid_request",
        BasicErrorResponseType::InvalidScope => "the client may not have these scopes",
        BasicErrorResponseType::UnauthorizedClient => "the client may not ask this way",
        BasicErrorResponseType::UnsupportedGrantType => "it has no client credentials",
        BasicErrorResponseType::Extension(_) => "for a reason of its own",
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({} clients)", self.cells().len())
    }
}

#[cfg(test)]
mod tests;
