//! Passwords of people: Argon2id, by the crate `argon2`.
//!
//! Parameters are those of the OWASP Password Storage Cheat Sheet (Argon2id, 19 MiB,
//! two passes, one lane); the least length is NIST SP 800-63B's, with no rule on what a
//! password is made of, as it says too.
//!
//! The attacks:
//! * *A list of names by the clock*: whether there is such a person is told by how soon
//!   the "no" comes. A name that nobody has, or that has no password, costs the same
//!   hash as one that has.
//! * *Memory*: many sign-ins at once, each with its 19 MiB. Two are hashed at a time, and
//!   only so many wait; who comes later is told so.
//! * *A password of a megabyte*, to keep the processor busy: there is a longest.
//! * *A stolen store*: the hashes are slow to guess from, each with a salt of its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;
use tokio::sync::{OnceCell, Semaphore};
use zeroize::Zeroizing;

/// The shortest password, in characters (NIST SP 800-63B asks for 8, and for more where
/// nothing else is asked for).
pub const CHARACTERS_MIN: usize = 12;

/// The longest, in bytes. NIST SP 800-63B asks for 64 characters at least.
pub const BYTES_MAX: usize = 1_024;

/// OWASP Password Storage Cheat Sheet, Argon2id: memory in KiB, passes, lanes.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at once.
const AT_ONCE: usize = 2;

/// Hashes that wait for their turn.
const WAITING_MAX: usize = 32;

/// Why a password is not taken, or not looked at.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordError {
    /// Shorter than [`CHARACTERS_MIN`].
    #[error("a password has at least {CHARACTERS_MIN} characters; a sentence is a good one")]
    TooShort,
    /// Longer than [`BYTES_MAX`].
    #[error("a password has at most {BYTES_MAX} bytes")]
    TooLong,
    /// Too many are looked at.
    #[error("too many people sign in at the same time")]
    Busy,
    /// It cannot be hashed: no memory, or no randomness.
    #[error("passwords cannot be checked now")]
    Failed,
}

/// What came of a look at a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is not that one.
    Wrong,
    /// It is.
    Right {
        /// Its hash by today's parameters, where the known one has others.
        anew: Option<String>,
    },
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wrong => "Wrong",
            Self::Right { .. } => "Right",
        })
    }
}

/// What hashes passwords, and how many at a time.
#[derive(Debug)]
pub struct Passwords {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// A hash of nobody's password.
    nobodys: OnceCell<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: AtomicUsize::new(0),
            nobodys: OnceCell::new(),
        }
    }
}

impl Passwords {
    /// The hash of a new password.
    ///
    /// # Errors
    ///
    /// When it is too short or too long, or cannot be hashed.
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, PasswordError> {
        if password.chars().count() < CHARACTERS_MIN {
            return Err(PasswordError::TooShort);
        }
        if password.len() > BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        self.work(move || hashed(&password)).await
    }

    /// Whether this is the password with that hash. Nothing: there is none, and the
    /// answer takes as long.
    ///
    /// # Errors
    ///
    /// When too many are looked at, or it cannot be hashed.
    pub async fn check(
        &self,
        password: Zeroizing<String>,
        hash: Option<String>,
    ) -> Result<Checked, PasswordError> {
        // Nobody has one that long: nothing is told by not hashing it.
        if password.len() > BYTES_MAX {
            return Ok(Checked::Wrong);
        }
        let nobodys = self.nobodys().await?;
        self.work(move || {
            let known = hash.as_deref().unwrap_or(&nobodys);
            let right = verified(&password, known)? && hash.is_some();
            if !right {
                return Ok(Checked::Wrong);
            }
            let anew = match is_of_today(known) {
                true => None,
                false => Some(hashed(&password)?),
            };
            Ok(Checked::Right { anew })
        })
        .await
    }

    async fn nobodys(&self) -> Result<String, PasswordError> {
        let made = self.nobodys.get_or_try_init(|| {
            self.work(|| hashed(&Zeroizing::new("nobody has this password".to_owned())))
        });
        made.await.cloned()
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _waits = Waits::new(&self.waiting)?;
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| PasswordError::Failed)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held to the end of the hash, also when whoever asked is gone.
            let _place = place;
            work()
        });
        done.await.map_err(|_| PasswordError::Failed)?
    }
}

/// One who waits, or is looked at.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Result<Self, PasswordError> {
        let here = Self(waiting);
        match waiting.fetch_add(1, Ordering::SeqCst) < WAITING_MAX {
            true => Ok(here),
            false => Err(PasswordError::Busy),
        }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn parameters() -> Result<Params, PasswordError> {
    Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Failed)
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    Ok(Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        parameters()?,
    ))
}

fn hashed(password: &Zeroizing<String>) -> Result<String, PasswordError> {
    let hash = argon2()?.hash_password(password.as_bytes());
    Ok(hash.map_err(|_| PasswordError::Failed)?.to_string())
}

fn verified(password: &Zeroizing<String>, known: &str) -> Result<bool, PasswordError> {
    let known = PasswordHash::new(known).map_err(|_| PasswordError::Failed)?;
    // The parameters are those of the hash, so that an older one still counts.
    Ok(argon2()?
        .verify_password(password.as_bytes(), &known)
        .is_ok())
}

/// Whether a hash was made with today's parameters.
fn is_of_today(known: &str) -> bool {
    let Ok(known) = PasswordHash::new(known) else {
        return false;
    };
    let same = || -> Option<bool> {
        let now = parameters().ok()?;
        let then = Params::try_from(&known).ok()?;
        Some(
            known.algorithm == Algorithm::Argon2id.ident()
                && known.version == Some(Version::V0x13.into())
                && (then.m_cost(), then.t_cost(), then.p_cost())
                    == (now.m_cost(), now.t_cost(), now.p_cost()),
        )
    };
    same().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn text(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    const RIGHT: &str = "correct horse battery";

    #[tokio::test]
    async fn a_password_is_hashed_as_owasp_says_and_found_again() {
        let passwords = Passwords::default();
        let hash = passwords.hash(text(RIGHT)).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let again = passwords.hash(text(RIGHT)).await.unwrap();
        assert_ne!(hash, again, "each has a salt of its own");
        let check = async |said: &str, hash: Option<&String>| {
            passwords.check(text(said), hash.cloned()).await.unwrap()
        };
        assert_eq!(
            check(RIGHT, Some(&hash)).await,
            Checked::Right { anew: None }
        );
        assert_eq!(
            check("correct horse batterz", Some(&hash)).await,
            Checked::Wrong
        );
        assert_eq!(check("", Some(&hash)).await, Checked::Wrong);
        assert_eq!(check(RIGHT, None).await, Checked::Wrong);
        // What the hash of nobody is of opens nothing.
        assert_eq!(
            check("nobody has this password", None).await,
            Checked::Wrong
        );
        let long = "x".repeat(BYTES_MAX + 1);
        assert_eq!(check(&long, Some(&hash)).await, Checked::Wrong);
    }

    #[tokio::test]
    async fn a_short_password_and_a_very_long_one_are_refused() {
        let passwords = Passwords::default();
        let hash = async |said: &str| passwords.hash(text(said)).await.map(drop);
        assert_eq!(hash("elevenchars").await, Err(PasswordError::TooShort));
        // Characters, not bytes.
        assert_eq!(hash("äöüäöüäöüäö").await, Err(PasswordError::TooShort));
        assert_eq!(hash("twelve chars").await, Ok(()));
        let long = "x".repeat(BYTES_MAX + 1);
        assert_eq!(hash(&long).await, Err(PasswordError::TooLong));
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_still_counts_and_is_made_anew() {
        let weak = Params::new(8_192, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, weak);
        let old = weak.hash_password(RIGHT.as_bytes()).unwrap().to_string();
        let passwords = Passwords::default();
        let checked = passwords.check(text(RIGHT), Some(old)).await.unwrap();
        let Checked::Right { anew: Some(anew) } = checked else {
            panic!("{checked:?}");
        };
        assert!(is_of_today(&anew));
        let checked = passwords.check(text(RIGHT), Some(anew)).await.unwrap();
        assert_eq!(checked, Checked::Right { anew: None });
    }

    #[tokio::test]
    async fn only_so_many_wait_for_their_turn() {
        let passwords = Arc::new(Passwords::default());
        let taken = Arc::clone(&passwords.places);
        let places = taken.acquire_many(2).await.unwrap();
        let hold = |_| {
            let passwords = Arc::clone(&passwords);
            tokio::spawn(async move { passwords.hash(text(RIGHT)).await })
        };
        let waiting: Vec<_> = (0..WAITING_MAX).map(hold).collect();
        while passwords.waiting.load(Ordering::SeqCst) < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        let refused = passwords.hash(text(RIGHT)).await;
        assert_eq!(refused, Err(PasswordError::Busy));
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
        for one in waiting {
            assert!(one.await.unwrap_err().is_cancelled());
        }
        drop(places);
        assert!(
            passwords.hash(text(RIGHT)).await.is_ok(),
            "nobody waits any more"
        );
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_costs_a_hash_too() {
        let passwords = Passwords::default();
        let hash = passwords.hash(text(RIGHT)).await.unwrap();
        // The hash of nobody is made now, and not timed.
        passwords.check(text(RIGHT), None).await.unwrap();
        let timed = async |hash: Option<String>| {
            let mut times = Vec::new();
            for _ in 0..5 {
                let since = std::time::Instant::now();
                let checked = passwords
                    .check(text("not this password"), hash.clone())
                    .await;
                assert_eq!(checked, Ok(Checked::Wrong));
                times.push(since.elapsed());
            }
            times.sort();
            times[0]
        };
        let (known, unknown) = (timed(Some(hash)).await, timed(None).await);
        // A look-up alone is a thousand times less.
        assert!(unknown * 4 > known, "{unknown:?} beside {known:?}");
    }
}
