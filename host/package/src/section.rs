//! The custom section that carries the request.
//!
//! It stands at component level, where any tool that reads components finds it,
//! and not in a file beside the component, which could be swapped. It is found
//! by its place, too: a section of that name inside a nested module is data of
//! the guest and not the author's word.

use std::borrow::Cow;

use tollgate_policy::Request;
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::{Parser, Payload};

use crate::inspect::PackageError;

/// Appends a request to a component.
///
/// # Errors
/// The request cannot be written as JSON.
pub fn embed(component: &mut Vec<u8>, request: &Request) -> Result<(), serde_json::Error> {
    let data = serde_json::to_vec(request)?;
    CustomSection {
        name: Cow::Borrowed(Request::SECTION),
        data: Cow::Owned(data),
    }
    .append_to_component(component);
    Ok(())
}

/// The request of a component, or nothing where it has none.
///
/// Two sections are refused: a reviewer's tool could show one of them while the
/// host reads the other.
pub(crate) fn read(component: &[u8]) -> Result<Option<Request>, PackageError> {
    let mut sections = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(PackageError::malformed)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == Request::SECTION => {
                sections.push(section.data());
            }
            _ => {}
        }
    }
    match sections.as_slice() {
        [] => Ok(None),
        [data] => Ok(Some(Request::parse(data)?)),
        _ => Err(PackageError::SeveralRequests),
    }
}
