//! The queries and statements that the operator wrote into the manifest, under
//! `[config.queries.<name>]` and `[config.statements.<name>]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_sdk::{ToolError, config};

/// One query or statement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    /// The database's name in the grant.
    pub(crate) database: String,
    /// The text, with a `?` for each value.
    pub(crate) sql: String,
    /// The name of each `?`, in order.
    #[serde(default)]
    pub(crate) parameters: Vec<String>,
    /// What it is for, shown to callers.
    #[serde(default)]
    pub(crate) description: Option<String>,
}

/// All of one kind, by name.
pub(crate) type Catalog = BTreeMap<String, Named>;

/// What a caller learns about a query or statement. The SQL stays with the
/// operator: it would tell a caller about tables that it has no use for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// Its name.
    name: String,
    /// The database that it speaks to.
    database: String,
    /// The names of its parameters; each must be given.
    parameters: Vec<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// The manifest's queries.
pub(crate) fn queries() -> Result<Catalog, ToolError> {
    Ok(config::get("queries")?.unwrap_or_default())
}

/// The manifest's statements.
pub(crate) fn statements() -> Result<Catalog, ToolError> {
    Ok(config::get("statements")?.unwrap_or_default())
}

/// One by name; an unknown name is answered with those that exist.
pub(crate) fn find<'a>(
    catalog: &'a Catalog,
    kind: &str,
    name: &str,
) -> Result<&'a Named, ToolError> {
    catalog.get(name).ok_or_else(|| {
        let error = ToolError::not_found(format!("there is no {kind} `{name}`"));
        if catalog.is_empty() {
            return error.hint(format!(
                "the manifest names no {kind}; an operator can add one"
            ));
        }
        let names: Vec<&str> = catalog.keys().map(String::as_str).collect();
        error.hint(format!("there are: {}", names.join(", ")))
    })
}

/// What callers learn.
pub(crate) fn list(catalog: Catalog) -> Vec<Listed> {
    catalog
        .into_iter()
        .map(|(name, named)| listed(name, named))
        .collect()
}

fn listed(name: String, named: Named) -> Listed {
    let mut parameters: Vec<String> = Vec::new();
    for parameter in named.parameters {
        if !parameters.contains(&parameter) {
            parameters.push(parameter);
        }
    }
    Listed {
        name,
        database: named.database,
        parameters,
        description: named.description,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn catalog() -> Catalog {
        serde_json::from_value(json!({
            "order": {"database": "orders", "sql": "SELECT id FROM orders WHERE id = ? OR parent = ?",
                      "parameters": ["id", "id"]},
            "all": {"database": "orders", "sql": "SELECT id FROM orders"},
        }))
        .unwrap()
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_exist() {
        let error = find(&catalog(), "query", "orders").unwrap_err();
        let ToolError::NotFound(failure) = error else {
            panic!("it does not exist")
        };
        assert_eq!(failure.message, "there is no query `orders`");
        assert_eq!(failure.hint.unwrap(), "there are: all, order");
    }

    #[test]
    fn callers_learn_names_and_parameters_and_no_sql() {
        let listed = serde_json::to_value(list(catalog())).unwrap();
        assert_eq!(
            listed,
            json!([
                {"name": "all", "database": "orders", "parameters": []},
                {"name": "order", "database": "orders", "parameters": ["id"]},
            ])
        );
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let text = r#"{"a": {"database": "d", "sql": "s", "parameter": []}}"#;
        let error = serde_json::from_str::<Catalog>(text).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `parameter`"),
            "{error}"
        );
    }
}
