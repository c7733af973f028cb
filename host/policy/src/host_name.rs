//! Names of hosts, as they go over the wire.

use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

use crate::visible;

/// Whether a text is a host's name in lower case: labels of letters, digits and
/// hyphens (RFC 1123, 2.1), without a dot at the end.
pub(crate) fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// What is wrong with the name of a host, and what to write instead.
pub(crate) fn fault(name: &str) -> Option<(&'static str, String)> {
    if name.ends_with('.') {
        let hint = format!("write `{}`", visible(name.trim_end_matches('.')));
        return Some(("has a host that ends with a dot", hint));
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    // The attack: `0x7f000001` and `127.1` are names to this check, and addresses
    // to a resolver that knows the old spellings (inet_aton).
    let digits = last.strip_prefix("0x");
    let is_number = digits.map_or_else(
        || last.bytes().all(|b| b.is_ascii_digit()),
        |digits| digits.bytes().all(|b| b.is_ascii_hexdigit()),
    );
    if !is_host_name(name) || is_number {
        let hint = "write labels of a-z, 0-9 and `-`, at most 63 characters each and 253 together";
        return Some(("has a host that is no registered name", hint.to_owned()));
    }
    // Letters of two alphabets in one label make names that look alike and are
    // not (UTS 39, 5.2): one script, or Latin with those written together with it.
    let (shown, valid) = idna::domain_to_unicode(name);
    let is_plain = |label: &str| label.check_restriction_level(RestrictionLevel::HighlyRestrictive);
    if valid.is_err() || !shown.split('.').all(is_plain) {
        let hint = format!("it reads `{}`; write a name in one script", visible(&shown));
        return Some(("has a host that mixes scripts", hint));
    }
    None
}
