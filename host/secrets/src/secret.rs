//! A secret's value in memory.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A secret's value. It prints as its name alone, and is wiped when the last copy
/// goes.
#[derive(Clone)]
pub struct Secret {
    name: Arc<str>,
    value: Arc<Zeroizing<Vec<u8>>>,
}

impl Secret {
    /// A value under the name of its slot.
    #[must_use]
    pub fn new(name: &str, value: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            value: Arc::new(Zeroizing::new(value)),
        }
    }

    /// The name of its slot.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, for the place where it is put in and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}
