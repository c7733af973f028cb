//! Reading a whole file.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_policy::FileVerb;
use wasmtime::component::{ComponentType, Lift, Lower};

use super::directory::{read_file, with_directory};
use super::place::{Place, describe_place};
use super::{FilesError, INTERFACE, version};
use crate::capability::Backends;
use crate::door::{Described, Imported, Operation, Performed, Prior, Refusal, Scope};
use crate::exact::Base64;

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Content {
    bytes: Vec<u8>,
    version: String,
}

/// A file's content as it is recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecordedContent {
    bytes: Base64,
    version: String,
}

/// Read a whole file.
pub(crate) struct Read;

impl Operation for Read {
    const CALL: &'static str = "files.read";
    type Arguments = (String, String);
    type Reply = Result<RecordedContent, FilesError>;
    type Plan = Place;

    fn describe(
        (directory, path): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Place, Self::Reply> {
        describe_place(scope, directory, &path, FileVerb::Read, json!({}), Err)
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(FilesError::Refused(refusal))
    }

    async fn perform(
        place: Place,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let (tenant, directory) = (place.tenant.clone(), place.directory.clone());
        let content = with_directory(backends, &tenant, &directory, move |dir| {
            let bytes = read_file(dir, &place.path, place.max_size)?.ok_or(FilesError::NotFound)?;
            Ok(RecordedContent {
                version: version(&bytes),
                bytes: Base64(bytes),
            })
        });
        Performed::answered(content.await)
    }
}

impl Imported for Read {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "read";
    type Results = (Result<Content, FilesError>,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply.map(|content| Content {
            bytes: content.bytes.0,
            version: content.version,
        }),)
    }
}
