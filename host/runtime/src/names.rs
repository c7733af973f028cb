//! Names that the host gives. Version 7 UUIDs (RFC 9562): they sort by time, and
//! nobody can guess the next one.

use uuid::Uuid;

/// What a case is called that was opened for one call alone. A caller's own name
/// cannot begin so.
pub(crate) const OWN_CASE: &str = "auto-";

/// Longest name a caller may give to a case, workflow or request, bytes.
pub(crate) const GIVEN_BYTES_MAX: usize = 128;

/// Longest name of a principal, bytes. People read it on every card.
const PRINCIPAL_BYTES_MAX: usize = 64;

/// What names of principals are made of, in words.
pub(crate) const PRINCIPAL_RULE: &str = "1 to 64 of a-z A-Z 0-9 - _ . @";

/// Whether this can be the name of a principal or a group.
///
/// The attack: a name with a `/` makes two tenants' principals one, one that looks like
/// another's is decided on as that, and one with a line feed rewrites what it is in.
pub(crate) fn is_principal(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=PRINCIPAL_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits)
}

pub(crate) fn run() -> String {
    format!("run-{}", Uuid::now_v7())
}

pub(crate) fn approval() -> String {
    format!("apr-{}", Uuid::now_v7())
}

pub(crate) fn delegation() -> String {
    format!("dep-{}", Uuid::now_v7())
}

/// One import call of a run, the same for every attempt at it.
pub(crate) fn call(run: &str, position: u32) -> String {
    format!("{run}/{position}")
}

pub(crate) fn queue_item() -> String {
    format!("item-{}", Uuid::now_v7())
}

/// The item that a call of a run makes, the same for every attempt at it.
pub(crate) fn queue_item_of(run: &str, position: u32) -> String {
    format!(
        "item-{}-{position}",
        run.strip_prefix("run-").unwrap_or(run)
    )
}

/// The item that the end of a run makes, the same for every attempt at it.
pub(crate) fn item_of_end(run: &str) -> String {
    format!("item-{}-end", run.strip_prefix("run-").unwrap_or(run))
}

/// A process that serves: who has a lease.
pub(crate) fn host() -> String {
    format!("host-{}", Uuid::now_v7())
}

/// Whom the runs belong to that an erasure has taken.
pub(crate) fn erasure() -> String {
    format!("erasure-{}", Uuid::now_v7())
}

/// A case that is opened apart from its first call.
pub(crate) fn new_case() -> String {
    format!("case-{}", Uuid::now_v7())
}

pub(crate) fn own_case() -> String {
    format!("{OWN_CASE}{}", Uuid::now_v7())
}

/// Whether a caller may use this as a name: short, printable, not ours.
pub(crate) fn is_givable(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= GIVEN_BYTES_MAX
        && !name.starts_with(OWN_CASE)
        && name
            .chars()
            .all(|c| c.is_ascii_graphic() && c != '"' && c != '\\')
}
