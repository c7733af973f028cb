//! A session with the granted server: checked address, TLS by its name.

use std::sync::Arc;

use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::session::{Step, refused};
use super::stream::Bounded;
use super::{MailError, MailSecurity, MailServer};
use crate::resolve::{Resolver, checked_addresses};
use crate::{EgressError, failure};

/// Connects, up to the server's answer to EHLO; by TLS where that is granted.
pub(crate) async fn connect(
    to: &MailServer,
    resolver: &dyn Resolver,
) -> Result<AsyncSmtpConnection, MailError> {
    let deadline = Instant::now() + to.connect_within;
    timeout_at(deadline, session(to, resolver, deadline))
        .await
        .map_err(|_| unreachable("the time to connect is over"))?
}

async fn session(
    to: &MailServer,
    resolver: &dyn Resolver,
    deadline: Instant,
) -> Result<AsyncSmtpConnection, MailError> {
    let tcp = tcp(to, resolver, deadline).await?;
    let peer = tcp
        .peer_addr()
        .map_err(|_| unreachable("the connection failed"))?;
    let hello = ClientId::Domain(to.hello.clone());
    if to.security == MailSecurity::Tls {
        let config = blocking(to, config).await?;
        let name = ServerName::try_from(to.host.clone())
            .map_err(|_| MailError::Invalid("the mail server's name is not one".to_owned()))?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp);
        let tls = tls.await.map_err(|error| failed(&error))?;
        let stream = Box::new(Bounded::new(tls, peer));
        return AsyncSmtpConnection::connect_with_transport(stream, &hello)
            .await
            .map_err(|error| refused(&error, &Step::Before));
    }
    let stream = Box::new(Bounded::new(tcp, peer));
    let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &hello)
        .await
        .map_err(|error| refused(&error, &Step::Before))?;
    if to.security == MailSecurity::StartTls {
        // Not offered is not an answer to go on with: who stands between can strip
        // the offer, and would then read the login.
        if !connection.can_starttls() {
            return Err(unreachable(
                "the mail server does not offer STARTTLS, which is required",
            ));
        }
        let parameters = blocking(to, parameters).await?;
        connection
            .starttls(parameters, &hello)
            .await
            .map_err(|error| refused(&error, &Step::Before))?;
    }
    Ok(connection)
}

/// Connects to one of the checked addresses, each in its turn.
async fn tcp(
    to: &MailServer,
    resolver: &dyn Resolver,
    deadline: Instant,
) -> Result<TcpStream, MailError> {
    let addresses = checked_addresses(&to.host, to.port, &to.addresses, resolver)
        .await
        .map_err(|error| match error {
            EgressError::Unreachable(reason) => MailError::Unreachable(reason),
            EgressError::Invalid(reason) => MailError::Invalid(reason),
            other => MailError::Forbidden(other),
        })?;
    let mut last = unreachable("no address could be reached");
    for (tried, address) in addresses.iter().enumerate() {
        // A silent address leaves time for those after it.
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    return Err(failed(&error));
                }
                return Ok(stream);
            }
            Ok(Err(error)) => last = failed(&error),
            Err(_) => last = unreachable("the time to connect is over"),
        }
    }
    Err(last)
}

/// Platform roots are read from files.
async fn blocking<T: Send + 'static>(
    to: &MailServer,
    make: fn(&str, Option<&[u8]>) -> Option<T>,
) -> Result<T, MailError> {
    let (host, roots) = (to.host.clone(), to.roots.clone());
    let made = tokio::task::spawn_blocking(move || make(&host, roots.as_deref())).await;
    made.ok()
        .flatten()
        .ok_or_else(|| MailError::Invalid("TLS cannot be set up with these roots".to_owned()))
}

/// For TLS from the first byte.
fn config(_: &str, roots: Option<&[u8]>) -> Option<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .ok()?;
    let Some(pem) = roots else {
        let verifier = Arc::new(Verifier::new(provider).ok()?);
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        return Some(builder.with_no_client_auth());
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        store.add(certificate.ok()?).ok()?;
    }
    if store.is_empty() {
        return None;
    }
    Some(builder.with_root_certificates(store).with_no_client_auth())
}

/// For lettre's STARTTLS; the same roots.
fn parameters(host: &str, roots: Option<&[u8]>) -> Option<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = roots {
        CertificateDer::pem_slice_iter(pem).next()?.ok()?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(pem).ok()?);
    }
    builder.build_rustls().ok()
}

fn failed(error: &(dyn std::error::Error + 'static)) -> MailError {
    match failure::reason(error) {
        Some(reason) => MailError::Unreachable(reason),
        None => unreachable("the connection failed"),
    }
}

fn unreachable(what: &str) -> MailError {
    MailError::Unreachable(what.to_owned())
}
