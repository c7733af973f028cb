//! The sign-in form: a person's token, or their name and password.

use std::net::{IpAddr, SocketAddr};

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tollgate_runtime::Principal;
use zeroize::Zeroizing;

use super::session::Holder;
use super::{Pages, after_login, pages};
use crate::gatekeeper::Refusal;
use crate::guard::is_from_our_page;
use crate::rest::must_be_person;

/// The tenant of a name that is written without one.
const DEFAULT_TENANT: &str = "default";

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    pub(super) next: String,
}

pub(super) async fn page(
    State(pages): State<Pages>,
    Query(Next { next }): Query<Next>,
) -> Response {
    form(&pages, StatusCode::OK, after_login(&next), None)
}

pub(super) fn form(
    pages: &Pages,
    status: StatusCode,
    next: &str,
    problem: Option<&Refusal>,
) -> Response {
    let provider = pages.gatekeeper.provider();
    pages::login(status, next, provider.as_deref(), problem)
}

#[derive(Deserialize)]
pub(super) struct Login {
    #[serde(default)]
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// What somebody signs in with.
enum Credential {
    Token(Zeroizing<String>),
    /// Tenant, name and password.
    Password(String, String, Zeroizing<String>),
}

pub(super) async fn sent(
    State(pages): State<Pages>,
    peer: Peer,
    headers: HeaderMap,
    read: Result<Form<Login>, FormRejection>,
) -> Response {
    let Ok(Form(sent)) = read else {
        return pages::message(StatusCode::BAD_REQUEST, "This form cannot be read.", None);
    };
    let (token, password) = (Zeroizing::new(sent.token), Zeroizing::new(sent.password));
    let next = after_login(&sent.next);
    let credential = match sent.name.trim() {
        "" => Credential::Token(Zeroizing::new(token.trim().to_owned())),
        name => {
            let (tenant, name) = name.split_once('/').unwrap_or((DEFAULT_TENANT, name));
            Credential::Password(tenant.to_owned(), name.to_owned(), password)
        }
    };
    match signed_in(&pages, &headers, address(peer), credential).await {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response(),
        Err((status, refusal)) => form(&pages, status, next, Some(&refusal)),
    }
}

async fn signed_in(
    pages: &Pages,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    credential: Credential,
) -> Result<HeaderValue, (StatusCode, Refusal)> {
    if !is_from_our_page(headers) {
        let foreign = Refusal::new("forged_form", "this form was not sent from our own page");
        return Err((StatusCode::FORBIDDEN, foreign));
    }
    let named = match &credential {
        Credential::Password(tenant, name, _) => Some(format!("{tenant}/{name}")),
        Credential::Token(_) => None,
    };
    let may_try = pages.attempts.may_try(peer)
        && named
            .as_ref()
            .is_none_or(|name| pages.guesses.may_try(name.clone()));
    if !may_try {
        return Err((StatusCode::TOO_MANY_REQUESTS, limited()));
    }
    let (who, holder) = identified(pages, credential).await.map_err(|refusal| {
        pages.attempts.failed(peer);
        if let Some(name) = named {
            pages.guesses.failed(name);
        }
        let status = match refusal.kind.as_ref() {
            "limited" => StatusCode::TOO_MANY_REQUESTS,
            _ if refusal.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        };
        (status, refusal)
    })?;
    must_be_person(&who).map_err(|refusal| (StatusCode::FORBIDDEN, refusal))?;
    // A new name at every sign-in: one that somebody planted before is worth nothing.
    pages.sessions.close(headers);
    pages
        .sessions
        .open(holder)
        .ok_or_else(|| (StatusCode::SERVICE_UNAVAILABLE, no_session()))
}

async fn identified(pages: &Pages, credential: Credential) -> Result<(Principal, Holder), Refusal> {
    let host = &pages.gatekeeper;
    match credential {
        Credential::Token(token) => {
            let who = host.authenticate(&token).await?;
            Ok((who, Holder::Token(token)))
        }
        Credential::Password(tenant, name, password) => {
            let proof = host.sign_in_by_password(&tenant, &name, password).await?;
            Ok((host.proved(&proof).await?, Holder::Proof(proof)))
        }
    }
}

pub(super) fn limited() -> Refusal {
    Refusal::new(
        "limited",
        "too many attempts from your address, or for this name",
    )
    .with_hint("Wait a minute and try again.")
}

pub(super) fn no_session() -> Refusal {
    Refusal::new("unavailable", "no session could be opened")
}

pub(super) type Peer = Option<axum::Extension<ConnectInfo<SocketAddr>>>;

pub(super) fn address(peer: Peer) -> Option<IpAddr> {
    peer.map(|axum::Extension(ConnectInfo(address))| address.ip())
}
