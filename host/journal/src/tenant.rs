//! Whose data something is: the name of a tenant, as a type of its own.
//!
//! The mistake that it stops: texts in the wrong order. A tenant, a run and a key are
//! all names; a look-up that was given a run for the tenant would find nothing on a
//! good day, and somebody else's data on a bad one. Only a name that can be a tenant's
//! becomes one, in one place.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name of a tenant, bytes.
pub const TENANT_BYTES_MAX: usize = 64;

/// The name of a tenant: 1 to 64 of `a-z`, `0-9`, `-` and `_`. So it can be a folder,
/// it is safe to show, and no two are told apart by case alone. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(Arc<str>);

/// A text that cannot be the name of a tenant. It is not repeated here: who shows the
/// error knows it, and how to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a tenant; write 1 to 64 of a-z, 0-9, `-` and `_`")]
pub struct NotATenant;

impl Tenant {
    /// The tenant of this name.
    ///
    /// # Errors
    /// When no tenant can have the name.
    pub fn new(name: &str) -> Result<Self, NotATenant> {
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        let fits = (1..=TENANT_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain);
        fits.then(|| Self(Arc::from(name))).ok_or(NotATenant)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose everything is that names no tenant, in a manifest or in the settings.
impl Default for Tenant {
    fn default() -> Self {
        Self(Arc::from("default"))
    }
}

/// A tenant can be read as its name wherever a name is asked for. There is no way
/// back but [`Tenant::new`].
impl Deref for Tenant {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// So that a map by tenant can be asked for by name, too.
impl Borrow<str> for Tenant {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Tenant {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tenant {
    type Err = NotATenant;

    fn from_str(name: &str) -> Result<Self, NotATenant> {
        Self::new(name)
    }
}

impl TryFrom<String> for Tenant {
    type Error = NotATenant;

    fn try_from(name: String) -> Result<Self, NotATenant> {
        Self::new(&name)
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl PartialEq<&Tenant> for Tenant {
    fn eq(&self, other: &&Tenant) -> bool {
        self == *other
    }
}

impl PartialEq<str> for Tenant {
    fn eq(&self, name: &str) -> bool {
        *self.0 == *name
    }
}

impl PartialEq<&str> for Tenant {
    fn eq(&self, name: &&str) -> bool {
        *self.0 == **name
    }
}

impl PartialEq<String> for Tenant {
    fn eq(&self, name: &String) -> bool {
        *self.0 == **name
    }
}

impl PartialEq<Tenant> for String {
    fn eq(&self, tenant: &Tenant) -> bool {
        **self == *tenant.0
    }
}

impl PartialEq<Tenant> for &str {
    fn eq(&self, tenant: &Tenant) -> bool {
        **self == *tenant.0
    }
}

impl Serialize for Tenant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Tenant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(&name).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_is_a_tenants() {
        let longest = "x".repeat(TENANT_BYTES_MAX);
        for good in ["default", "acme-2", "a_b", longest.as_str()] {
            assert!(
                Tenant::new(good).is_ok_and(|tenant| tenant == good),
                "{good}"
            );
        }
        let long = "x".repeat(TENANT_BYTES_MAX + 1);
        let bad = [
            "",
            "a/b",
            "../keys",
            ".",
            "Acme",
            "a b",
            "a\0",
            "ä",
            "a\n",
            "%61",
            long.as_str(),
        ];
        for bad in bad {
            assert_eq!(Tenant::new(bad), Err(NotATenant), "{bad:?}");
            let json = serde_json::to_string(bad).map(|json| serde_json::from_str::<Tenant>(&json));
            assert!(matches!(json, Ok(Err(_))), "{bad:?}");
        }
    }
}
