//! What is kept of a description: one entry a tool.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_sdk::{Declaration, Effect as WireEffect, Undo as WireUndo, UndoTerms};

/// The content of `operations.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operations {
    /// Title and version of the description.
    pub about: String,
    /// The destination's name in the manifest.
    pub destination: String,
    /// One for each tool.
    pub operations: Vec<Operation>,
}

/// One operation of an API, as a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// The tool's name.
    pub name: String,
    /// A short name for people.
    pub title: String,
    /// What it does.
    pub text: String,
    /// The method, in upper case.
    pub method: String,
    /// Segments of the path.
    pub path: Vec<Vec<Part>>,
    /// What goes into path, query and headers.
    pub parameters: Vec<Parameter>,
    /// The content, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The effect that the tool declares.
    pub effect: Effect,
    /// How it is taken back.
    #[serde(default)]
    pub undo: Undo,
    /// JSON Schema of the input.
    pub input: Value,
    /// JSON Schema of the output.
    pub output: Value,
}

/// A part of one path segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// This very text.
    Text(String),
    /// The value of an input member.
    Input(String),
}

/// One value that a caller gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The member of the input.
    pub input: String,
    /// Its name in the request.
    pub name: String,
    /// Where it goes.
    pub carried: Carried,
    /// Whether a list repeats the name for each value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    /// The path.
    Path,
    /// The query.
    Query,
    /// A header.
    Header,
}

/// The content of a request: the input's member `body`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// The media type.
    pub content_type: String,
}

/// The effect class that a tool declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Changes nothing outside.
    Read,
    /// Changes something that can be put back.
    Write,
    /// Cannot be put back.
    Irreversible,
}

/// How a call is taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// Not at all.
    #[default]
    None,
    /// By the host, which puts back what it read before.
    Restore,
}

impl Operation {
    pub(crate) fn declaration(&self) -> Declaration {
        Declaration {
            name: self.name.clone(),
            title: self.title.clone(),
            description: self.text.clone(),
            input_schema: self.input.to_string(),
            output_schema: self.output.to_string(),
            effect: match self.effect {
                Effect::Read => WireEffect::Read,
                Effect::Write => WireEffect::Write,
                Effect::Irreversible => WireEffect::Irreversible,
            },
            undo: match self.undo {
                Undo::None => WireUndo::None,
                Undo::Restore => WireUndo::Restore,
            },
            terms: UndoTerms::default(),
        }
    }
}
