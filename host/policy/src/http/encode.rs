//! The request target, made from parts that cannot break out of their place.
//!
//! The attack: a segment such as `5/../../admin?x=` that becomes more than one
//! segment. Every byte that could mean something is percent-encoded (RFC 3986,
//! 2.1), also in values that look encoded already: `%2e` is three characters of
//! text here and is sent as `%252e`.

use crate::manifest::limits::HTTP_TARGET_BYTES_MAX;

/// The path and query of a request, encoded. It begins at the origin, with the
/// base URL's own path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    before: String,
    after: Option<String>,
}

impl Target {
    /// Whether the idempotency key belongs into it.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.after.is_some()
    }

    /// The target, with the key where the route has a place for one. A key is best
    /// an id: what is not is percent-encoded, and some servers split `%2F`.
    #[must_use]
    pub fn with_key(&self, key: &str) -> String {
        let mut target = self.before.clone();
        if let Some(after) = &self.after {
            segment(&mut target, key);
            target.push_str(after);
        }
        target
    }
}

/// Writes a target from its parts.
pub(super) struct Writer {
    before: String,
    after: Option<String>,
    has_query: bool,
}

impl Writer {
    /// `base` is the path of the base URL, without `/` at its end.
    pub(super) fn new(base: &str) -> Self {
        Self {
            before: base.to_owned(),
            after: None,
            has_query: false,
        }
    }

    pub(super) fn segment(&mut self, text: &str) {
        let end = self.end();
        end.push('/');
        segment(end, text);
    }

    /// The place of the idempotency key, which is a whole segment.
    pub(super) fn key(&mut self) {
        self.end().push('/');
        self.after = Some(String::new());
    }

    pub(super) fn query(&mut self, name: &str, value: &str) {
        let mark = if self.has_query { '&' } else { '?' };
        self.has_query = true;
        let end = self.end();
        if end.is_empty() {
            end.push('/');
        }
        end.push(mark);
        encode(end, name, is_unreserved);
        end.push('=');
        encode(end, value, is_unreserved);
    }

    /// Nothing where it is longer than servers have to take (RFC 9110, 4.1).
    pub(super) fn finish(mut self) -> Option<Target> {
        if self.before.is_empty() {
            self.before.push('/');
        }
        let length = self.before.len() + self.after.as_ref().map_or(0, String::len);
        let Self { before, after, .. } = self;
        (length <= HTTP_TARGET_BYTES_MAX).then_some(Target { before, after })
    }

    fn end(&mut self) -> &mut String {
        self.after.as_mut().unwrap_or(&mut self.before)
    }
}

fn segment(target: &mut String, text: &str) {
    encode(target, text, |b| is_unreserved(b) || is_segment_mark(b));
}

/// Percent-encodes every byte that is not plain.
fn encode(target: &mut String, text: &str, is_plain: impl Fn(u8) -> bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for b in text.bytes() {
        if is_plain(b) {
            target.push(char::from(b));
        } else {
            target.push('%');
            target.push(char::from(HEX[usize::from(b >> 4)]));
            target.push(char::from(HEX[usize::from(b & 15)]));
        }
    }
}

/// RFC 3986, 2.3.
pub(crate) const fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

/// What else may stand in a segment as it is (RFC 3986, 3.3), without `;`: some
/// servers cut a segment there before they look for `..`, so that `..;x` would
/// go up, and read what follows as a parameter of their own.
pub(crate) const fn is_segment_mark(b: u8) -> bool {
    matches!(
        b,
        b':' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'='
    )
}
