//! Finds secrets where they should not be: in a server's answer that echoes the
//! request, in a file, in a message.
//!
//! The live values of all tenants' slots are looked for, in everything: a value of
//! one tenant in another's answer is what matters most. What a remote server gave,
//! as an access token, is looked for in its own tenant's texts alone: a server says
//! what it likes, and must not have other tenants' answers withheld. A value is found as it is, in
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
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::iter;
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

/// How many values that were got for one purpose are looked for: the current and the one before.
const GIVEN_MAX: usize = 2;

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
    /// None where it is what the slot has; else what it was got for.
    given: Option<Arc<str>>,
    /// None as long as it is the slot's.
    until: Option<Instant>,
}

/// One state of the scanner.
struct Search {
    /// The slots' values.
    slots: Patterns,
    /// What was got for each tenant, if any was. An automaton of its own: in a
    /// common one a value that begins earlier would hide another tenant's.
    given: HashMap<Arc<str>, Patterns>,
    live: Vec<Live>,
}

/// Its automaton has the values in it, and is not wiped.
struct Patterns {
    automaton: AhoCorasick,
    /// What each pattern is: an index of `live`.
    patterns: Vec<(usize, Encoding)>,
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
        self.add(tenant, secret.name(), secret.expose(), None)
    }

    /// Look also for a value that a remote server gave, such as an access token,
    /// until a time, and in this tenant's texts only. Of what was got for one
    /// purpose (`of`) the last two are looked for: a server that gives another one
    /// every time must not have the host look for more and more.
    ///
    /// # Errors
    ///
    /// When there are too many values to look for. The caller must not use it then.
    pub fn learn_until(
        &self,
        tenant: &str,
        name: &str,
        of: &str,
        value: &[u8],
        until: Instant,
    ) -> Result<(), BuildError> {
        if value.len() < SECRET_BYTES_MIN {
            return Ok(());
        }
        let until = until.checked_add(PREVIOUS_FOR).unwrap_or(until);
        self.add(tenant, name, value, Some((of, until)))
    }

    /// The first live value in these bytes, for a message to this tenant.
    #[must_use]
    pub fn find(&self, tenant: &str, bytes: &[u8]) -> Option<Found> {
        let search = self.search()?;
        let (live, encoding) = search.first(Some(tenant), bytes)?;
        let is_own = |one: &Live| *one.tenant == *tenant && one.value == live.value;
        let own = search.live.iter().find(|one| is_own(one));
        Some(Found {
            name: own.map(|one| one.name.to_string()),
            encoding,
        })
    }

    /// A text for the operator, with `[secret NAME]` where a value was, of whatever
    /// tenant.
    #[must_use]
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.scrubbed(None, text, |live| format!("[secret {}]", live.name))
    }

    /// A text for a tenant: the same, and no other tenant's names.
    #[must_use]
    pub fn scrub_for<'a>(&self, tenant: &str, text: &'a str) -> Cow<'a, str> {
        self.scrubbed(Some(tenant), text, |live| match *live.tenant == *tenant {
            true => format!("[secret {}]", live.name),
            false => "[secret]".to_owned(),
        })
    }

    fn scrubbed<'a>(
        &self,
        tenant: Option<&str>,
        text: &'a str,
        instead: impl Fn(&Live) -> String,
    ) -> Cow<'a, str> {
        let Some(search) = self.search() else {
            return Cow::Borrowed(text);
        };
        let Some((live, _)) = search.first(tenant, text.as_bytes()) else {
            return Cow::Borrowed(text);
        };
        let mut scrubbed = String::new();
        let mut end = 0;
        for (range, found) in search.all(tenant, text.as_bytes()) {
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
        if search.first(tenant, scrubbed.as_bytes()).is_some() {
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
        given: Option<(&str, Instant)>,
    ) -> Result<(), BuildError> {
        let mut held = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (of, mut until) = (given.map(|(of, _)| of), given.map(|(_, until)| until));
        let alike = |live: &Live| {
            live.given.as_deref() == of && *live.tenant == *tenant && *live.name == *name
        };
        let same = |live: &Live| alike(live) && live.value.as_slice() == value;
        let current = |live: &Live| same(live) && live.until.is_none();
        if held.iter().any(current) {
            return Ok(());
        }
        let mut live = held.clone();
        live.retain(|one| one.until.is_none_or(|until| until > now));
        if of.is_some() {
            until = live
                .iter()
                .filter(|one| same(one))
                .fold(until, |until, one| until.max(one.until));
            live.retain(|one| !same(one));
            let mut more = live.iter().filter(|one| alike(one)).count() + 1;
            live.retain(|one| {
                let is_old = more > GIVEN_MAX && alike(one);
                more -= usize::from(is_old);
                !is_old
            });
        } else {
            for one in live.iter_mut().filter(|one| alike(one)) {
                one.until.get_or_insert(now + PREVIOUS_FOR);
            }
        }
        live.push(Live {
            tenant: tenant.into(),
            name: name.into(),
            value: Arc::new(Zeroizing::new(value.to_vec())),
            given: of.map(Into::into),
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
        let slots = Patterns::of(&live, |one| one.given.is_none())?;
        let mut given = HashMap::new();
        for one in live.iter().filter(|one| one.given.is_some()) {
            if !given.contains_key(&one.tenant) {
                let own = |other: &Live| other.given.is_some() && other.tenant == one.tenant;
                given.insert(Arc::clone(&one.tenant), Patterns::of(&live, own)?);
            }
        }
        Ok(Self { slots, given, live })
    }

    /// What is looked for in a tenant's texts; without a tenant, everything.
    fn patterns(&self, tenant: Option<&str>) -> impl Iterator<Item = &Patterns> {
        let own = tenant.and_then(|tenant| self.given.get(tenant));
        let all = tenant.is_none().then(|| self.given.values());
        iter::once(&self.slots)
            .chain(own)
            .chain(all.into_iter().flatten())
    }

    /// The first value in any view of these bytes.
    fn first(&self, tenant: Option<&str>, bytes: &[u8]) -> Option<(&Live, Encoding)> {
        views::first(bytes, &mut |view, is_decoded| {
            let (index, encoding) = self.patterns(tenant).find_map(|one| one.first(view))?;
            let encoding = if is_decoded {
                Encoding::Nested
            } else {
                encoding
            };
            Some((&self.live[index], encoding))
        })
    }

    /// All values in these very bytes, by their place. One in base64 is found
    /// without the letters at its ends that it shares with its neighbours: they go
    /// with it.
    fn all(&self, tenant: Option<&str>, bytes: &[u8]) -> Vec<(Range<usize>, &Live)> {
        let found = self.patterns(tenant).flat_map(|one| one.all(bytes));
        let mut found: Vec<_> = found
            .map(|(range, index)| (range, &self.live[index]))
            .collect();
        found.sort_by_key(|(range, _)| (range.start, Reverse(range.end)));
        found
    }
}

impl Patterns {
    fn of(live: &[Live], is_one: impl Fn(&Live) -> bool) -> Result<Self, BuildError> {
        let mut patterns = Vec::new();
        let mut texts: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        for (index, one) in live.iter().enumerate().filter(|(_, one)| is_one(one)) {
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
        })
    }

    fn first(&self, bytes: &[u8]) -> Option<(usize, Encoding)> {
        let found = self.automaton.find(bytes)?;
        Some(self.patterns[found.pattern()])
    }

    fn all(&self, bytes: &[u8]) -> Vec<(Range<usize>, usize)> {
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
            (range, index)
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
