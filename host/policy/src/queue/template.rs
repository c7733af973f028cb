//! What is sent of an item: the operator's words with places for the item's typed
//! fields. What a connector or an agent wrote is not among them: it stays sealed, and
//! is read by whoever opens the item.
//!
//! The attack: a case or a principal is named `<!channel> approved <https://evil>`,
//! and the chat that the owner watches shows it as its own markup. A value has
//! letters, digits and a few signs that mean nothing in any of these systems, and is
//! cut; only the operator's words stand as they are.

use serde_json::{Map, Value};

/// The longest value of a field, characters.
const VALUE_CHARS_MAX: usize = 128;

/// Longest text of a template, bytes, and how deep a template may be.
const TEXT_BYTES_MAX: usize = 4_096;
const DEPTH_MAX: usize = 8;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A field of an item that may leave the host.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ItemField { $($(#[$doc])* $name,)* }

        impl ItemField {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name between the braces.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

fields! {
    /// The item's identifier.
    Id = "id",
    /// Whose it is.
    Tenant = "tenant",
    /// The queue's name.
    Queue = "queue",
    /// Who owns it.
    Owner = "owner",
    /// The failure's class.
    Class = "class",
    /// The run.
    Run = "run",
    /// Its hand-off.
    Case = "case",
    /// The connector.
    Connector = "connector",
    /// The tool.
    Tool = "tool",
    /// Who asked for the run.
    Principal = "principal",
    /// Leaf hash of the record that tells why.
    Record = "record",
    /// When it was put there, RFC 3339.
    Created = "created",
}

/// The input of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct InputTemplate {
    /// As the operator wrote it.
    written: Value,
    root: Node,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Fixed(Value),
    Text(Vec<Part>),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Words(String),
    Field(ItemField),
}

impl InputTemplate {
    /// A template from JSON, in whose texts `{class}` stands for a field and `{{` for
    /// a brace.
    ///
    /// # Errors
    ///
    /// When a field is not known, a brace is not closed, or it is too large.
    pub fn new(written: Value) -> Result<Self, String> {
        let root = node(&written, 0)?;
        Ok(Self { written, root })
    }

    /// As the operator wrote it; what a standing approval is for.
    #[must_use]
    pub const fn written(&self) -> &Value {
        &self.written
    }

    /// The input for an item.
    pub fn render(&self, value: impl Fn(ItemField) -> String) -> Value {
        rendered(&self.root, &value)
    }
}

fn node(written: &Value, depth: usize) -> Result<Node, String> {
    if depth > DEPTH_MAX {
        return Err(format!("it is more than {DEPTH_MAX} levels deep"));
    }
    Ok(match written {
        Value::String(text) => Node::Text(parts(text)?),
        Value::Array(list) => {
            let nodes = list.iter().map(|one| node(one, depth + 1));
            Node::List(nodes.collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let nodes = members
                .iter()
                .map(|(name, one)| Ok((name.clone(), node(one, depth + 1)?)));
            Node::Object(nodes.collect::<Result<_, String>>()?)
        }
        fixed => Node::Fixed(fixed.clone()),
    })
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("a text has more than {TEXT_BYTES_MAX} bytes"));
    }
    let (mut parts, mut words, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find('{') {
        words.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            words.push('{');
            rest = after;
            continue;
        }
        let Some(end) = rest.find('}') else {
            return Err("a `{` is not closed; write `{{` for a brace".to_owned());
        };
        let field = field(&rest[..end])?;
        if !words.is_empty() {
            parts.push(Part::Words(std::mem::take(&mut words)));
        }
        parts.push(Part::Field(field));
        rest = &rest[end + 1..];
    }
    words.push_str(rest);
    if !words.is_empty() {
        parts.push(Part::Words(words));
    }
    Ok(parts)
}

fn field(name: &str) -> Result<ItemField, String> {
    let found = ItemField::ALL.iter().find(|field| field.as_str() == name);
    found.copied().ok_or_else(|| {
        let known: Vec<&str> = ItemField::ALL.iter().map(|field| field.as_str()).collect();
        format!(
            "an item has no such field; write one of `{{{}}}`",
            known.join("}`, `{")
        )
    })
}

fn rendered(node: &Node, value: &impl Fn(ItemField) -> String) -> Value {
    match node {
        Node::Fixed(fixed) => fixed.clone(),
        Node::Text(parts) => {
            let texts = parts.iter().map(|part| match part {
                Part::Words(words) => words.clone(),
                Part::Field(field) => plain(&value(*field)),
            });
            Value::String(texts.collect())
        }
        Node::List(nodes) => nodes.iter().map(|node| rendered(node, value)).collect(),
        Node::Object(members) => {
            let members = members
                .iter()
                .map(|(name, node)| (name.clone(), rendered(node, value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

/// A value with nothing in it that any system takes for more than a text: without
/// `/` and `@` it is no address either.
fn plain(text: &str) -> String {
    let harmless = |c: char| {
        let sign = matches!(c, '-' | '_' | '.' | ':' | '+');
        if c.is_ascii_alphanumeric() || sign {
            c
        } else {
            '_'
        }
    };
    text.chars().take(VALUE_CHARS_MAX).map(harmless).collect()
}
