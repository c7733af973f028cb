//! `call = "METHOD /path/{name:kind}"`.

use super::super::super::keys::did_you_mean;
use crate::{
    http::{HttpMethod, Kind, PathPart, is_literal},
    manifest::limits,
    visible,
};

/// What is wrong, and what to write instead.
type Fault = (String, String);

/// Read a call.
pub(super) fn read(text: &str) -> Result<(HttpMethod, Vec<PathPart>), Fault> {
    let shape = || {
        (
            format!("`{}` is no call", visible(text)),
            "write a method and a path, for example \"GET /tickets/{id:int}\"".to_owned(),
        )
    };
    let (method, path) = text.split_once(' ').ok_or_else(shape)?;
    let known = HttpMethod::ALL.map(HttpMethod::as_str);
    let found = HttpMethod::ALL.into_iter().find(|m| m.as_str() == method);
    let method = found.ok_or_else(|| {
        (
            format!("there is no method `{}`", visible(method)),
            did_you_mean(&method.to_ascii_uppercase(), &known),
        )
    })?;
    let path = path.strip_prefix('/').ok_or_else(shape)?;
    Ok((method, parts(path)?))
}

fn parts(path: &str) -> Result<Vec<PathPart>, Fault> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let segments: Vec<&str> = path.split('/').collect();
    if segments.len() > limits::HTTP_SEGMENTS_MAX {
        let message = format!("the path has {} segments", segments.len());
        return Err((message, "write at most 64".to_owned()));
    }
    let mut parts: Vec<PathPart> = Vec::with_capacity(segments.len());
    for (i, segment) in segments.iter().enumerate() {
        let is_last = i + 1 == segments.len();
        if segment.is_empty() && !is_last {
            return Err((
                "the path has an empty segment".to_owned(),
                "write one `/` between segments".to_owned(),
            ));
        }
        let part = part(segment)?;
        if let (PathPart::Rest { name }, false) = (&part, is_last) {
            return Err((
                format!("`{{{name}:path}}` takes all that follows, and something follows"),
                "write it at the end".to_owned(),
            ));
        }
        if let Some(name) = part.name()
            && parts.iter().any(|other| other.name() == Some(name))
        {
            return Err((
                format!("the parameter `{name}` stands twice"),
                "give each its own name: rules cite it".to_owned(),
            ));
        }
        parts.push(part);
    }
    let is_key = |part: &&PathPart| {
        matches!(
            part,
            PathPart::Parameter {
                kind: Kind::Key,
                ..
            }
        )
    };
    if parts.iter().filter(is_key).count() > 1 {
        return Err((
            "the path has two places for the idempotency key".to_owned(),
            "write one".to_owned(),
        ));
    }
    Ok(parts)
}

fn part(segment: &str) -> Result<PathPart, Fault> {
    let Some((before, rest)) = segment.split_once('{') else {
        check_literal(segment, segment)?;
        return Ok(PathPart::Literal(segment.to_owned()));
    };
    let shape = || {
        (
            format!("`{}` is no segment that can be read", visible(segment)),
            "write one parameter in a segment, as {name:kind}".to_owned(),
        )
    };
    let (inside, after) = rest.split_once('}').ok_or_else(shape)?;
    let (name, kind) = inside.split_once(':').ok_or_else(shape)?;
    if !is_parameter(name) {
        return Err((
            format!("`{}` cannot be the name of a parameter", visible(name)),
            "write 1 to 64 of a-z, 0-9 and `_`, beginning with a letter".to_owned(),
        ));
    }
    check_literal(before, segment)?;
    check_literal(after, segment)?;
    let is_alone = before.is_empty() && after.is_empty();
    let name = name.to_owned();
    if matches!(kind, "path" | "key") && !is_alone {
        let message = format!("`{{{name}:{kind}}}` has something beside it in its segment");
        return Err((message, "write it as a segment of its own".to_owned()));
    }
    if kind == "path" {
        return Ok(PathPart::Rest { name });
    }
    let known = ["int", "id", "uuid", "date", "flag", "text", "key", "path"];
    let kind = Kind::from_name(kind).ok_or_else(|| {
        (
            format!("there is no kind `{}`", visible(kind)),
            did_you_mean(kind, &known),
        )
    })?;
    Ok(PathPart::Parameter {
        name,
        kind,
        before: before.to_owned(),
        after: after.to_owned(),
    })
}

fn is_parameter(name: &str) -> bool {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=64).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

fn check_literal(text: &str, segment: &str) -> Result<(), Fault> {
    if is_literal(text) {
        return Ok(());
    }
    Err((
        format!("`{}` is not plain", visible(segment)),
        "write segments of A-Z, a-z, 0-9 and marks, without `%`, `;`, `?`, `.` and `..`".to_owned(),
    ))
}
