//! The attribute of tollgate-sdk.
//!
//! A crate of its own because Rust wants procedural macros apart. Authors never
//! name it: `tollgate_sdk::tool` is this attribute.
//!
//! - `options`: what stands inside `#[tool(...)]`, read and judged.
//! - `expand`: the function, its signature and what is generated beside it.

mod expand;
mod options;

use proc_macro::TokenStream;

/// Makes a function a tool.
///
/// The doc comment becomes the tool's description. `effect` is `"read"`,
/// `"write"` or `"irreversible"`; a write says how it is taken back: `undo`
/// names the tool that does it, or is `"restore"`, and then the host puts back
/// the values it captured. An irreversible tool may name the tool that
/// compensates its call with a trace (`compensate`). `window = "30d"` says for how
/// long, `precondition` in one sentence under what condition; `undo_only` marks a
/// tool that may be called only to take another call back. `title` and `name` are
/// derived from the function's name where they are missing.
///
/// ```text
/// /// Greets someone by name.
/// #[tool(title = "Greet", effect = "read")]
/// fn greet(input: Greet) -> Result<Greeting, ToolError> { … }
/// ```
#[proc_macro_attribute]
pub fn tool(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::tool(options.into(), function.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
