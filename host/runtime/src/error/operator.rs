//! What stops an operator.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tollgate_policy::ManifestErrors;
use tollgate_store::StoreError;

use super::JournalFault;
use crate::sandbox::SandboxError;

/// Why a credential does not establish a principal.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No principal has this token, or it was revoked.
    #[error("the token is not known, or was revoked")]
    Unknown,
    /// The store cannot be read.
    #[error("credentials cannot be checked now: {0}")]
    Unavailable(String),
}

/// Why a host does not start or go on. The operator's business.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// A name that no principal or group can have.
    #[error("`{name}` cannot be the name of {what}; write {rule}")]
    Name {
        /// The name, made visible.
        name: String,
        /// What it should have named.
        what: &'static str,
        /// What such names are made of.
        rule: &'static str,
    },
    /// A trigger does not bring what a case of its workflow begins with.
    #[error("{0}")]
    TriggerUnfit(String),
    /// A key cannot be registered for somebody.
    #[error("the key cannot be registered: {0}")]
    KeyUnfit(&'static str),
    /// A name at a sign-in provider cannot be registered for somebody.
    #[error("the name at the sign-in provider cannot be registered: {0}")]
    NameUnfit(&'static str),
    /// A password cannot be somebody's.
    #[error(transparent)]
    Password(#[from] tollgate_identity::password::PasswordError),
    /// The keys in the home are not those that the store's values are sealed with.
    #[error(
        "the key ring in {path} is not the one this store was written with: copy the folder `keys` of a host that uses it"
    )]
    OtherKeyRing {
        /// The folder of the ring.
        path: PathBuf,
    },
    /// A folder or file of the host cannot be used.
    #[error("{path} cannot be used")]
    Home {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// The sandbox does not start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Whoever can guess a callback's secret decides.
    #[error(
        "the secret of the callback `{callback}` has fewer than {least} bytes: give it the one that the chat service made, or a random one"
    )]
    CallbackSecret {
        /// Which callback.
        callback: String,
        /// How many it must have.
        least: usize,
    },
    /// Two secrets have one name, or one has no origin.
    #[error(transparent)]
    Secrets(#[from] tollgate_secrets::SlotError),
}

/// Why a connector was not installed. Nothing changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The manifest has mistakes.
    #[error("{0}")]
    Manifest(#[from] ManifestErrors),
    /// The bytes are no connector.
    #[error("{0}")]
    NotAConnector(String),
    /// The manifest pins another component.
    #[error("the manifest pins {pinned}, the component is {found}")]
    DigestMismatch {
        /// What the manifest says.
        pinned: String,
        /// What was given.
        found: String,
    },
    /// A manifest is recorded, and shown to whoever reviews it.
    #[error("the manifest has {found} in it; name its slot in a `credential` instead")]
    HasSecret {
        /// Which.
        found: tollgate_secrets::Found,
    },
    /// The component imports what the manifest does not grant.
    #[error("the component imports what the manifest does not grant:{}", missing.iter().map(|(import, line)| format!("\n  `{import}`: to grant it, add\n{}", line.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n"))).collect::<String>())]
    NotGranted {
        /// Each import, and the lines that would grant it.
        missing: Vec<(String, String)>,
    },
    /// The manifest grants a capability that this host does not have. The operator
    /// removes the grant, or uses a host that was built with it.
    #[error(
        "the manifest grants the extension `{name}`, which this host does not have; {}",
        has(known)
    )]
    UnknownExtension {
        /// As the manifest names it.
        name: String,
        /// What the host has.
        known: Vec<&'static str>,
    },
    /// The keys of an extension's grant are not understood by it.
    #[error("the extension does not take [{place}]: {problem}")]
    ExtensionGrant {
        /// The table in the manifest.
        place: String,
        /// What is wrong, in the extension's words.
        problem: String,
    },
    /// A rule speaks of a function that the extension does not have, so it would
    /// never decide.
    #[error("rule `{rule}` is for `{call}`, and the extension has no such function")]
    UnknownExtensionCall {
        /// The rule.
        rule: String,
        /// What it names.
        call: String,
    },
    /// It does not compile, link or describe itself.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A tool's description is not usable.
    #[error("tool `{tool}`: {problem}")]
    Tool {
        /// Which tool.
        tool: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalFault),
}

fn has(known: &[&str]) -> String {
    if known.is_empty() {
        "it has none".to_owned()
    } else {
        format!("it has `{}`", known.join("`, `"))
    }
}

impl From<StoreError> for InstallError {
    fn from(error: StoreError) -> Self {
        Self::Journal(error.into())
    }
}
