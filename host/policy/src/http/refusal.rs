//! Why a request is not sent.

use super::{HttpMethod, Kind, fields};
use crate::visible;

/// Why a request is not sent. Two kinds, told apart by
/// [`is_denial`](Self::is_denial): it cannot be sent as it is (the connector's
/// author must write it otherwise), or it is not granted (the operator could). No
/// value of a parameter or header and no content is in any message: it may be a
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpRefusal {
    /// No row fits.
    #[error("no route of `{destination}` grants {call}")]
    NoRoute {
        /// The grant's name in the manifest.
        destination: String,
        /// The narrowest row that would fit, where one can be written.
        call: String,
    },
    /// A row fits but for what a parameter holds.
    #[error(
        "the part `{name}` of the route `{call}` of `{destination}` is not {}", .kind.holds()
    )]
    PathKind {
        /// The grant's name in the manifest.
        destination: String,
        /// The row.
        call: String,
        /// The parameter.
        name: String,
        /// What it may hold.
        kind: Kind,
    },
    /// The row does not have this query parameter.
    #[error("the query parameter `{name}` is not granted by the route `{call}` of `{destination}`")]
    QueryNotGranted {
        /// The grant's name in the manifest.
        destination: String,
        /// The row.
        call: String,
        /// The parameter, made visible.
        name: String,
        /// The narrowest kind that would fit.
        kind: Kind,
    },
    /// A query parameter holds something else.
    #[error("the query parameter `{name}` of the route `{call}` of `{destination}` is not {holds}")]
    QueryKind {
        /// The grant's name in the manifest.
        destination: String,
        /// The row.
        call: String,
        /// The parameter.
        name: String,
        /// What it may hold.
        holds: String,
    },
    /// A query parameter stands there too often: servers differ in which one of two
    /// they take (CWE-235), and a rule has seen one of them.
    #[error(
        "the query parameter `{name}` may stand there {}; send it no more often", often(*.times)
    )]
    QueryRepeated {
        /// The parameter.
        name: String,
        /// How often it may.
        times: usize,
    },
    /// The manifest does not list this header.
    #[error("the header `{name}` is not granted by `{destination}`")]
    HeaderNotGranted {
        /// The grant's name in the manifest.
        destination: String,
        /// The header in lower case, made visible.
        name: String,
    },
    /// A header that the host sets itself.
    #[error("the header `{name}` is the host's own; send the request without it")]
    HeaderOwned {
        /// The header in lower case.
        name: String,
    },
    /// A header stands twice.
    #[error("the header `{name}` stands twice; send it once")]
    HeaderRepeated {
        /// The header in lower case.
        name: String,
    },
    /// A name or value that cannot stand in a header.
    #[error("{what} of the header `{name}` cannot be sent; {instead}")]
    HeaderText {
        /// The header, made visible.
        name: String,
        /// Its name or its value.
        what: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// A segment that could be read as something else than one segment.
    #[error("segment {index} of the path {what}")]
    Segment {
        /// Which one, counted from 1.
        index: usize,
        /// What is wrong with it, and what to write instead.
        what: &'static str,
    },
    /// More than is judged.
    #[error("the request has {what}; send less at a time")]
    TooMuch {
        /// Which bound.
        what: &'static str,
    },
    /// Content with a method that has none.
    #[error("a {method} has no content; send it without, or ask for a POST route")]
    BodyNotAllowed {
        /// The method.
        method: HttpMethod,
    },
    /// Content over the grant's bound.
    #[error("the content has {bytes} bytes, more than the {max} that `{destination}` takes")]
    BodyTooLarge {
        /// The grant's name in the manifest.
        destination: String,
        /// Its size.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// The host has to put something into the content, and cannot.
    #[error(
        "the host puts {what} into the content, and there is none with members; send JSON or a form"
    )]
    BodyNeeded {
        /// The credential or the key.
        what: &'static str,
    },
    /// The media type cannot be read.
    #[error("the content's media type cannot be read; write one such as `application/json`")]
    MediaType,
    /// A write that would overwrite what it has not seen.
    #[error(
        "the route `{call}` of `{destination}` takes no write without `if-match`; read the resource and send its `etag`"
    )]
    NotConditional {
        /// The grant's name in the manifest.
        destination: String,
        /// The row.
        call: String,
    },
}

impl HttpRefusal {
    /// Whether an operator could grant it.
    #[must_use]
    pub const fn is_denial(&self) -> bool {
        matches!(
            self,
            Self::NoRoute { .. }
                | Self::PathKind { .. }
                | Self::QueryNotGranted { .. }
                | Self::QueryKind { .. }
                | Self::HeaderNotGranted { .. }
                | Self::BodyTooLarge { .. }
                | Self::NotConditional { .. }
        )
    }

    /// The manifest line that an operator who agrees could add or change.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let row = |destination: &str, call: &str, then: String| {
            Some(format!(
                "under [[grant.http.{destination}.route]] with call = \"{call}\" write {then}"
            ))
        };
        match self {
            Self::NoRoute { destination, call } => {
                // A path with a quotation mark or a backslash is no line of a manifest.
                let is_plain = !call.contains(['"', '\\']) && visible(call) == *call;
                is_plain.then(|| format!("[[grant.http.{destination}.route]]\ncall = \"{call}\""))
            }
            Self::PathKind {
                destination,
                call,
                name,
                ..
            } => row(
                destination,
                call,
                format!("a wider kind for `{name}`, such as {{{name}:id}} or {{{name}:text}}"),
            ),
            Self::QueryNotGranted {
                destination,
                call,
                name,
                kind,
            } => fields::is_query_name(name)
                .then(|| {
                    let kind = kind.as_str();
                    row(
                        destination,
                        call,
                        format!("query = {{ \"{name}\" = \"{kind}\" }}"),
                    )
                })
                .flatten(),
            Self::QueryKind {
                destination,
                call,
                name,
                ..
            } => row(
                destination,
                call,
                format!("a wider kind for the query parameter `{name}`, such as \"text\""),
            ),
            Self::HeaderNotGranted { destination, name } => Some(format!(
                "under [grant.http.{destination}] write headers = [\"{name}\"]"
            )),
            Self::BodyTooLarge {
                destination, bytes, ..
            } => {
                let size = bytes.div_ceil(1024);
                Some(format!(
                    "under [grant.http.{destination}] write max_request = \"{size}KiB\""
                ))
            }
            Self::NotConditional { destination, call } => {
                row(destination, call, "conditional = false".to_owned())
            }
            _ => None,
        }
    }
}

fn often(times: usize) -> String {
    match times {
        1 => "once".to_owned(),
        more => format!("{more} times"),
    }
}
