//! Finds secrets where they should not be: in a server's answer that echoes the
//! request, in a file, in a message.
//!
//! All live values of all tenants are looked for, in everything: a value of one
//! tenant in another's answer is what matters most. A value is found as it is, in
//! base64 (both alphabets, at any place of a longer text, padded or not), in hex,
//! as a list of numbers, and below JSON escapes, percent-encoding and further base64
//! or hex ([`views`]).
//!
//! What it cannot find: a value in parts (a file that is read eight bytes at a
//! time), compressed, encrypted, or spelt in a way of the sender's own. It stops
//! accidents and echoes; that guests never hold a value is what stops the rest.
//! What is refused for a whole value tells a guest that it guessed right, and
//! nothing of how near another guess is.

mod patterns;
mod views;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use zeroize::Zeroizing;

use crate::Secret;
use crate::source::SECRET_BYTES_MIN;

/// How long a value is looked for after its slot has another one: answers to
/// requests that were sent with it still arrive, and the receiver may take it.
const PREVIOUS_FOR: Duration = Duration::from_secs(10 * 60);

/// Looks for all live values at once. Costs nothing while there are none.
#[derive(Default)]
pub struct Scanner {
    live: Mutex<Vec<Live>>,
    search: RwLock<Option<Arc<Search>>>,
}

/// A value that is looked for.
#[derive(Clone)]
struct Live {
    tenant: Arc<str>,
    name: Arc<str>,
    value: Arc<Zeroizing<Vec<u8>>>,
    /// Whether it is what the slot has, and not made of that.
    is_slot: bool,
    /// None as long as it is the slot's.
    until: Option<Instant>,
}

/// One state of the scanner. Its automaton has the values in it, and is not wiped.
struct Search {
    automaton: AhoCorasick,
    /// What each pattern is: an index of `live`.
    patterns: Vec<(usize, Encoding)>,
    live: Vec<Live>,
}

/// How a value was written where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// In base64, of either alphabet.
    Base64,
    /// In hex.
    Hex,
    /// As a list of numbers.
    Numbers,
    /// In something that had to be decoded first.
    Nested,
}

/// A live value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The slot's name; nothing where it is another tenant's, who has slots and
    /// how they are named is not this tenant's business.
    pub name: Option<String>,
    /// How it was written.
    pub encoding: Encoding,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "the secret `{name}`"),
            None => f.write_str("a secret of this host"),
        }
    }
}

impl Scanner {
    /// Look for a slot's value from now on, and for its earlier one some minutes
    /// longer.
    ///
    /// # Errors
    ///
    /// When there are too many values to look for. The caller must not use it then.
    pub fn learn(&self, tenant: &str, secret: &Secret) -> Result<(), BuildError> {
        self.add(tenant, secret.name(), secret.expose(), true, None)
    }

    /// Look also for a value that was made of a slot's or got for it, such as an
    /// access token, until a time.
    ///
    /// # Errors
    ///
    /// When there are too many values to look for. The caller must not use it then.
    pub fn learn_until(
        &self,
        tenant: &str,
        name: &str,
        value: &[u8],
        until: Instant,
    ) -> Result<(), BuildError> {
        if value.len() < SECRET_BYTES_MIN {
            return Ok(());
        }
        let until = until.checked_add(PREVIOUS_FOR).unwrap_or(until);
        self.add(tenant, name, value, false, Some(until))
    }

    /// The first live value in these bytes, for a message to this tenant.
    #[must_use]
    pub fn find(&self, tenant: &str, bytes: &[u8]) -> Option<Found> {
        let search = self.search()?;
        let (live, encoding) = search.first(bytes)?;
        let is_own = |one: &Live| *one.tenant == *tenant && one.value == live.value;
        let own = search.live.iter().find(|one| is_own(one));
        Some(Found {
            name: own.map(|one| one.name.to_string()),
            encoding,
        })
    }

    /// A text for the operator, with `[secret NAME]` where a value was.
    #[must_use]
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.scrubbed(text, |live| format!("[secret {}]", live.name))
    }

    /// A text for a tenant: the same, and no other tenant's names.
    #[must_use]
    pub fn scrub_for<'a>(&self, tenant: &str, text: &'a str) -> Cow<'a, str> {
        self.scrubbed(text, |live| match *live.tenant == *tenant {
            true => format!("[secret {}]", live.name),
            false => "[secret]".to_owned(),
        })
    }

    fn scrubbed<'a>(&self, text: &'a str, instead: impl Fn(&Live) -> String) -> Cow<'a, str> {
        let Some(search) = self.search() else {
            return Cow::Borrowed(text);
        };
        let Some((live, _)) = search.first(text.as_bytes()) else {
            return Cow::Borrowed(text);
        };
        let mut scrubbed = String::new();
        let mut end = 0;
        for (range, found) in search.all(text.as_bytes()) {
            // Part of the one before, or not at the bounds of characters: what is
            // left is looked at below.
            let Some(before) = text.get(end..range.start) else {
                continue;
            };
            scrubbed.push_str(before);
            scrubbed.push_str(&instead(found));
            end = range.end;
        }
        scrubbed.push_str(text.get(end..).unwrap_or_default());
        // What is below another encoding has no place in the text.
        if search.first(scrubbed.as_bytes()).is_some() {
            return Cow::Owned(format!("[withheld: it has {} in it]", instead(live)));
        }
        Cow::Owned(scrubbed)
    }

    fn search(&self) -> Option<Arc<Search>> {
        let search = self.search.read().unwrap_or_else(PoisonError::into_inner);
        search.clone()
    }

    fn add(
        &self,
        tenant: &str,
        name: &str,
        value: &[u8],
        is_slot: bool,
        until: Option<Instant>,
    ) -> Result<(), BuildError> {
        let mut held = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let known = |live: &Live| {
            live.is_slot == is_slot
                && *live.tenant == *tenant
                && *live.name == *name
                && live.value.as_slice() == value
                && (live.until.is_none() || live.until >= until && until.is_some())
        };
        if held.iter().any(known) {
            return Ok(());
        }
        let mut live = held.clone();
        live.retain(|one| one.until.is_none_or(|until| until > now));
        if is_slot {
            for one in &mut live {
                if one.is_slot && *one.tenant == *tenant && *one.name == *name {
                    one.until.get_or_insert(now + PREVIOUS_FOR);
                }
            }
        }
        live.push(Live {
            tenant: tenant.into(),
            name: name.into(),
            value: Arc::new(Zeroizing::new(value.to_vec())),
            is_slot,
            until,
        });
        let search = Search::new(live.clone())?;
        *held = live;
        *self.search.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(search));
        Ok(())
    }
}

impl Search {
    fn new(live: Vec<Live>) -> Result<Self, BuildError> {
        let mut patterns = Vec::new();
        let mut texts: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        for (index, one) in live.iter().enumerate() {
            for (text, encoding) in patterns::of(&one.value) {
                texts.push(text);
                patterns.push((index, encoding));
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(texts.iter().map(|text| text.as_slice()))?;
        Ok(Self {
            automaton,
            patterns,
            live,
        })
    }

    /// The first value in any view of these bytes.
    fn first(&self, bytes: &[u8]) -> Option<(&Live, Encoding)> {
        views::first(bytes, &mut |view, is_decoded| {
            let found = self.automaton.find(view)?;
            let (index, encoding) = self.patterns[found.pattern()];
            let encoding = if is_decoded {
                Encoding::Nested
            } else {
                encoding
            };
            Some((&self.live[index], encoding))
        })
    }

    /// All values in these very bytes. One in base64 is found without the letters
    /// at its ends that it shares with its neighbours: they go with it.
    fn all(&self, bytes: &[u8]) -> Vec<(Range<usize>, &Live)> {
        let found = self.automaton.find_iter(bytes).map(|found| {
            let (index, encoding) = self.patterns[found.pattern()];
            let mut range = found.range();
            if matches!(encoding, Encoding::Base64 | Encoding::Hex) {
                let before = bytes[..range.start].iter().rev();
                range.start -= before.take_while(|b| views::is_base64(**b)).count();
                let after = bytes[range.end..].iter();
                range.end += after
                    .take_while(|b| views::is_base64(**b) || **b == b'=')
                    .count();
            }
            (range, &self.live[index])
        });
        found.collect()
    }
}

impl fmt::Debug for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Scanner({} values)", live.len())
    }
}

#[cfg(test)]
mod tests;
