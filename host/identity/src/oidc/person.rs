//! From an ID token's claims to a person.

use std::collections::BTreeSet;

use serde_json::Value;

use super::OidcError;
use super::metadata::Claims;

/// The longest `sub` (OpenID Connect Core 1.0, 2), bytes; no name is longer here.
const NAME_BYTES_MAX: usize = 255;

/// Which claim is a person's name at a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonClaim {
    /// `sub`: unique at the issuer, and never given to somebody else (OpenID Connect
    /// Core 1.0, 2). The only one with that promise (5.7).
    #[default]
    Subject,
    /// `email`, where the provider says `email_verified`. An address can become
    /// somebody else's, so it counts only where the operator asks for it.
    VerifiedEmail,
}

impl PersonClaim {
    /// The name as it is registered. The attack: one person's `sub` that is written as
    /// another one's address. A name says which claim it is from.
    #[must_use]
    pub fn registered(self, value: &str) -> String {
        match self {
            Self::Subject => format!("sub:{value}"),
            Self::VerifiedEmail => format!("email:{value}"),
        }
    }
}

/// Who an ID token is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who says so.
    pub issuer: String,
    /// Their name there, with the claim that it is from: `sub:248289761001`.
    pub subject: String,
    /// The groups that the provider says they are in; none where it does not say.
    pub groups: BTreeSet<String>,
}

pub(super) fn of(
    claims: &Claims,
    claim: PersonClaim,
    groups_claim: Option<&str>,
) -> Result<Person, OidcError> {
    let name = match claim {
        PersonClaim::Subject => claims.subject().as_str(),
        // The attack: an account at the provider with a victim's address, which nobody
        // has verified.
        PersonClaim::VerifiedEmail if claims.email_verified() != Some(true) => {
            return Err(OidcError::Token("its address is not verified"));
        }
        PersonClaim::VerifiedEmail => {
            let email = claims
                .email()
                .ok_or(OidcError::Token("it has no address"))?;
            email.as_str()
        }
    };
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) || name.contains(char::is_control) {
        return Err(OidcError::Token("its person has no name that can be used"));
    }
    let groups = groups_claim.and_then(|name| claims.additional_claims().0.get(name));
    Ok(Person {
        issuer: claims.issuer().as_str().to_owned(),
        subject: claim.registered(name),
        groups: groups.map(names).unwrap_or_default(),
    })
}

/// A list of names, or one. Whatever else it is, nobody is in a group by it.
fn names(claim: &Value) -> BTreeSet<String> {
    match claim {
        Value::String(one) => BTreeSet::from([one.clone()]),
        Value::Array(many) => {
            let texts = many.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        _ => BTreeSet::new(),
    }
}
