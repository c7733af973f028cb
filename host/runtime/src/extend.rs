//! Capabilities of an embedder's own.
//!
//! Whoever builds a host from this crate can offer guests more than the
//! contract has: an in-house ledger, a message bus, a device. Such a capability
//! is made of the same parts as the host's own and passes the same door, so
//! nothing about it is trusted to check itself:
//!
//! - an [`Extension`] can only [`Imports::offer`] operations. It never sees the
//!   linker, so each of its calls is described, granted, metered, gated and
//!   recorded, or does not happen;
//! - its interface lies in a WIT package of its own, never in `tollgate:` or
//!   `wasi:`, and its calls are named `<extension>.<function>`: it can neither
//!   replace a function of the host nor look like one in a rule, a record or on
//!   a card;
//! - a connector that imports it is installed only where the manifest has a
//!   table `[extension.<name>.<destination>]`. Keys in that table are refused
//!   unless the extension says that it knows them ([`Extension::accepting`]);
//! - a write counts as undoable only where the extension can put back what it
//!   captured ([`Extension::restored_by`]). Otherwise it is irreversible, and so
//!   always asks a person.
//!
//! What an operation declares for a call whose outcome is not known
//! ([`Operation::RECOVERY`], [`Operation::recovery`]) the host acts on: one that is declared repeatable and
//! is not doubles its effect after a crash. By default nothing is repeated, and a
//! person decides.
//!
//! What an operation *does* is native code in the host's process, chosen by
//! whoever built the host. The door bounds the guests that call it, not the code
//! behind it.
//!
//! Types of arguments and results derive [`wasmtime`]'s `ComponentType`, `Lift`
//! and `Lower`, of the very version this crate uses; replies are serialisable,
//! because a reply is answered from the journal when its run goes on.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_policy::Manifest;

pub use crate::capability::Backends;
pub use crate::capability::restore::{RestoreFailure, Restored, Restoring};
pub use crate::door::{
    Denial, Described, Imported, Imports, Limit, Looked, Next, Operation, OwnLook, Performed,
    Prior, Recovery, Refusal, Rejection, Scope, WayBack,
};
pub use crate::sandbox::SandboxError;

use crate::door::{Door, Foreseen};
use crate::error::Ending;

/// A restore on its way through the door.
type Restore = for<'a> fn(
    &'a Door,
    Restoring,
) -> Pin<Box<dyn Future<Output = Result<Restored, Ending>> + Send + 'a>>;

/// What would become of it.
type Foresee = for<'a> fn(
    &'a Door,
    Restoring,
) -> Pin<Box<dyn Future<Output = Result<Foreseen, Ending>> + Send + 'a>>;

/// Whether a destination's table in the manifest can be understood.
type Accept = fn(&Map<String, Value>) -> Result<(), String>;

/// One capability that an embedder adds to its host.
#[derive(Clone)]
pub struct Extension {
    name: &'static str,
    offer: fn(&mut Imports) -> Result<(), SandboxError>,
    accept: Accept,
    restore: Option<Restore>,
    foresee: Option<Foresee>,
    backend: Option<(TypeId, Arc<dyn Any + Send + Sync>)>,
}

impl Extension {
    /// A capability of this name, and what it offers: a function that calls
    /// [`Imports::offer`] once for each operation. The name stands in manifests,
    /// rules and records; [`Manifest::is_extension_name`] says which can be used.
    /// A host with an extension that cannot be offered does not open.
    #[must_use]
    pub fn new(name: &'static str, offer: fn(&mut Imports) -> Result<(), SandboxError>) -> Self {
        Self {
            name,
            offer,
            accept: no_keys,
            restore: None,
            foresee: None,
            backend: None,
        }
    }

    /// Take grants with keys: `accept` is shown the table of each destination
    /// when a connector is installed or loaded, and says what is wrong with it.
    /// It must refuse a key it does not know: a misspelt limit must not silently
    /// be none. Without it, a table with any key is refused.
    #[must_use]
    pub fn accepting(mut self, accept: Accept) -> Self {
        self.accept = accept;
        self
    }

    /// What its operations work with, opened once a host. An operation finds it
    /// with [`Backends::extension`], by its type.
    #[must_use]
    pub fn with_backend<T: Any + Send + Sync>(mut self, backend: T) -> Self {
        self.backend = Some((TypeId::of::<T>(), Arc::new(backend)));
        self
    }

    /// How the host puts back what a write replaced: an operation that guests
    /// cannot import. It passes the door like any call, and must do nothing where
    /// what is there is no longer what the write left.
    #[must_use]
    pub fn restored_by<R>(mut self) -> Self
    where
        R: Operation<Arguments = Restoring, Reply = Restored>,
    {
        self.restore = Some(|door, restoring| Box::pin(door.pass::<R>(restoring, None)));
        self.foresee = Some(|door, restoring| Box::pin(door.foresee::<R>(restoring)));
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn offer(&self, imports: &mut Imports) -> Result<(), SandboxError> {
        imports.extended_by(self.name, self.offer)
    }
}

impl fmt::Debug for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extension")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn no_keys(grant: &Map<String, Value>) -> Result<(), String> {
    match grant.keys().next() {
        Some(key) => Err(format!("this extension has no key `{key}`")),
        None => Ok(()),
    }
}

/// The extensions of a host, by name.
#[derive(Default)]
pub(crate) struct Extensions {
    by_name: HashMap<&'static str, Extension>,
    backends: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Extensions {
    /// Refuses two of one name, or with one type of back-end: one of them would
    /// stand in for the other unseen.
    pub(crate) fn new(extensions: Vec<Extension>) -> Result<Self, SandboxError> {
        let mut all = Self::default();
        for extension in extensions {
            let name = extension.name;
            let refuse = |problem: &str| SandboxError::Extension {
                name,
                problem: problem.to_owned(),
            };
            if !Manifest::is_extension_name(name) {
                return Err(refuse(
                    "a name is 1 to 64 of a-z, 0-9, `-` and `_`, and none of the host's own capabilities",
                ));
            }
            if let Some((kind, backend)) = &extension.backend
                && all.backends.insert(*kind, Arc::clone(backend)).is_some()
            {
                return Err(refuse(
                    "another extension has a back-end of the same type; wrap it in a type of its own",
                ));
            }
            if all.by_name.insert(name, extension).is_some() {
                return Err(refuse("there are two of this name"));
            }
        }
        Ok(all)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Extension> {
        self.by_name.values()
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.by_name.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// Whether the grant of a destination can be understood; nothing where there
    /// is no such extension.
    pub(crate) fn accepts(&self, name: &str, grant: &Value) -> Option<Result<(), String>> {
        let extension = self.by_name.get(name)?;
        Some(match grant.as_object() {
            Some(keys) => (extension.accept)(keys),
            None => Err("it is not a table".to_owned()),
        })
    }

    pub(crate) fn backend<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.backends
            .get(&TypeId::of::<T>())
            .and_then(|backend| backend.downcast_ref())
    }

    /// Whether there is a way back for a write by this call. The host's own
    /// capabilities all have one.
    pub(crate) fn can_restore(&self, call: &str) -> bool {
        self.of(call)
            .is_none_or(|extension| extension.restore.is_some())
    }

    /// How to put back what this call wrote, where an extension made it.
    pub(crate) fn restore(&self, call: &str) -> Option<Restore> {
        self.of(call)?.restore
    }

    /// How to say what would become of that.
    pub(crate) fn foresee(&self, call: &str) -> Option<Foresee> {
        self.of(call)?.foresee
    }

    fn of(&self, call: &str) -> Option<&Extension> {
        let (name, _) = call.split_once('.')?;
        self.by_name.get(name)
    }
}
