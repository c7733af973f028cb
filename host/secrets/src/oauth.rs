//! Access tokens by OAuth 2.0 client credentials (RFC 6749, 4.4), over an HTTP
//! function of the caller's, so that the request passes the same wall as any other.
//!
//! The attacks: a token's server that echoes the client's secret in its error, which
//! is told without any of the server's own words; a token that never ends, or one
//! that is used after its end.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenType};
use oauth2::{
    ClientId, ClientSecret, HttpRequest, HttpResponse, RequestTokenError, Scope,
    TokenResponse as _, TokenUrl,
};
use thiserror::Error;
use tollgate_policy::http::OAuthClient;

use crate::source::{SECRET_BYTES_MAX, SECRET_BYTES_MIN};
use crate::{Scanner, Secret};

/// How long a token is used whose server does not say.
const USUALLY_FOR: Duration = Duration::from_secs(5 * 60);

/// The longest that a token is used: a server can say anything.
const AT_MOST_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A token is not used in this last part of its time, or the last quarter of a
/// short one: it has to arrive before it ends.
const MARGIN: Duration = Duration::from_secs(60);

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
    held: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<Option<Held>>>>>,
}

/// Whose token, from where, for what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: String,
    secret: String,
    url: String,
    client: String,
    scopes: Vec<String>,
}

struct Held {
    token: Secret,
    /// The client's secret that it was got with.
    by: Secret,
    until: Instant,
}

impl Tokens {
    /// An access token for a tenant's client, kept until shortly before it ends. It
    /// is a live secret under the name of the client's slot.
    ///
    /// # Errors
    ///
    /// When the server gives none. Nothing is kept then.
    pub async fn token<F, R, E>(
        &self,
        tenant: &str,
        client: &OAuthClient,
        secret: &Secret,
        scanner: &Scanner,
        send: F,
    ) -> Result<Secret, OAuthError>
    where
        F: Fn(HttpRequest) -> R,
        R: Future<Output = Result<HttpResponse, E>>,
        E: std::error::Error + 'static,
    {
        let slot = self.slot(tenant, client, secret);
        let mut held = slot.lock().await;
        if let Some(known) = held.as_ref()
            && known.until > Instant::now()
            && known.by.expose() == secret.expose()
        {
            return Ok(known.token.clone());
        }
        *held = None;
        let fresh = ask(tenant, client, secret, scanner, send).await?;
        let token = fresh.token.clone();
        *held = Some(fresh);
        Ok(token)
    }

    /// Use a token no longer: the server that it is for does not take it.
    pub async fn forget(&self, tenant: &str, client: &OAuthClient, secret: &Secret) {
        *self.slot(tenant, client, secret).lock().await = None;
    }

    fn slot(
        &self,
        tenant: &str,
        client: &OAuthClient,
        secret: &Secret,
    ) -> Arc<tokio::sync::Mutex<Option<Held>>> {
        let key = Key {
            tenant: tenant.to_owned(),
            secret: secret.name().to_owned(),
            url: client.token_url.to_string(),
            client: client.client_id.clone(),
            scopes: client.scopes.clone(),
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(held.entry(key).or_default())
    }
}

async fn ask<F, R, E>(
    tenant: &str,
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
            OAuthError::Unreachable(scanner.scrub_for(tenant, &said).into_owned())
        }
        // These quote the answer.
        _ => OAuthError::Unusable("its answer is not of RFC 6749"),
    })?;
    if !matches!(answer.token_type(), BasicTokenType::Bearer) {
        return Err(OAuthError::Unusable("it is no bearer token"));
    }
    let lifetime = answer.expires_in().unwrap_or(USUALLY_FOR).min(AT_MOST_FOR);
    let text = answer.access_token().secret();
    if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&text.len()) {
        return Err(OAuthError::Unusable("it is too short or too long"));
    }
    // What cannot be found again is not used.
    let name = secret.name();
    let ends = asked + lifetime;
    let refresh = answer.refresh_token().map(|token| token.secret());
    for value in [Some(text), refresh].into_iter().flatten() {
        let learnt = scanner.learn_until(tenant, name, value.as_bytes(), ends);
        learnt.map_err(|_| OAuthError::Unusable("there are too many secrets to look for"))?;
    }
    Ok(Held {
        token: Secret::new(name, text.as_bytes().to_vec()),
        by: secret.clone(),
        until: ends - MARGIN.min(lifetime / 4),
    })
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
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Tokens({} clients)", held.len())
    }
}

#[cfg(test)]
mod tests;
