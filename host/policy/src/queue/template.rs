//! What is sent of an item or of a pending approval: the operator's words with places
//! for its typed fields. What a connector or an agent wrote is not among them: it stays sealed, and
//! is read by whoever opens the item.
//!
//! The attack: a case or a principal is named `<!channel> approved <https://evil>`,
//! and the chat that the owner watches shows it as its own markup. A value has
//! letters, digits and a few signs that mean nothing in any of these systems, and is
//! cut; only the operator's words stand as they are.

use std::fmt::Debug;

use serde_json::{Map, Value};

use crate::manifest::did_you_mean;

/// The longest value of a field, characters.
const VALUE_CHARS_MAX: usize = 128;

/// Longest text of a template, bytes, and how deep a template may be.
const TEXT_BYTES_MAX: usize = 4_096;
const DEPTH_MAX: usize = 8;

/// What a template may say of one kind of thing.
pub trait TemplateField: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// Every one of them.
    const ALL: &'static [Self];

    /// What they are fields of, for messages.
    const OF: &'static str;

    /// Its name between the braces.
    fn as_str(self) -> &'static str;

    /// Whether its value is made of the operator's words and the host's own names
    /// alone, and so stands as it is.
    fn is_operators(self) -> bool;
}

macro_rules! fields {
    (
        $(#[$about:meta])* $type:ident of $of:literal, as it is [$($own:ident),*];
        $($(#[$doc:meta])* $name:ident = $text:literal,)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$doc])* $name,)* }

        impl TemplateField for $type {
            const ALL: &'static [Self] = &[$(Self::$name,)*];
            const OF: &'static str = $of;

            fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            fn is_operators(self) -> bool {
                let own: &[Self] = &[$(Self::$own),*];
                own.contains(&self)
            }
        }
    };
}

fields! {
    /// A field of an item that may leave the host.
    ItemField of "an item", as it is [];
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

fields! {
    /// A field of a pending approval that may leave the host. What the call would do
    /// and why is sealed, and is read by whoever signs in.
    ApprovalField of "an approval", as it is [Link];
    /// The approval's identifier.
    Id = "id",
    /// Its name in the manifest.
    Approval = "approval",
    /// Whose it is.
    Tenant = "tenant",
    /// The connector.
    Connector = "connector",
    /// The tool.
    Tool = "tool",
    /// The hand-off.
    Case = "case",
    /// The held run.
    Run = "run",
    /// Who asked for the run.
    Requester = "requester",
    /// Who may decide, with `+` between two.
    Approvers = "approvers",
    /// Until when, RFC 3339.
    DecideBy = "decide_by",
    /// The call's effect class.
    Effect = "effect",
    /// How many people must say yes.
    Quorum = "quorum",
    /// The page where a person signs in and decides. It carries no credential.
    Link = "link",
    /// What a signed callback must name of the approval: a short form of its digest,
    /// which nobody can make who was not told. By itself it decides nothing.
    Digest = "digest",
}

/// The input of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct InputTemplate<F = ItemField> {
    /// As the operator wrote it.
    written: Value,
    root: Node<F>,
}

#[derive(Clone, Debug, PartialEq)]
enum Node<F> {
    Fixed(Value),
    Text(Vec<Part<F>>),
    List(Vec<Node<F>>),
    Object(Vec<(String, Node<F>)>),
}

#[derive(Clone, Debug, PartialEq)]
enum Part<F> {
    Words(String),
    Field(F),
}

impl<F: TemplateField> InputTemplate<F> {
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

    /// The input for one item, or for one approval.
    pub fn render(&self, value: impl Fn(F) -> String) -> Value {
        rendered(&self.root, &value)
    }

    /// Whether it has a place for this field.
    #[must_use]
    pub fn uses(&self, field: F) -> bool {
        uses(&self.root, field)
    }
}

fn node<F: TemplateField>(written: &Value, depth: usize) -> Result<Node<F>, String> {
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

fn parts<F: TemplateField>(text: &str) -> Result<Vec<Part<F>>, String> {
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

fn field<F: TemplateField>(name: &str) -> Result<F, String> {
    let found = F::ALL.iter().find(|field| field.as_str() == name);
    found.copied().ok_or_else(|| {
        let known: Vec<&str> = F::ALL.iter().map(|field| field.as_str()).collect();
        let advice = did_you_mean(name, &known);
        format!("{} has no such field; {advice}", F::OF)
    })
}

fn uses<F: TemplateField>(node: &Node<F>, field: F) -> bool {
    match node {
        Node::Fixed(_) => false,
        Node::Text(parts) => parts.contains(&Part::Field(field)),
        Node::List(nodes) => nodes.iter().any(|one| uses(one, field)),
        Node::Object(members) => members.iter().any(|(_, one)| uses(one, field)),
    }
}

fn rendered<F: TemplateField>(node: &Node<F>, value: &impl Fn(F) -> String) -> Value {
    match node {
        Node::Fixed(fixed) => fixed.clone(),
        Node::Text(parts) => {
            let texts = parts.iter().map(|part| match part {
                Part::Words(words) => words.clone(),
                Part::Field(field) if field.is_operators() => value(*field),
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
