//! The connector of the README: the smallest useful one. Its size is the size
//! that the README promises.

use tollgate_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Greet {
    /// Whom to greet.
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    text: String,
}

/// Greets someone by name.
#[tool(title = "Greet", effect = "read")]
fn greet(input: Greet) -> Result<Greeting, ToolError> {
    Ok(Greeting {
        text: format!("Hello, {}", input.name),
    })
}

connector!(greet);
