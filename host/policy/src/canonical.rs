//! JSON with one spelling (RFC 8785), and a reader that loses nothing.
//!
//! Digests and approvals are taken over canonical JSON. RFC 8785 writes numbers
//! as doubles do, so two account numbers beyond 2^53 would share a digest, and
//! an approval for one would release a payment to the other. Hence the number
//! rule: a number that a double cannot hold exactly is refused, with advice to
//! send it as a string.
//!
//! The usual readers were refused for input from outside: they keep the last of
//! two equal keys (the checker may see the other one), and round numbers
//! silently.

mod number;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt::Write as _;

use serde_json::Value;

use reader::Reader;
use writer::Writer;

/// The largest magnitude of a number: 2^53. Up to here every integer is exact
/// as a double.
pub const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// The deepest nesting that [`parse_exact`] reads. Tool inputs need five or
/// six; deeper ones aim at the stack of whoever walks them.
pub const JSON_DEPTH_MAX: usize = 64;

/// The deepest nesting that [`canonical`] writes: room for the host's own
/// layers around what was read.
const WRITE_DEPTH_MAX: usize = 2 * JSON_DEPTH_MAX;

/// Why JSON is not exact. `pointer` is a JSON Pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// Not UTF-8.
    #[error("the text is not UTF-8; send JSON in UTF-8")]
    NotUtf8,
    /// A number that a double cannot hold exactly.
    #[error("the number at `{pointer}` is not exact as a double ({number}); send it as a string")]
    InexactNumber {
        /// Where it stands.
        pointer: String,
        /// The number as it was written, cut where it is long.
        number: String,
    },
    /// A key that stands twice in one object.
    #[error("the key at `{pointer}` stands twice in its object; send each key once")]
    DuplicateKey {
        /// Where it stands.
        pointer: String,
    },
    /// Nested deeper than is read or written.
    #[error("the value at `{pointer}` is nested deeper than {limit} levels; send a flatter one")]
    TooDeep {
        /// Where the limit was reached.
        pointer: String,
        /// The limit.
        limit: usize,
    },
    /// Not JSON.
    #[error("the text is not JSON at byte {at}: {what}; send one JSON value")]
    Syntax {
        /// The byte offset.
        at: usize,
        /// What was expected there.
        what: &'static str,
    },
}

/// The canonical text of a value.
///
/// # Errors
/// When it holds a number above 2^53 in magnitude, or is nested too deeply.
pub fn canonical(value: &Value) -> Result<String, CanonicalError> {
    let mut writer = Writer {
        text: String::new(),
        path: Vec::new(),
    };
    writer.value(value)?;
    Ok(writer.text)
}

/// The value of a JSON text, with nothing lost: no key twice, no number that
/// a double rounds (an integer beyond 2^53 in any notation, more digits than a
/// double keeps, an exponent out of range), no lone surrogate, nothing nested
/// over [`JSON_DEPTH_MAX`]. Whole numbers become integers however they are
/// written, as the canonical text has them.
///
/// # Errors
/// With the place of what would be lost.
pub fn parse_exact(text: &str) -> Result<Value, CanonicalError> {
    let mut reader = Reader {
        text,
        at: 0,
        path: Vec::new(),
    };
    reader.space();
    let value = reader.value()?;
    reader.space();
    if reader.at == text.len() {
        Ok(value)
    } else {
        reader.fail("nothing may follow the value")
    }
}

/// One step of a path: a key or an index.
enum Step {
    Key(String),
    Index(usize),
}

fn pointer(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                text.push('/');
                text.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => {
                let _ = write!(text, "/{index}");
            }
        }
    }
    text
}
