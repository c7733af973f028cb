//! A message on its way: to the granted server, with the login that the host has.

use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_egress::{MailError, MailSecurity, MailServer};
use tollgate_policy::mail::{MailGrant, MailTls};
use tollgate_policy::{Place, visible};
use tollgate_secrets::Secret;

use super::letter::Letter;
use super::wire::{MailFailure, Receipt};
use crate::capability::Backends;
use crate::door::{Performed, Refusal, SEND_WITHIN, Scope};

/// Longest time to connect, TLS and greeting included.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

type Reply = Result<Receipt, MailFailure>;

/// Send it, once.
pub(super) async fn send(
    letter: &Letter,
    grant: &MailGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Performed<Reply> {
    let (mut server, login, mail) = match ready(letter, grant, scope, backends).await {
        Ok(ready) => ready,
        Err(failure) => return settled(failure, scope),
    };
    let login = login.as_ref().map(|(user, secret)| (*user, secret));
    // A login took its time. The attack: a server of secrets that is slow until another
    // host has taken the run over.
    let Some(left) = scope.left_to_send() else {
        let allowed = SEND_WITHIN.as_secs();
        let refusal = Refusal::limited("send_by", allowed);
        return settled(MailFailure::Refused(refusal), scope);
    };
    server.connect_within = server.connect_within.min(left);
    // Last of all: what is not sent is not counted.
    if let Err(seconds) = backends.mail_rates.admit(grant, scope) {
        return settled(MailFailure::Busy(seconds), scope);
    }
    let sent = backends.egress.send_mail(&server, &mail, login).await;
    // The attack: a server that says the login's password in its answer.
    let clean = |words: &str| {
        let scanner = backends.secrets.scanner();
        scanner.scrub_for(scope.tenant, words).into_owned()
    };
    match sent {
        Ok(answer) => Performed::Known {
            written: Some(json!({ "message_id": letter.message_id })),
            reply: Ok(Receipt {
                message_id: letter.message_id.clone(),
                answer: clean(&answer),
            }),
        },
        Err(MailError::Unknown(why)) => Performed::Unknown(clean(&why)),
        Err(error) => settled(failure(error, grant, clean), scope),
    }
}

/// A refusal of a message that was not sent before; of one that may have been, it
/// tells nothing.
fn settled(failure: MailFailure, scope: &Scope<'_>) -> Performed<Reply> {
    if scope.in_doubt {
        return Performed::Unknown("the server did not take it this time".to_owned());
    }
    Performed::answered(Err(failure))
}

fn failure(error: MailError, grant: &MailGrant, clean: impl Fn(&str) -> String) -> MailFailure {
    let destination = &grant.name;
    match error {
        MailError::Invalid(why) => MailFailure::InvalidMessage(why),
        MailError::Rejected(words) => MailFailure::Rejected(clean(&words)),
        MailError::Deferred(words) => MailFailure::Deferred(clean(&words)),
        MailError::Unreachable(why) => {
            tracing::warn!(destination, why, "no mail was sent");
            MailFailure::Unreachable(why)
        }
        // The address is the operator's to know, as with requests.
        error => {
            tracing::warn!(destination, %error, "no mail was sent");
            let why = "the server's name has no address that may be reached; \
                 asking again does not help, the operator has to look";
            MailFailure::Unreachable(why.to_owned())
        }
    }
}

type Ready<'g> = (MailServer, Option<(&'g str, Secret)>, tollgate_egress::Mail);

async fn ready<'g>(
    letter: &Letter,
    grant: &'g MailGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Result<Ready<'g>, MailFailure> {
    let left = scope.deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        let allowed = scope.manifest.limits.deadline.as_secs();
        return Err(MailFailure::Refused(Refusal::limited("deadline", allowed)));
    }
    let roots = grant.roots.as_ref().map(|file| {
        backends.roots.of(file).map_err(|error| {
            let destination = &grant.name;
            tracing::warn!(destination, file, %error, "certificates cannot be read");
            outside(format!(
                "the certificates of `{}` cannot be read by the host",
                visible(destination)
            ))
        })
    });
    let server = MailServer {
        host: grant.host.clone(),
        port: grant.port,
        security: match grant.tls {
            MailTls::StartTls => MailSecurity::StartTls,
            MailTls::Implicit => MailSecurity::Tls,
            MailTls::None => MailSecurity::None,
        },
        addresses: grant.addresses.clone(),
        roots: roots.transpose()?,
        // The name of the domain that it speaks for (RFC 5321, 4.1.1.1).
        hello: grant.from.domain().to_owned(),
        connect_within: CONNECT_WITHIN.min(left),
        within: left,
    };
    let mail = letter
        .mail(backends.clock.now_ms())
        .map_err(MailFailure::InvalidMessage)?;
    let login = match &grant.credential {
        None => None,
        Some(login) => {
            let origin = origin(grant);
            let place = Place::Login;
            let secret = backends
                .secrets
                .get(scope.tenant, &login.secret, &origin, &place)
                .await
                .map_err(|error| unusable(grant, &error))?;
            Some((login.user.as_str(), secret))
        }
    };
    Ok((server, login, mail))
}

/// Where the login may go, as the host's settings write it.
fn origin(grant: &MailGrant) -> String {
    let (host, port) = (&grant.host, grant.port);
    if host.contains(':') {
        format!("smtp://[{host}]:{port}")
    } else {
        format!("smtp://{host}:{port}")
    }
}

/// Why it cannot be used is the operator's to know.
fn unusable(grant: &MailGrant, error: &dyn std::fmt::Display) -> MailFailure {
    let destination = &grant.name;
    tracing::warn!(destination, %error, "a login cannot be used");
    outside(format!(
        "the host cannot use the login of `{}` now; its log says why",
        visible(destination)
    ))
}

fn outside(reason: String) -> MailFailure {
    MailFailure::Refused(Refusal::outside(reason))
}
