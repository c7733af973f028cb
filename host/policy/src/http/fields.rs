//! Names and values of headers (RFC 9110, 5), and which names are the host's.

/// Headers that frame, route or decode a message. Whoever sets one of them can
/// make two servers read one request differently (request smuggling, CWE-444),
/// name another server, or hide content from the host's look for secrets.
const FRAMING: [&str; 26] = [
    "accept-encoding",
    "alt-used",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "via",
    "x-client-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// The same by their beginning.
const FRAMING_PREFIXES: [&str; 4] = ["proxy-", "sec-", "x-forwarded-", "x-original-"];

/// Whether the host sets this header itself, or nobody does. The name is in
/// lower case.
pub(crate) fn is_framing(name: &str) -> bool {
    FRAMING.contains(&name)
        || FRAMING_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Whether a connector can never be allowed to set this header: those above and
/// cookies, which are a session that the host does not have.
pub(crate) fn is_owned(name: &str) -> bool {
    is_framing(name) || matches!(name, "cookie" | "cookie2")
}

/// Whether a header that an answer has is never passed on: cookies, and what
/// speaks of the connection or of content before the host decoded it.
pub(crate) fn is_kept_back(name: &str) -> bool {
    name.starts_with("set-cookie")
        || name.starts_with("proxy-")
        || matches!(
            name,
            "connection"
                | "content-encoding"
                | "content-length"
                | "keep-alive"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
        )
}

/// A token (RFC 9110, 5.6.2) of at most 128 bytes.
pub(crate) fn is_token(name: &str) -> bool {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            )
    };
    (1..=128).contains(&name.len()) && name.bytes().all(plain)
}

/// Visible ASCII and single places for space inside. The attack: CR, LF or NUL
/// in a value that ends the header and begins the next one (CWE-113). Tabs and
/// other bytes are read differently by different servers.
pub(crate) fn is_value(value: &str) -> bool {
    value.bytes().all(|b| matches!(b, b' '..=b'~'))
        && !value.starts_with(' ')
        && !value.ends_with(' ')
}

/// `type/subtype` with parameters (RFC 9110, 8.3.1).
pub(crate) fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    text.len() <= 255
        && is_value(text)
        && essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// Whether members can be put into content of this type.
pub(crate) fn has_members(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json"
        || essence == "application/x-www-form-urlencoded"
        || essence.ends_with("+json")
}

/// Whether a route can have a query parameter of this name. `_method` makes
/// some frameworks take a POST for a DELETE.
pub(crate) fn is_query_name(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '&' | '=' | '#');
    (1..=128).contains(&name.len())
        && !name.contains(odd)
        && crate::visible(name) == name
        && !name.eq_ignore_ascii_case("_method")
}
