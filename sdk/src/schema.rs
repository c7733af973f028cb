//! JSON Schemas (2020-12) of inputs and outputs.
//!
//! Subschemas are written in place, because many callers follow no `$ref`; a
//! type that contains itself still gets one. The `$schema` line is left out:
//! the contract fixes the draft.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// The schema of what a tool accepts.
pub(crate) fn of_input<T: JsonSchema>() -> String {
    write::<T>(settings().for_deserialize())
}

/// The schema of what a tool returns.
pub(crate) fn of_output<T: JsonSchema>() -> String {
    write::<T>(settings().for_serialize())
}

fn settings() -> SchemaSettings {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    settings
}

/// Asks for a part and not for a root: a root takes transforms and titles with
/// it that nobody asked for, and twenty kilobytes of code.
fn write<T: JsonSchema>(settings: SchemaSettings) -> String {
    let mut generator = settings.into_generator();
    let schema = generator.subschema_for::<T>();
    finish(schema, generator.take_definitions(false))
}

fn finish(mut schema: Schema, definitions: serde_json::Map<String, serde_json::Value>) -> String {
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), definitions.into());
    }
    schema.as_value().to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::{Value, json};

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Tree {
        /// What hangs here.
        label: Label,
        below: Vec<Tree>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Label {
        text: String,
    }

    fn schema() -> Value {
        serde_json::from_str(&of_input::<Tree>()).unwrap()
    }

    #[test]
    fn parts_are_written_in_place() {
        let label = &schema()["properties"]["label"];
        assert_eq!(label["properties"]["text"], json!({"type": "string"}));
        assert_eq!(label["description"], "What hangs here.");
        assert!(schema().get("$schema").is_none());
    }

    #[test]
    fn a_type_that_contains_itself_has_a_definition() {
        let schema = schema();
        let reference = schema["properties"]["below"]["items"]["$ref"]
            .as_str()
            .unwrap();
        let pointer = reference.strip_prefix('#').unwrap();
        assert_eq!(schema.pointer(pointer).unwrap()["type"], "object");
    }
}
