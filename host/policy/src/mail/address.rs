//! Addresses of people, as they go over the wire (RFC 5321).
//!
//! Only the plain form is taken: a dot-atom, `@`, a domain's name. Quoted local
//! parts, comments, address literals and source routes are legal and nobody
//! needs them; each is a way to make two programs read two addresses.

use std::fmt;

use crate::host_name::is_host_name;

/// The longest local part (RFC 5321, 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

/// The longest address: a path has 256 bytes with its angle brackets (RFC 5321,
/// 4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 254;

/// One address. The domain is in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailAddress {
    text: String,
    at: usize,
}

/// Whom a message may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressPattern {
    /// This address.
    Exact(MailAddress),
    /// Everybody at this very domain, not below it: `*@example.com`.
    Domain(String),
}

impl MailAddress {
    /// Read an address. Nothing where it is not plain.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let domain = domain.to_ascii_lowercase();
        let fits = text.len() <= ADDRESS_BYTES_MAX && is_local(local) && is_host_name(&domain);
        fits.then(|| Self {
            text: format!("{local}@{domain}"),
            at: local.len(),
        })
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AddressPattern {
    /// Read a pattern: an address, or `*@` and a domain.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("*@") {
            Some(domain) => {
                let domain = domain.to_ascii_lowercase();
                is_host_name(&domain).then_some(Self::Domain(domain))
            }
            None => MailAddress::parse(text).map(Self::Exact),
        }
    }

    /// Whether the address is one of these.
    #[must_use]
    pub fn matches(&self, address: &MailAddress) -> bool {
        match self {
            Self::Exact(exact) => exact == address,
            Self::Domain(domain) => address.domain() == domain,
        }
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(address) => address.fmt(f),
            Self::Domain(domain) => write!(f, "*@{domain}"),
        }
    }
}

/// A dot-atom (RFC 5321, 4.1.2) without `%` and `!`, and not beginning with `-`.
/// The attack: `eve%evil.example@example.com` and `evil.example!eve@example.com`
/// are routed on by some relays, so that a pattern for one domain reaches
/// another; `-oX` is taken for an option by programs that call `sendmail`. An
/// asterisk is a pattern's.
fn is_local(local: &str) -> bool {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'#' | b'$'
                    | b'&'
                    | b'\''
                    | b'+'
                    | b'-'
                    | b'/'
                    | b'='
                    | b'?'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'{'
                    | b'|'
                    | b'}'
                    | b'~'
            )
    };
    local.len() <= LOCAL_BYTES_MAX
        && !local.starts_with('-')
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(plain))
}
