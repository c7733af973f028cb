//! One fresh instance for one call. Nothing survives it: memory, tables and
//! stack come clean from the pool and go back to it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Instant;

use tollgate_policy::{Effect, Limits, Profile, ToolDecl, UndoDecl, UndoTerms};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Store, Trap, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::SandboxError;
use super::compile::{CodeCache, Compiler};
use super::engine::{self, SLICE_TICKS};
use super::guest::{CallParameters, CallResult, GuestTool, GuestUndo, TOOLS};
use super::slow_lane::{Slice, SlowLane};
use crate::door::{Door, Imports, Offered, wasi};
use crate::error::Stop;
use crate::extend::Extensions;

/// Fuel for `describe`: building schemas, nothing else.
const DESCRIBE_FUEL: u64 = 100_000_000;

/// Linear memory for `describe`, bytes.
const DESCRIBE_MEMORY: u64 = 64 << 20;

/// Component resources a guest may hold at once. Only the wasi profile has any:
/// streams and pollables.
const HANDLES_MAX: usize = 1_000;

/// Everything that runs guests.
pub(crate) struct Sandbox {
    engine: Engine,
    sealed: Imports,
    wasi: Imports,
    cache: CodeCache,
    lane: SlowLane,
    slots: tokio::sync::Semaphore,
    fingerprint: String,
}

/// A component, compiled, linked, and with its exports found.
pub(crate) struct Ready {
    pre: InstancePre<GuestState>,
    call: ComponentExportIndex,
    profile: Profile,
}

/// What belongs to one instance.
pub(crate) struct GuestState {
    door: Option<Arc<Door>>,
    meter: Meter,
    wasi: Option<WasiState>,
    /// Leave to compute for long, while this guest has it.
    slice: Arc<Mutex<Option<Slice>>>,
    fuel: u64,
}

struct WasiState {
    context: WasiCtx,
    table: ResourceTable,
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Only components of the wasi profile are linked to anything that
        // calls this, and only they are given a context.
        let wasi = self.wasi.get_or_insert_with(|| WasiState {
            context: WasiCtx::builder().build(),
            table: ResourceTable::new(),
        });
        WasiCtxView {
            ctx: &mut wasi.context,
            table: &mut wasi.table,
        }
    }
}

impl GuestState {
    /// Called at every import: whose door it is, and the fuel used so far. A
    /// guest that waits for the host gives its slice back.
    pub(crate) fn at_import(&mut self, remaining: Option<u64>) -> (Arc<Door>, Option<u64>) {
        self.slice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let used = remaining.map(|remaining| self.fuel.saturating_sub(remaining));
        match &self.door {
            Some(door) => (Arc::clone(door), used),
            // `describe` is linked to imports that trap before they get here.
            None => unreachable!("an import was called without a door"),
        }
    }
}

/// Counts what grows, and refuses beyond the manifest's limits.
struct Meter {
    memory: usize,
    memory_max: usize,
    tables: usize,
    tables_max: usize,
    hit: Option<&'static str>,
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = self.memory + desired.saturating_sub(current);
        if all > self.memory_max {
            self.hit = Some("memory");
            return Err(wasmtime::Error::msg("the memory limit is reached"));
        }
        self.memory = all;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = self.tables + desired.saturating_sub(current);
        if all > self.tables_max {
            self.hit = Some("table_elements");
            return Err(wasmtime::Error::msg("the table limit is reached"));
        }
        self.tables = all;
        Ok(true)
    }
}

/// One call to make.
pub(crate) struct Invocation {
    pub(crate) door: Arc<Door>,
    pub(crate) limits: Limits,
    pub(crate) deadline: Instant,
    pub(crate) parameters: CallParameters,
}

/// What a call came to, and the fuel it used.
pub(crate) struct Returned {
    pub(crate) result: Result<CallResult, Stop>,
    pub(crate) fuel: u64,
}

impl Sandbox {
    pub(crate) fn start(
        cache: std::path::PathBuf,
        key: tollgate_journal::DerivedKey,
        compiler: Compiler,
        extensions: &Extensions,
    ) -> Result<Self, SandboxError> {
        let engine = engine::host_engine()?;
        let mut sealed = Imports::new(&engine);
        crate::capability::offer_all(&mut sealed)?;
        let mut with_wasi = Imports::new(&engine);
        crate::capability::offer_all(&mut with_wasi)?;
        wasi::offer(&mut with_wasi)?;
        for extension in extensions.iter() {
            extension.offer(&mut sealed)?;
            extension.offer(&mut with_wasi)?;
        }
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            fingerprint: engine::fingerprint(&engine),
            sealed,
            wasi: with_wasi,
            cache: CodeCache::new(cache, key, compiler),
            lane: SlowLane::new(threads),
            slots: tokio::sync::Semaphore::new(engine::INSTANCES as usize / 8 * 7),
            engine,
        })
    }

    /// What recorded fuel is comparable with.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What each profile is offered through the door.
    pub(crate) fn offered(&self) -> [&[Offered]; 2] {
        [self.sealed.offered(), self.wasi.offered()]
    }

    /// Compile and link a component, and have it describe itself.
    pub(crate) async fn ready(
        &self,
        digest: &tollgate_policy::Digest,
        bytes: &[u8],
        profile: Profile,
    ) -> Result<(Ready, Vec<ToolDecl>), SandboxError> {
        let component = self.cache.load(&self.engine, digest, bytes).await?;
        let imports = match profile {
            Profile::Wasi => &self.wasi,
            Profile::Sealed => &self.sealed,
        };
        let ready = Ready {
            pre: imports.link(&component)?,
            call: export(&component, "call")?,
            profile,
        };
        let tools = self.describe(&component).await?;
        Ok((ready, tools))
    }

    /// The connector's tools, by its own word. It runs without any import.
    async fn describe(&self, component: &Component) -> Result<Vec<ToolDecl>, SandboxError> {
        let failed = |error: wasmtime::Error| SandboxError::Describe(format!("{error:#}"));
        let pre = Imports::link_to_nothing(&self.engine, component)?;
        let limits = Limits {
            fuel: DESCRIBE_FUEL,
            memory: DESCRIBE_MEMORY,
            ..Limits::default()
        };
        let deadline = Instant::now() + limits.deadline;
        let mut store = self.store(None, &limits, deadline, None).map_err(failed)?;
        let index = export(component, "describe")?;
        let instance = pre.instantiate_async(&mut store).await.map_err(failed)?;
        let describe = instance
            .get_typed_func::<(), (Vec<GuestTool>,)>(&mut store, &index)
            .map_err(failed)?;
        let (tools,) = describe.call_async(&mut store, ()).await.map_err(failed)?;
        tools.into_iter().map(declared).collect()
    }

    /// Call a tool in a fresh instance.
    pub(crate) async fn call(&self, ready: &Ready, invocation: Invocation) -> Returned {
        let limits = invocation.limits.clone();
        let waiting = tokio::time::timeout_at(invocation.deadline.into(), self.slots.acquire());
        let Ok(Ok(_slot)) = waiting.await else {
            return Returned {
                result: Err(Stop::Limit("deadline", limits.deadline.as_secs())),
                fuel: 0,
            };
        };
        let wasi = (ready.profile == Profile::Wasi).then(|| WasiState {
            context: wasi::context(&invocation.door),
            table: ResourceTable::new(),
        });
        let door = Arc::clone(&invocation.door);
        let deadline = invocation.deadline;
        let mut store = match self.store(Some(door), &limits, deadline, wasi) {
            Ok(store) => store,
            Err(error) => {
                return Returned {
                    result: Err(Stop::Trap(format!("{error:#}"))),
                    fuel: 0,
                };
            }
        };
        let slice = Arc::clone(&store.data().slice);
        let work = run(&mut store, ready, invocation.parameters);
        let Some(result) = until(deadline, &invocation.door, &slice, work).await else {
            return Returned {
                result: Err(Stop::Limit("deadline", limits.deadline.as_secs())),
                fuel: limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0)),
            };
        };
        let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let result = result.map_err(|error| why(&error, &mut store, &limits, deadline));
        Returned { result, fuel }
    }

    fn store(
        &self,
        door: Option<Arc<Door>>,
        limits: &Limits,
        deadline: Instant,
        wasi: Option<WasiState>,
    ) -> wasmtime::Result<Store<GuestState>> {
        let slice = Arc::new(Mutex::new(None));
        let state = GuestState {
            door,
            meter: Meter {
                memory: 0,
                memory_max: usize::try_from(limits.memory).unwrap_or(usize::MAX),
                tables: 0,
                tables_max: usize::try_from(limits.table_elements).unwrap_or(usize::MAX),
                hit: None,
            },
            wasi,
            slice: Arc::clone(&slice),
            fuel: limits.fuel,
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.meter);
        store.set_fuel(limits.fuel)?;
        store.set_hostcall_fuel(usize::try_from(limits.host_call_bytes).unwrap_or(usize::MAX));
        store.set_max_component_handles(HANDLES_MAX);
        store.set_epoch_deadline(SLICE_TICKS);
        let lane = self.lane.clone();
        store.epoch_deadline_callback(move |_| {
            if Instant::now() >= deadline {
                return Ok(UpdateDeadline::Interrupt);
            }
            // The slice is used up: give it back and queue for the next one.
            slice.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (lane, slice) = (lane.clone(), Arc::clone(&slice));
            let next = async move {
                let queued = tokio::time::timeout_at(deadline.into(), lane.queue()).await;
                *slice.lock().unwrap_or_else(PoisonError::into_inner) = queued.ok().flatten();
            };
            Ok(UpdateDeadline::YieldCustom(SLICE_TICKS, Box::pin(next)))
        });
        Ok(store)
    }
}

async fn run(
    store: &mut Store<GuestState>,
    ready: &Ready,
    parameters: CallParameters,
) -> wasmtime::Result<CallResult> {
    let instance = ready.pre.instantiate_async(&mut *store).await?;
    let call = instance.get_typed_func::<CallParameters, CallResult>(&mut *store, &ready.call)?;
    call.call_async(&mut *store, parameters).await
}

/// Work until the deadline, or `None`. The epoch ends a guest that computes; one
/// that sleeps (WASI lets it) is given up here, but never in the middle of a call
/// through the door.
async fn until<T>(
    deadline: Instant,
    door: &Door,
    slice: &Mutex<Option<Slice>>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    let mut over = pin!(tokio::time::sleep_until(deadline.into()));
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        // Whoever waits does not compute: its slice is for others.
        slice.lock().unwrap_or_else(PoisonError::into_inner).take();
        if over.as_mut().poll(context).is_ready() && !door.is_passing() {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}

/// Why a guest gave no answer.
fn why(
    error: &wasmtime::Error,
    store: &mut Store<GuestState>,
    limits: &Limits,
    deadline: Instant,
) -> Stop {
    if let Some(ending) = error.downcast_ref::<crate::error::Ending>() {
        return Stop::Ending(ending.clone());
    }
    // An immediate call cannot return an error; it leaves its reason behind.
    if let Some(ending) = store.data().door.as_ref().and_then(|door| door.ending()) {
        return Stop::Ending(ending);
    }
    match store.data().meter.hit {
        Some("memory") => return Stop::Limit("memory", limits.memory),
        Some(name) => return Stop::Limit(name, limits.table_elements),
        None => {}
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Stop::Limit("fuel", limits.fuel),
        Some(Trap::StackOverflow) => Stop::Limit("stack", limits.stack),
        Some(Trap::Interrupt) => Stop::Limit("deadline", limits.deadline.as_secs()),
        _ if format!("{error:#}").contains("hostcall") => {
            Stop::Limit("host_call_bytes", limits.host_call_bytes)
        }
        _ if Instant::now() >= deadline => Stop::Limit("deadline", limits.deadline.as_secs()),
        _ => Stop::Trap(format!("{error:#}")),
    }
}

fn export(component: &Component, function: &str) -> Result<ComponentExportIndex, SandboxError> {
    component
        .get_export_index(None, TOOLS)
        .and_then(|tools| component.get_export_index(Some(&tools), function))
        .ok_or_else(|| {
            SandboxError::DoesNotLink(format!(
                "the component does not export `{TOOLS}#{function}`"
            ))
        })
}

/// A tool as it declares itself, with its schemas parsed.
fn declared(tool: GuestTool) -> Result<ToolDecl, SandboxError> {
    let schema = |which: &str, text: &str| {
        serde_json::from_str(text).map_err(|error| {
            SandboxError::Describe(format!("the {which} schema of `{}`: {error}", tool.name))
        })
    };
    Ok(ToolDecl {
        input_schema: schema("input", &tool.input_schema)?,
        output_schema: schema("output", &tool.output_schema)?,
        name: tool.name.clone(),
        title: tool.title,
        description: tool.description,
        effect: Effect::from(tool.effect),
        undo: match tool.undo {
            GuestUndo::None => UndoDecl::None,
            GuestUndo::Inverse(tool) => UndoDecl::Inverse(tool),
            GuestUndo::Restore => UndoDecl::Restore,
            GuestUndo::Compensate(tool) => UndoDecl::Compensate(tool),
        },
        terms: UndoTerms {
            window_s: tool.terms.window,
            precondition: tool.terms.precondition,
            undo_only: tool.terms.undo_only,
        },
    })
}
