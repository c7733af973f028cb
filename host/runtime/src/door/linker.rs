//! The only place where a guest is given an import. The linker is private to
//! this file, and the one method that adds a capability's function routes it
//! through [`Door::pass`](super::Door::pass): a capability, the host's own or an
//! embedder's, cannot reach the linker another way.

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{AsContext, AsContextMut, Engine};

use super::Imported;
use crate::sandbox::SandboxError;
use crate::sandbox::engine::SLICE_TICKS;
use crate::sandbox::instance::GuestState;

/// Packages that the host answers for; no extension adds to them.
const OWN_PACKAGES: [&str; 2] = ["tollgate:", "wasi:"];

/// What guests of one profile may import.
pub struct Imports {
    linker: Linker<GuestState>,
    offered: Vec<Offered>,
    /// Whose functions are being offered now, where they are not the host's.
    extension: Option<&'static str>,
}

/// A function that was offered through the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) interface: &'static str,
    pub(crate) function: &'static str,
    /// Its name in rules and records.
    pub(crate) call: &'static str,
    /// The extension it belongs to, where it is not the host's own.
    pub(crate) extension: Option<&'static str>,
}

impl Imports {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self {
            linker: Linker::new(engine),
            offered: Vec::new(),
            extension: None,
        }
    }

    /// Offer a function of a capability to guests.
    ///
    /// # Errors
    ///
    /// When the function's interface or name is not the extension's to give, or
    /// it is offered already.
    pub fn offer<O: Imported>(&mut self) -> Result<(), SandboxError> {
        if let Some(name) = self.extension {
            may_offer::<O>(name)?;
        }
        self.linker
            .instance(O::INTERFACE)
            .and_then(|mut instance| {
                instance.func_wrap_async(O::FUNCTION, |mut store, arguments: O::Arguments| {
                    let remaining = store.as_context().get_fuel().ok();
                    let (door, fuel) = store.data_mut().at_import(remaining);
                    Box::new(async move {
                        let reply = door.pass::<O>(arguments, fuel).await?;
                        // The time the host took is not the guest's.
                        store.as_context_mut().set_epoch_deadline(SLICE_TICKS);
                        Ok(O::results(reply))
                    })
                })
            })
            .map_err(SandboxError::engine)?;
        self.offered.push(Offered {
            interface: O::INTERFACE,
            function: O::FUNCTION,
            call: O::CALL,
            extension: self.extension,
        });
        Ok(())
    }

    /// Have an extension offer what it has. It is handed these imports while they
    /// know that they are not the host's own.
    pub(crate) fn extended_by(
        &mut self,
        name: &'static str,
        offer: impl FnOnce(&mut Self) -> Result<(), SandboxError>,
    ) -> Result<(), SandboxError> {
        self.extension = Some(name);
        let offered = offer(self);
        self.extension = None;
        offered
    }

    /// Add the interfaces of WASI that the wasi profile has.
    pub(super) fn with_wasi(
        &mut self,
        add: impl FnOnce(&mut Linker<GuestState>) -> wasmtime::Result<()>,
    ) -> Result<(), SandboxError> {
        add(&mut self.linker).map_err(SandboxError::engine)
    }

    /// What was offered through the door.
    pub(crate) fn offered(&self) -> &[Offered] {
        &self.offered
    }

    /// Link a component to these imports and nothing else.
    pub(crate) fn link(
        &self,
        component: &Component,
    ) -> Result<InstancePre<GuestState>, SandboxError> {
        self.linker
            .instantiate_pre(component)
            .map_err(|error| SandboxError::DoesNotLink(format!("{error:#}")))
    }

    /// Link a component to imports that trap when called, for `describe`.
    pub(crate) fn link_to_nothing(
        engine: &Engine,
        component: &Component,
    ) -> Result<InstancePre<GuestState>, SandboxError> {
        let mut linker = Linker::new(engine);
        linker
            .define_unknown_imports_as_traps(component)
            .and_then(|()| linker.instantiate_pre(component))
            .map_err(|error| SandboxError::DoesNotLink(format!("{error:#}")))
    }
}

/// An extension's function carries the extension's name, so that a rule and a
/// grant for it speak of it and of nothing else, and lies in nobody else's
/// interface: a second `tollgate:connector/sql` would take the place of the
/// first for every connector.
fn may_offer<O: Imported>(name: &'static str) -> Result<(), SandboxError> {
    let refuse = |problem: String| Err(SandboxError::Extension { name, problem });
    if !O::INTERFACE.contains('/') || OWN_PACKAGES.iter().any(|own| O::INTERFACE.starts_with(own)) {
        return refuse(format!(
            "the interface `{}` is not its own; write one such as `acme:{name}/{name}@1.0.0`",
            O::INTERFACE
        ));
    }
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let function = O::CALL
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('.'));
    match function {
        Some(function) if !function.is_empty() && function.bytes().all(plain) => Ok(()),
        _ => refuse(format!(
            "the call `{}` is not named `{name}.<function>`",
            O::CALL
        )),
    }
}
