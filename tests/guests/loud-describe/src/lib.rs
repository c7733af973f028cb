//! A connector that calls an import while it is described. A host refuses it:
//! what a component says about itself must not depend on what it is told.

use std::borrow::Cow;

use schemars::{Schema, SchemaGenerator, json_schema};
use tollgate_sdk::prelude::*;

#[derive(Serialize)]
struct Loud {}

impl JsonSchema for Loud {
    fn schema_name() -> Cow<'static, str> {
        "Loud".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        log::info!("someone is reading my description");
        json_schema!({"type": "object"})
    }
}

/// Does nothing.
#[tool(effect = "read")]
fn nothing() -> Result<Loud, ToolError> {
    Ok(Loud {})
}

connector!(nothing);
