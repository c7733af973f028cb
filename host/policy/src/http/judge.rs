//! Whether a request is granted.

use serde_json::{Map, Value};

use super::{
    HttpGrant, HttpRefusal, HttpRequest, Judged, KeyPlace, Kind, QueryParameter, Route,
    encode::{Writer, is_segment_mark, is_unreserved},
    fields,
    path::Misfit,
};
use crate::{
    Place,
    manifest::limits::{
        HTTP_HEADER_BYTES_MAX, HTTP_HEADERS_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_SEGMENT_BYTES_MAX,
        HTTP_SEGMENTS_MAX,
    },
    visible,
};

impl HttpGrant {
    /// Judge a request: the first row that fits its method and path decides.
    ///
    /// # Errors
    /// With the first thing that cannot be sent or is not granted.
    pub fn judge(&self, request: &HttpRequest<'_>) -> Result<Judged<'_>, HttpRefusal> {
        segments(request.path)?;
        let route = self.route(request)?;
        let mut target = Writer::new(self.base_url.path().trim_end_matches('/'));
        let path = route.write(request.path, &mut target);
        let query = self.query(route, request.query, &mut target)?;
        self.headers(route, request)?;
        self.body(route, request)?;
        let target = target.finish().ok_or(HttpRefusal::TooMuch {
            what: "a path and query of more than 8000 bytes",
        })?;
        let asks_text = |name: &str| {
            let parameter = route.query.get(name);
            parameter.is_some_and(QueryParameter::is_text)
        };
        // The attack: a "read" whose content or header carries a customer list out.
        let egress = route.has_text()
            || request.query.iter().any(|(name, _)| asks_text(name))
            || !request.headers.is_empty()
            || request.body.is_some();
        Ok(Judged {
            route,
            target,
            effect: route.effect,
            egress,
            path,
            query,
        })
    }

    fn route(&self, request: &HttpRequest<'_>) -> Result<&Route, HttpRefusal> {
        let mut near = None;
        let routes = self.routes.iter();
        for route in routes.filter(|route| route.method == request.method) {
            match route.fit(request.path) {
                Ok(()) => return Ok(route),
                Err(Misfit::Kind(name, kind)) => near = near.or(Some((route, name, kind))),
                Err(Misfit::Shape) => {}
            }
        }
        let before_last = request.path.split_last().map_or(&[][..], |(_, rest)| rest);
        if let Some(i) = before_last.iter().position(|segment| segment.is_empty()) {
            return Err(HttpRefusal::Segment {
                index: i + 1,
                what: "is empty; only the last one may be, and the place of an idempotency key",
            });
        }
        let destination = self.name.clone();
        Err(match near {
            Some((route, name, kind)) => HttpRefusal::PathKind {
                destination,
                call: route.to_string(),
                name: name.to_owned(),
                kind,
            },
            None => HttpRefusal::NoRoute {
                destination,
                call: wanted(request),
            },
        })
    }

    fn query(
        &self,
        route: &Route,
        query: &[(&str, &str)],
        target: &mut Writer,
    ) -> Result<Map<String, Value>, HttpRefusal> {
        let mut named = Map::new();
        for (name, value) in query {
            let Some(parameter) = route.query.get(*name) else {
                return Err(HttpRefusal::QueryNotGranted {
                    destination: self.name.clone(),
                    call: route.to_string(),
                    name: shown(name),
                    kind: narrowest(value),
                });
            };
            if !parameter.accepts(value) {
                return Err(HttpRefusal::QueryKind {
                    destination: self.name.clone(),
                    call: route.to_string(),
                    name: (*name).to_owned(),
                    holds: parameter.holds(),
                });
            }
            if !parameter.add(&mut named, name, value) {
                return Err(HttpRefusal::QueryRepeated {
                    name: (*name).to_owned(),
                    times: parameter.times,
                });
            }
            target.query(name, value);
        }
        Ok(named)
    }

    fn headers(&self, route: &Route, request: &HttpRequest<'_>) -> Result<(), HttpRefusal> {
        if request.headers.len() > HTTP_HEADERS_MAX {
            return Err(HttpRefusal::TooMuch {
                what: "more than 32 headers",
            });
        }
        let (mut bytes, mut seen) = (0, Vec::with_capacity(request.headers.len()));
        for (name, value) in request.headers {
            let refuse = |what, instead| HttpRefusal::HeaderText {
                name: shown(name),
                what,
                instead,
            };
            if !fields::is_token(name) {
                return Err(refuse(
                    "the name",
                    "write a header's name as RFC 9110 has it",
                ));
            }
            if value.len() > HTTP_HEADER_BYTES_MAX || !fields::is_value(value) {
                return Err(refuse(
                    "the value",
                    "write at most 4096 bytes of visible ASCII, without line breaks",
                ));
            }
            bytes += name.len() + value.len();
            let name = name.to_ascii_lowercase();
            if self.is_own_header(route, &name) {
                return Err(HttpRefusal::HeaderOwned { name });
            }
            if !self.headers.contains(&name) {
                let destination = self.name.clone();
                return Err(HttpRefusal::HeaderNotGranted { destination, name });
            }
            if seen.contains(&name) {
                return Err(HttpRefusal::HeaderRepeated { name });
            }
            seen.push(name);
        }
        if bytes > HTTP_HEADERS_BYTES_MAX {
            return Err(HttpRefusal::TooMuch {
                what: "headers of more than 16 KiB",
            });
        }
        // `*` holds for any version, so it promises nothing (RFC 9110, 13.1.1).
        let is_match = |(name, value): &(&str, &str)| {
            name.eq_ignore_ascii_case("if-match") && !value.is_empty() && *value != "*"
        };
        if route.conditional && !request.headers.iter().any(is_match) {
            return Err(HttpRefusal::NotConditional {
                destination: self.name.clone(),
                call: route.to_string(),
            });
        }
        Ok(())
    }

    /// Whether the host sets this header. The manifest cannot list one that it
    /// does, and this holds also for a grant that was made otherwise.
    fn is_own_header(&self, route: &Route, name: &str) -> bool {
        let key = matches!(&route.idempotency, Some(KeyPlace::Header(key)) if key == name);
        let credential = self.credential.as_ref();
        key || fields::is_owned(name)
            || credential.is_some_and(|credential| credential.sets_header(name))
    }

    fn body(&self, route: &Route, request: &HttpRequest<'_>) -> Result<(), HttpRefusal> {
        if let Some(body) = request.body {
            if request.method.is_safe() {
                let method = request.method;
                return Err(HttpRefusal::BodyNotAllowed { method });
            }
            if body.bytes > self.max_request {
                return Err(HttpRefusal::BodyTooLarge {
                    destination: self.name.clone(),
                    bytes: body.bytes,
                    max: self.max_request,
                });
            }
            if !fields::is_media_type(body.content_type) {
                return Err(HttpRefusal::MediaType);
            }
        }
        let place = self.credential.as_ref().map(|credential| &credential.place);
        let what = match (place, &route.idempotency) {
            (Some(Place::Body(_)), _) => "the credential",
            (_, Some(KeyPlace::Body(_))) => "the idempotency key",
            _ => return Ok(()),
        };
        match request.body {
            Some(body) if fields::has_members(body.content_type) => Ok(()),
            _ => Err(HttpRefusal::BodyNeeded { what }),
        }
    }
}

/// Segments that no server can read as more than one of them.
fn segments(path: &[&str]) -> Result<(), HttpRefusal> {
    if path.len() > HTTP_SEGMENTS_MAX {
        return Err(HttpRefusal::TooMuch {
            what: "more than 64 segments in its path",
        });
    }
    for (i, segment) in path.iter().enumerate() {
        let what = if segment.len() > HTTP_SEGMENT_BYTES_MAX {
            "has more than 2048 bytes"
        } else if segment.chars().any(char::is_control) {
            "has a control character; remove it"
        } else if goes_up(segment) {
            "is or holds `.` or `..`; name the resource from the base URL down"
        } else if segment.contains(['/', '\\']) {
            // Front ends that decode `%2F` before they route would see two.
            "holds `/` or `\\`, which many servers take for the end of a segment"
        } else {
            continue;
        };
        return Err(HttpRefusal::Segment { index: i + 1, what });
    }
    Ok(())
}

/// Whether a server that decodes before it looks, or that cuts at `;`, would see
/// a dot segment here. The attack: `a/../../admin` as one segment is sent as
/// `a%2F..%2F..%2Fadmin`, and a proxy in between decodes and resolves it.
fn goes_up(segment: &str) -> bool {
    segment.split(['/', '\\']).any(|part| {
        let part = part.split(';').next().unwrap_or_default();
        matches!(part, "." | "..")
    })
}

/// The narrowest row that the request would fit, for the operator to read.
fn wanted(request: &HttpRequest<'_>) -> String {
    let mut call = format!("{} ", request.method);
    if request.path.is_empty() {
        call.push('/');
    }
    for (i, segment) in request.path.iter().enumerate() {
        call.push('/');
        let is_word = segment.len() <= 64
            && segment
                .bytes()
                .all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'));
        if is_word {
            call.push_str(segment);
        } else {
            let kind = narrowest(segment).as_str();
            call.push_str(&format!("{{p{}:{kind}}}", i + 1));
        }
    }
    call
}

fn narrowest(value: &str) -> Kind {
    let kinds = [Kind::Flag, Kind::Int, Kind::Uuid, Kind::Date, Kind::Id];
    let found = kinds.into_iter().find(|kind| kind.accepts(value));
    found.unwrap_or(Kind::Text)
}

/// A name from a guest, short and visible.
fn shown(name: &str) -> String {
    visible(&name.chars().take(64).collect::<String>())
}

/// Whether a text can stand in a path as it is.
pub(crate) fn is_literal(text: &str) -> bool {
    text.bytes().all(|b| is_unreserved(b) || is_segment_mark(b)) && !goes_up(text)
}
