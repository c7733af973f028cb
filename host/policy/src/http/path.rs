//! Paths of routes: which requests they fit, and which of them another fits
//! already.

use std::fmt;

use serde_json::{Map, Value};

use super::{HttpMethod, Kind, PathPart, Route, encode::Writer};

impl HttpMethod {
    /// All methods.
    pub const ALL: [Self; 6] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it only reads by its definition (RFC 9110, 9.2.1).
    #[must_use]
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

impl fmt::Display for HttpMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As it is written in a manifest: `GET /tickets/{id:int}`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.method)?;
        if self.path.is_empty() {
            f.write_str("/")?;
        }
        for part in &self.path {
            write!(f, "/{part}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PathPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Parameter {
                name,
                kind,
                before,
                after,
            } => write!(f, "{before}{{{name}:{}}}{after}", kind.as_str()),
            Self::Rest { name } => write!(f, "{{{name}:path}}"),
        }
    }
}

/// Why a path is not of a route.
pub(super) enum Misfit<'r> {
    /// Other literals, or another number of segments.
    Shape,
    /// All is right but what this parameter holds.
    Kind(&'r str, Kind),
}

impl Route {
    /// Whether the segments fit.
    pub(super) fn fit(&self, segments: &[&str]) -> Result<(), Misfit<'_>> {
        let mut misfit = Ok(());
        let mut left = segments;
        for part in &self.path {
            if let PathPart::Rest { .. } = part {
                // A slash inside would make two lists of segments one text. An empty
                // one before the end would lead servers that merge slashes to a
                // path that an earlier row was to decide about.
                let plain = |segment: &&str| !segment.contains(['/', '\\']);
                let before_last = left.split_last().map_or(&[][..], |(_, before)| before);
                let is_rest = left.first().is_some_and(|first| !first.is_empty())
                    && !before_last.iter().any(|segment| segment.is_empty());
                return match is_rest && left.iter().all(plain) {
                    true => misfit,
                    false => Err(Misfit::Shape),
                };
            }
            let Some((segment, rest)) = left.split_first() else {
                return Err(Misfit::Shape);
            };
            left = rest;
            match part {
                PathPart::Literal(text) if text == segment => {}
                PathPart::Literal(_) | PathPart::Rest { .. } => return Err(Misfit::Shape),
                PathPart::Parameter { name, kind, .. } => {
                    let value = part.value(segment).ok_or(Misfit::Shape)?;
                    if !kind.accepts(value) {
                        misfit = Err(Misfit::Kind(name, *kind));
                    }
                }
            }
        }
        if left.is_empty() {
            misfit
        } else {
            Err(Misfit::Shape)
        }
    }

    /// Write the segments, which fit, and name the parameters.
    pub(super) fn write(&self, segments: &[&str], target: &mut Writer) -> Map<String, Value> {
        let mut named = Map::new();
        for (i, segment) in segments.iter().enumerate() {
            match self.path.get(i) {
                Some(PathPart::Parameter {
                    kind: Kind::Key, ..
                }) => {
                    target.key();
                    continue;
                }
                Some(part @ PathPart::Parameter { name, kind, .. }) => {
                    let value = part.value(segment).unwrap_or_default();
                    named.insert(name.clone(), kind.json(value));
                }
                Some(PathPart::Rest { name }) => {
                    named.insert(name.clone(), Value::from(segments[i..].join("/")));
                }
                Some(PathPart::Literal(_)) | None => {}
            }
            target.segment(segment);
        }
        named
    }

    /// Whether any part can hold free text.
    pub(super) fn has_text(&self) -> bool {
        self.path.iter().any(|part| match part {
            PathPart::Literal(_) => false,
            PathPart::Parameter { kind, .. } => *kind == Kind::Text,
            PathPart::Rest { .. } => true,
        })
    }

    /// Whether the idempotency key is a part of the path.
    #[must_use]
    pub fn has_key(&self) -> bool {
        let is_key = |part: &PathPart| {
            matches!(
                part,
                PathPart::Parameter {
                    kind: Kind::Key,
                    ..
                }
            )
        };
        self.path.iter().any(is_key)
    }

    /// Whether every path of the other route is one of this.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let (mut own, mut its) = (self.path.iter(), other.path.iter());
        loop {
            match (own.next(), its.next()) {
                (None, None) => return true,
                (Some(PathPart::Rest { .. }), Some(PathPart::Rest { .. })) => return true,
                (Some(PathPart::Rest { .. }), Some(first)) => {
                    return first.is_plain() && its.all(PathPart::is_plain);
                }
                (Some(part), Some(other)) if part.covers(other) => {}
                _ => return false,
            }
        }
    }
}

impl PathPart {
    /// The name of its parameter.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Parameter { name, .. } | Self::Rest { name } => Some(name),
            Self::Literal(_) => None,
        }
    }

    /// What a segment holds between the fixed beginning and end.
    fn value<'s>(&self, segment: &'s str) -> Option<&'s str> {
        match self {
            Self::Parameter { before, after, .. } => segment
                .strip_prefix(before.as_str())?
                .strip_suffix(after.as_str()),
            Self::Literal(_) | Self::Rest { .. } => None,
        }
    }

    /// Whether a rest takes all of it.
    fn is_plain(&self) -> bool {
        match self {
            Self::Literal(text) => !text.is_empty(),
            // A text may hold a slash, and a key is an empty segment.
            Self::Parameter { kind, .. } => !matches!(kind, Kind::Key | Kind::Text),
            Self::Rest { .. } => true,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(own), Self::Literal(its)) => own == its,
            (Self::Parameter { kind, .. }, Self::Literal(text)) => {
                self.value(text).is_some_and(|value| kind.accepts(value))
            }
            (
                Self::Parameter {
                    kind,
                    before,
                    after,
                    ..
                },
                Self::Parameter {
                    kind: its,
                    before: its_before,
                    after: its_after,
                    ..
                },
            ) => {
                let is_same = before == its_before && after == its_after;
                let is_within = its_before.starts_with(before) && its_after.ends_with(after);
                (is_same || *kind == Kind::Text) && is_within && kind.covers(*its)
            }
            _ => false,
        }
    }
}
