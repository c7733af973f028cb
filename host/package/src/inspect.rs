//! What a component file asks for, read without running or compiling it.
//!
//! The file comes from strangers. Nothing in it is believed but what the
//! component's own type says: a sandbox will link these imports and no others,
//! so they are the capability list, and a request that says less is refused.

use tollgate_policy::{Digest, Profile, Request, RequestError, visible};
use wasmparser::Parser;
use wit_component::DecodedWasm;
use wit_parser::{Interface, PackageName, Resolve, WorldId, WorldItem, WorldKey};

use crate::section;

/// The largest component that is read, in bytes. The largest useful one so far
/// is a Python guest of 18.5 MB; four times that leaves room, and bounds what
/// one upload can cost.
pub const COMPONENT_BYTES_MAX: usize = 80 << 20;

/// The version of the contract in `wit/` that this host speaks.
const CONTRACT_VERSION: &str = "0.1.0";

/// What a component is and asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// The digest of the file; a manifest pins it.
    pub digest: Digest,
    /// The size of the file in bytes.
    pub size: usize,
    /// The imports that the component really has, sorted: `sql.query` for a
    /// function of the contract, `wasi:clocks/wall-clock@0.2.6` for an interface
    /// of WASI, `acme:ledger/entries@1.0.0#post` for a function of an extension.
    pub imports: Vec<String>,
    /// The profile that these imports need.
    pub profile: Profile,
    /// The author's request, where the file has one.
    pub request: Option<Request>,
}

/// Why a file is no connector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// Larger than [`COMPONENT_BYTES_MAX`].
    #[error(
        "the file has {bytes} bytes, more than the {COMPONENT_BYTES_MAX} allowed for a component"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Something else entirely.
    #[error("this file is not WebAssembly; give the `.component.wasm` that `tollgate build` wrote")]
    NotWasm,
    /// A module that was not made into a component.
    #[error(
        "this file is a core WebAssembly module, not a component; build it with `tollgate build`"
    )]
    CoreModule,
    /// WIT in its binary form.
    #[error(
        "this file is a WIT package, a description without code; give a component that implements it"
    )]
    WitPackage,
    /// Broken, or made by a newer toolchain than this host understands.
    #[error("this file is not a valid component: {message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
    /// A component of another kind.
    #[error(
        "this component offers no tools: it does not export `tollgate:connector/tools@{CONTRACT_VERSION}`; it was built for another world"
    )]
    NoTools,
    /// A connector for another version of the contract.
    #[error(
        "this component uses `{found}`, and this host speaks tollgate:connector@{CONTRACT_VERSION}; rebuild it with a matching tollgate-sdk"
    )]
    OtherVersion {
        /// The interface it uses.
        found: String,
    },
    /// An import that no manifest of this host can grant.
    #[error(
        "this component imports `{import}`, which this host does not offer; remove what needs it, or build for another profile or a host that has it"
    )]
    ForeignImport {
        /// The import.
        import: String,
    },
    /// The request cannot be used.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// More than one request.
    #[error(
        "this component has more than one `{}` section, so what it asks for is ambiguous; rebuild it with `tollgate build`",
        Request::SECTION
    )]
    SeveralRequests,
    /// The request does not tell the truth.
    #[error(
        "this component's request does not match it: it says {said}, and the component has {has}; rebuild it with `tollgate build`"
    )]
    RequestDiffers {
        /// The request's word.
        said: String,
        /// What is true.
        has: String,
    },
}

impl PackageError {
    /// A parser's error. Its text can quote names of the file, so it is made
    /// visible before it reaches a terminal.
    pub(crate) fn malformed(error: impl std::fmt::Display) -> Self {
        Self::Malformed {
            message: visible(&format!("{error:#}")).to_string(),
        }
    }
}

/// Reads a component.
///
/// # Errors
/// The file is no component, or not one that a Tollgate host can run.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, PackageError> {
    inspect_for(bytes, &[])
}

/// Reads a component for a host that offers these interfaces beside the
/// contract and WASI, for example `acme:ledger/entries@1.0.0`.
///
/// # Errors
/// The file is no component, or not one that such a host can run.
pub fn inspect_for(bytes: &[u8], extensions: &[&str]) -> Result<Inspection, PackageError> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(PackageError::TooLarge { bytes: bytes.len() });
    }
    let (resolve, world) = decode(bytes)?;
    check_tools(&resolve, world)?;
    let imports = imports(&resolve, world, extensions)?;
    let profile = profile_of(&imports);
    let request = section::read(bytes)?;
    if let Some(request) = &request {
        check_request(request, &imports, profile)?;
    }
    Ok(Inspection {
        digest: Digest::of(bytes),
        size: bytes.len(),
        imports,
        profile,
        request,
    })
}

fn decode(bytes: &[u8]) -> Result<(Resolve, WorldId), PackageError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(PackageError::NotWasm);
    }
    if Parser::is_core_wasm(bytes) {
        return Err(PackageError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(PackageError::malformed("its version is unknown"));
    }
    // The decoder takes some bytes for impossible that a stranger can write (a
    // type changed into one that its place never has): that is no reason to end
    // the process, which may be a host's.
    let decoded = std::panic::catch_unwind(|| wit_component::decode(bytes))
        .map_err(|_| PackageError::malformed("the decoder gave up on it"))?;
    match decoded.map_err(PackageError::malformed)? {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => Err(PackageError::WitPackage),
    }
}

fn check_tools(resolve: &Resolve, world: WorldId) -> Result<(), PackageError> {
    let mut other = None;
    for (key, _) in &resolve.worlds[world].exports {
        let Some((package, interface)) = named(resolve, key) else {
            continue;
        };
        if !is_contract(package) || interface.name.as_deref() != Some("tools") {
            continue;
        }
        if is_our_version(package) {
            return Ok(());
        }
        other = Some(resolve.name_world_key(key));
    }
    Err(
        other.map_or(PackageError::NoTools, |found| PackageError::OtherVersion {
            found: visible(&found).to_string(),
        }),
    )
}

/// The imports by name, sorted and without doubles.
fn imports(
    resolve: &Resolve,
    world: WorldId,
    extensions: &[&str],
) -> Result<Vec<String>, PackageError> {
    let mut names = Vec::new();
    for (key, item) in &resolve.worlds[world].imports {
        let foreign = || PackageError::ForeignImport {
            import: visible(&resolve.name_world_key(key)).to_string(),
        };
        if matches!(item, WorldItem::Type { .. }) {
            continue;
        }
        let (package, interface) = named(resolve, key).ok_or_else(foreign)?;
        match package.namespace.as_str() {
            _ if is_contract(package) && !is_our_version(package) => {
                let found = visible(&resolve.name_world_key(key)).to_string();
                return Err(PackageError::OtherVersion { found });
            }
            _ if is_contract(package) => names.extend(functions(interface)),
            "wasi" => names.push(resolve.name_world_key(key)),
            // Nothing of the contract's package comes this way, whatever is listed.
            namespace if namespace != "tollgate" => {
                let name = resolve.name_world_key(key);
                if !extensions.contains(&name.as_str()) {
                    return Err(foreign());
                }
                let functions = interface.functions.keys();
                names.extend(functions.map(|function| format!("{name}#{function}")));
            }
            _ => return Err(foreign()),
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn named<'a>(resolve: &'a Resolve, key: &WorldKey) -> Option<(&'a PackageName, &'a Interface)> {
    let WorldKey::Interface(id) = key else {
        return None;
    };
    let interface = &resolve.interfaces[*id];
    let package = &resolve.packages[interface.package?];
    Some((&package.name, interface))
}

fn is_contract(package: &PackageName) -> bool {
    package.namespace == "tollgate" && package.name == "connector"
}

fn is_our_version(package: &PackageName) -> bool {
    package
        .version
        .as_ref()
        .is_some_and(|version| version.to_string() == CONTRACT_VERSION)
}

fn functions(interface: &Interface) -> impl Iterator<Item = String> {
    let name = interface.name.as_deref().unwrap_or_default();
    interface
        .functions
        .keys()
        .map(move |function| format!("{name}.{function}"))
}

fn profile_of(imports: &[String]) -> Profile {
    if imports.iter().any(|import| import.starts_with("wasi:")) {
        Profile::Wasi
    } else {
        Profile::Sealed
    }
}

fn check_request(
    request: &Request,
    imports: &[String],
    profile: Profile,
) -> Result<(), PackageError> {
    if request.imports != imports {
        let said = request.imports.join(", ");
        return Err(PackageError::RequestDiffers {
            said,
            has: imports.join(", "),
        });
    }
    if request.profile == Profile::Sealed && profile == Profile::Wasi {
        let said = "the profile `sealed`".to_owned();
        return Err(PackageError::RequestDiffers {
            said,
            has: imports.join(", "),
        });
    }
    Ok(())
}
