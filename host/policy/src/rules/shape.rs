//! What a JSON Schema says of one field: is it there, and which types has it?
//!
//! Only the parts of JSON Schema are read that tools are described with; what
//! else a schema says makes a field open, so that no right rule is refused.

use serde_json::Value;

/// How many references are followed for one field.
const DEPTH_MAX: usize = 32;

/// A set of JSON types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOL: Self = Self(2);
    pub(crate) const NUMBER: Self = Self(4);
    pub(crate) const TEXT: Self = Self(8);
    pub(crate) const LIST: Self = Self(16);
    pub(crate) const OBJECT: Self = Self(32);
    pub(crate) const ALL: Self = Self(63);
    pub(crate) const SCALAR: Self = Self(2 | 4 | 8);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.and(other) == other
    }

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOL,
            "number" | "integer" => Self::NUMBER,
            "string" => Self::TEXT,
            "array" => Self::LIST,
            "object" => Self::OBJECT,
            _ => Self::ALL,
        }
    }

    /// The type of a value.
    pub(crate) const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOL,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::TEXT,
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

impl std::fmt::Display for Kinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = [
            (Self::BOOL, "true or false"),
            (Self::NUMBER, "a number"),
            (Self::TEXT, "a text"),
            (Self::LIST, "a list"),
            (Self::OBJECT, "an object"),
        ];
        let names: Vec<_> = names
            .into_iter()
            .filter(|(kind, _)| self.has(*kind))
            .map(|(_, name)| name)
            .collect();
        f.write_str(if names.is_empty() { "null" } else { "" })?;
        f.write_str(&names.join(" or "))
    }
}

/// What is known of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape<'s> {
    /// Anything may stand there.
    Open,
    /// It has one of these types, and one of these values where they are listed.
    Known(Kinds, Option<Vec<&'s Value>>),
    /// There is no such field; these there are beside it.
    Missing(Vec<&'s str>),
}

/// The shape of the field at these names below a schema.
pub(crate) fn find<'s>(schema: &'s Value, path: &[&str]) -> Shape<'s> {
    below(schema, schema, path, DEPTH_MAX)
}

fn below<'s>(root: &'s Value, schema: &'s Value, path: &[&str], depth: usize) -> Shape<'s> {
    let Value::Object(words) = schema else {
        return match schema {
            Value::Bool(false) => Shape::Missing(Vec::new()),
            _ => Shape::Open,
        };
    };
    let Some(depth) = depth.checked_sub(1) else {
        return Shape::Open;
    };
    let all = |list: &'s Value| {
        let list = list.as_array().map_or(&[][..], Vec::as_slice);
        list.iter().map(|one| below(root, one, path, depth))
    };
    let mut parts: Vec<Shape<'s>> = Vec::new();
    if let Some(target) = words.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|at| root.pointer(at));
        parts.push(target.map_or(Shape::Open, |target| below(root, target, path, depth)));
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(list) = words.get(word) {
            parts.push(all(list).reduce(either).unwrap_or(Shape::Open));
        }
    }
    if let Some(list) = words.get("allOf") {
        parts.extend(all(list));
    }
    let says_own = [
        "type",
        "properties",
        "items",
        "prefixItems",
        "enum",
        "const",
    ]
    .iter()
    .any(|word| words.contains_key(*word))
        || words.contains_key("additionalProperties");
    if says_own || parts.is_empty() {
        parts.push(own(root, schema, path, depth));
    }
    parts.into_iter().reduce(both).unwrap_or(Shape::Open)
}

/// What a schema says by itself.
fn own<'s>(root: &'s Value, schema: &'s Value, path: &[&str], depth: usize) -> Shape<'s> {
    let kinds = kinds(schema);
    let Some((name, rest)) = path.split_first() else {
        let values = match (schema.get("enum"), schema.get("const")) {
            (Some(Value::Array(values)), _) => Some(values.iter().collect()),
            (_, Some(value)) => Some(vec![value]),
            _ => None,
        };
        return match (kinds, &values) {
            (Kinds::ALL, None) => Shape::Open,
            _ => Shape::Known(kinds, values),
        };
    };
    let mut found = Vec::new();
    if kinds.has(Kinds::OBJECT) {
        found.push(member(root, schema, (name, rest), depth));
    }
    if let Ok(position) = name.parse::<usize>()
        && kinds.has(Kinds::LIST)
    {
        let fixed = schema
            .get("prefixItems")
            .and_then(|list| list.get(position));
        let item = fixed.or_else(|| schema.get("items"));
        found.push(item.map_or(Shape::Open, |item| below(root, item, rest, depth)));
    }
    found
        .into_iter()
        .reduce(either)
        .unwrap_or(Shape::Missing(Vec::new()))
}

fn member<'s>(
    root: &'s Value,
    schema: &'s Value,
    (name, rest): (&str, &[&str]),
    depth: usize,
) -> Shape<'s> {
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(property) = properties.and_then(|all| all.get(name)) {
        return below(root, property, rest, depth);
    }
    let names = || properties.map_or_else(Vec::new, |all| all.keys().map(String::as_str).collect());
    if schema.get("patternProperties").is_some() {
        return Shape::Open;
    }
    match schema.get("additionalProperties") {
        Some(Value::Bool(false)) => Shape::Missing(names()),
        Some(other) => below(root, other, rest, depth),
        // Such a schema takes other members as well, and the tool does not look at
        // them: a rule about one would be about nothing.
        None if properties.is_some_and(|all| !all.is_empty()) => Shape::Missing(names()),
        None => Shape::Open,
    }
}

fn kinds(schema: &Value) -> Kinds {
    let one = |name: &Value| name.as_str().map_or(Kinds::ALL, Kinds::named);
    match schema.get("type") {
        Some(Value::Array(names)) => names.iter().map(one).fold(Kinds::NONE, Kinds::or),
        Some(name) => one(name),
        None => {
            let has = |word: &str| schema.get(word).is_some();
            if let Some(Value::Array(values)) = schema.get("enum") {
                values.iter().map(Kinds::of).fold(Kinds::NONE, Kinds::or)
            } else if let Some(value) = schema.get("const") {
                Kinds::of(value)
            } else if has("properties") {
                Kinds::OBJECT
            } else if has("items") {
                Kinds::LIST
            } else {
                Kinds::ALL
            }
        }
    }
}

/// The shape where one of two schemas holds.
fn either<'s>(a: Shape<'s>, b: Shape<'s>) -> Shape<'s> {
    match (a, b) {
        (Shape::Open, _) | (_, Shape::Open) => Shape::Open,
        (Shape::Missing(mut a), Shape::Missing(b)) => {
            a.extend(b);
            Shape::Missing(a)
        }
        (Shape::Missing(_), known) | (known, Shape::Missing(_)) => known,
        (Shape::Known(a, one), Shape::Known(b, two)) => {
            let values = one.zip(two).map(|(mut one, two)| {
                one.extend(two);
                one
            });
            Shape::Known(a.or(b), values)
        }
    }
}

/// The shape where two schemas hold at once. A field that one of them names is
/// there, whatever the other leaves out.
fn both<'s>(a: Shape<'s>, b: Shape<'s>) -> Shape<'s> {
    match (a, b) {
        (Shape::Known(a, one), Shape::Known(b, two)) => Shape::Known(a.and(b), one.or(two)),
        (known @ Shape::Known(..), _) | (_, known @ Shape::Known(..)) => known,
        (Shape::Missing(mut a), Shape::Missing(b)) => {
            a.extend(b);
            Shape::Missing(a)
        }
        (Shape::Open, _) | (_, Shape::Open) => Shape::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_has_the_types_that_its_schema_gives_it() {
        let schema = json!({
            "type": "object",
            "$defs": { "Money": { "type": "object", "properties": { "cents": { "type": "integer" } } },
                       "Loop": { "$ref": "#/$defs/Loop" } },
            "properties": {
                "name": { "type": ["string", "null"] },
                "state": { "enum": ["open", "closed"] },
                "maybe": { "anyOf": [{ "$ref": "#/$defs/Money" }, { "type": "null" }] },
                "part": { "allOf": [{ "$ref": "#/$defs/Money" }], "description": "d" },
                "items": { "type": "array", "items": { "properties": { "n": { "type": "number" } } } },
                "free": { "type": "object" },
                "map": { "type": "object", "additionalProperties": { "type": "string" } },
                "closed": { "type": "object", "additionalProperties": false },
                "loop": { "$ref": "#/$defs/Loop" },
                "any": true
            }
        });
        let known = |kinds| Shape::Known(kinds, None);
        for (path, expected) in [
            ("name", known(Kinds::TEXT.or(Kinds::NULL))),
            ("maybe.cents", known(Kinds::NUMBER)),
            ("part.cents", known(Kinds::NUMBER)),
            ("items.0.n", known(Kinds::NUMBER)),
            ("items", known(Kinds::LIST)),
            ("free.x.y", Shape::Open),
            ("map.x", known(Kinds::TEXT)),
            ("loop.x", Shape::Open),
            ("any.x", Shape::Open),
            ("closed.x", Shape::Missing(vec![])),
            ("maybe.cent", Shape::Missing(vec!["cents"])),
            ("name.x", Shape::Missing(vec![])),
            ("items.n", Shape::Missing(vec![])),
        ] {
            let path: Vec<&str> = path.split('.').collect();
            assert_eq!(find(&schema, &path), expected, "{path:?}");
        }
        assert!(matches!(find(&schema, &["stat"]), Shape::Missing(names) if names.len() == 10));
        assert!(
            matches!(find(&schema, &["state"]), Shape::Known(Kinds::TEXT, Some(values)) if values.len() == 2)
        );
        assert_eq!(find(&json!({}), &["x"]), Shape::Open);
    }
}
