//! The only place where a guest is given an import. The linker is private to
//! this file, and the one method that adds a capability's function routes it
//! through [`Door::pass`]: a capability cannot reach the linker another way.

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{AsContext, AsContextMut, Engine};

use super::Imported;
use crate::sandbox::SandboxError;
use crate::sandbox::engine::SLICE_TICKS;
use crate::sandbox::instance::GuestState;

/// What guests of one profile may import.
pub(crate) struct Imports {
    linker: Linker<GuestState>,
    offered: Vec<(&'static str, &'static str)>,
}

impl Imports {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self {
            linker: Linker::new(engine),
            offered: Vec::new(),
        }
    }

    /// Offer a function of a capability.
    pub(crate) fn offer<O: Imported>(&mut self) -> Result<(), SandboxError> {
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
        self.offered.push((O::INTERFACE, O::FUNCTION));
        Ok(())
    }

    /// Add the interfaces of WASI that the wasi profile has.
    pub(super) fn with_wasi(
        &mut self,
        add: impl FnOnce(&mut Linker<GuestState>) -> wasmtime::Result<()>,
    ) -> Result<(), SandboxError> {
        add(&mut self.linker).map_err(SandboxError::engine)
    }

    /// What was offered through the door, by interface and function.
    pub(crate) fn offered(&self) -> &[(&'static str, &'static str)] {
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
