//! What went wrong, in words of our own: texts of libraries could hold a URL with
//! its query, and texts of servers (names in a certificate, reasons) could hold
//! anything.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use crate::EgressError;

/// An error before or after the request could have left.
pub(crate) fn classify(error: &reqwest::Error, sent: bool) -> EgressError {
    if let Some(ours) = chain(error).find_map(|link| link.downcast_ref::<EgressError>()) {
        return ours.clone();
    }
    let reason = match reason(error) {
        Some(reason) => reason,
        None if error.is_timeout() => "the time is over".to_owned(),
        None => "the connection failed".to_owned(),
    };
    if sent && !error.is_connect() {
        EgressError::NoAnswer(reason)
    } else {
        EgressError::Unreachable(reason)
    }
}

/// The deepest reason that can be told.
pub(crate) fn reason(error: &(dyn Error + 'static)) -> Option<String> {
    chain(error).filter_map(tell).last()
}

/// An error and what is below it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |link| below(*link))
}

/// An I/O error's source is its content's source; the content counts as well.
fn below<'a>(link: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match link
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => link.source(),
    }
}

fn tell(link: &(dyn Error + 'static)) -> Option<String> {
    if let Some(tls) = link.downcast_ref::<rustls::Error>() {
        return Some(tls_reason(tls).to_owned());
    }
    if let Some(io) = link.downcast_ref::<io::Error>() {
        // A kind's text is fixed.
        return io.get_ref().is_none().then(|| io.kind().to_string());
    }
    // So is hyper's, without its sources.
    link.downcast_ref::<hyper::Error>()
        .map(|hyper| format!("not a usable answer: {hyper}"))
}

/// Why there is no TLS session.
pub(crate) fn tls_reason(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "TLS: the certificate is for another name"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "TLS: the certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "TLS: the certificate is not valid yet"
            }
            CertificateError::UnknownIssuer => {
                "TLS: the certificate's issuer is not trusted; `roots` names others"
            }
            CertificateError::Revoked => "TLS: the certificate is revoked",
            _ => "TLS: the certificate is not valid",
        },
        rustls::Error::AlertReceived(_) => "TLS: the server refused the handshake",
        _ => "TLS: the handshake failed",
    }
}
