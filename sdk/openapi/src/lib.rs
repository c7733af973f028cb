//! Tools made of an API's description (OpenAPI 3), for connectors without code.
//!
//! `tollgate new billing --openapi billing.yaml` reads the description once and
//! writes what tools need of it into `operations.json`; the connector is then
//!
//! ```text
//! tollgate_openapi::connector!("operations.json");
//! ```
//!
//! Nothing of the description decides what the connector may do: routes, effect
//! classes and the credential are the manifest's.

mod call;
mod operation;

use std::sync::OnceLock;

use tollgate_sdk::{Connector, Context, Declaration, Outcome, ToolError};

pub use operation::{Body, Carried, Effect, Operation, Operations, Parameter, Part, Undo};

#[doc(hidden)]
pub use tollgate_sdk;

/// The text of a connector's `operations.json`.
pub trait Described {
    /// JSON of [`Operations`].
    const OPERATIONS: &'static str;
}

/// The connector of a description.
#[derive(Debug)]
pub struct Api<D>(std::marker::PhantomData<D>);

/// Makes a connector of the operations in a file beside this one. Once a crate,
/// at its root.
#[macro_export]
macro_rules! connector {
    ($file:literal) => {
        #[doc(hidden)]
        #[derive(Debug)]
        pub struct Description;

        impl $crate::Described for Description {
            const OPERATIONS: &'static str = ::core::include_str!($file);
        }

        $crate::tollgate_sdk::connector!(for $crate::Api<Description>);
    };
}

impl<D: Described> Connector for Api<D> {
    fn describe() -> Vec<Declaration> {
        let Ok(operations) = read(D::OPERATIONS) else {
            return Vec::new();
        };
        operations
            .operations
            .iter()
            .map(Operation::declaration)
            .collect()
    }

    fn call(context: &Context, tool: &str, input: &str) -> Option<Result<Outcome, ToolError>> {
        let _ = context;
        let operations = match read(D::OPERATIONS) {
            Ok(operations) => operations,
            Err(error) => return Some(Err(error)),
        };
        let operation = operations.operations.iter().find(|o| o.name == tool)?;
        Some(call::call(&operations.destination, operation, input))
    }
}

/// Read once an instance.
fn read(text: &str) -> Result<&'static Operations, ToolError> {
    static READ: OnceLock<Result<Operations, String>> = OnceLock::new();
    let read = READ.get_or_init(|| serde_json::from_str(text).map_err(|error| error.to_string()));
    read.as_ref()
        .map_err(|error| ToolError::failed(format!("operations.json cannot be read: {error}")))
}
