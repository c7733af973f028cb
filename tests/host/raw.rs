//! Guests written by hand, for what no compiler would make.

use tollgate_policy::Digest;
use tollgate_tests::workspace;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::house::House;

/// Where the description lies in the guest's memory: one tool called `bomb`.
const TOOL: &str = r#"
  (data (i32.const 16) "\20\00\00\00\01\00\00\00")
  (data (i32.const 32)
    "\00\01\00\00\04\00\00\00"  ;; name
    "\00\01\00\00\04\00\00\00"  ;; title
    "\00\01\00\00\04\00\00\00"  ;; description
    "\10\01\00\00\02\00\00\00"  ;; input schema
    "\10\01\00\00\02\00\00\00"  ;; output schema
    "\00\00\00\00"              ;; read
    "\00\00\00\00\00\00\00\00\00\00\00\00") ;; no undo
  (data (i32.const 256) "bomb")
  (data (i32.const 272) "{}")
"#;

/// A component whose only tool executes `body`. `more` is beside its functions.
pub(crate) fn component(body: &str, more: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
  (memory (export "memory") 1)
  {TOOL}
  {more}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
  (func (export "tollgate:connector/tools@0.1.0#describe") (result i32) i32.const 16)
  (func (export "tollgate:connector/tools@0.1.0#call")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    {body}
    unreachable))"#
    );
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    resolve.push_dir(workspace().join("wit")).unwrap();
    let world = "package test:raw;\nworld raw { export tollgate:connector/tools@0.1.0; }\n";
    let package = resolve.push_str("raw.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("raw")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap()
}

/// Install such a component as `raw`.
pub(crate) async fn install(
    house: &House,
    component: &[u8],
    limits: &str,
) -> Result<(), tollgate_runtime::InstallError> {
    let manifest = format!(
        "connector = \"raw\"\ncomponent = \"{}\"\n[limits]\n{limits}\n[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n",
        Digest::of(component)
    );
    house
        .host
        .install("m", &manifest, component, "operator")
        .await
        .map(drop)
}
