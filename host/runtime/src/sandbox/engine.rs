//! The one engine of a host, and its settings.
//!
//! Two groups of settings live here. The first makes a guest deterministic and
//! bounded: fuel, epochs, canonical NaNs, no threads, no relaxed SIMD. The
//! second makes a fresh instance cheap: the pooling allocator, slots that are
//! reset by asking the kernel which pages were touched (`PAGEMAP_SCAN`, Linux
//! 6.7 and later) instead of unmapping them, and no bookkeeping for concurrent
//! component calls, which no guest of ours makes. Where the kernel has no
//! `PAGEMAP_SCAN`, keeping slots resident would clear all of each slot on every
//! call, so they are not kept there: slower, and never wrong.

use std::thread;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::SandboxError;

/// How often the watchdog wakes, milliseconds. A guest that computes for longer
/// than [`SLICE_TICKS`] of these in one go has to queue for the slow lane.
pub(crate) const TICK_MS: u64 = 5;

/// How many ticks a guest may compute before it queues for the slow lane. Ten
/// milliseconds are a thousand ordinary calls.
pub(crate) const SLICE_TICKS: u64 = 2;

/// Guests alive at once. Each slot reserves address space only; memory is used
/// by those that run. A call beyond this waits.
pub(crate) const INSTANCES: u32 = 512;

/// The most linear memory any manifest can grant, bytes. It bounds what one
/// slot of the pool reserves.
pub const MEMORY_BYTES_MAX: usize = 256 << 20;

/// The most elements in any one table. The largest connector known, a Python
/// interpreter, has about 10 000.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 40_000;

/// The native stack of one guest, bytes. WebAssembly may use half of it; the
/// rest is for the host functions it calls.
const STACK_BYTES: usize = 1 << 20;

/// What WebAssembly may use of it, bytes.
pub(crate) const WASM_STACK_BYTES: usize = 512 << 10;

/// Bytes of a slot that stay mapped between calls where the kernel can tell
/// which of them were written.
const KEEP_RESIDENT_BYTES: usize = 512 << 10;

/// Settings that compiled code depends on. The compiler process and the host
/// both use exactly these, so that what one wrote the other accepts.
fn code_settings() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .concurrency_support(false)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(STACK_BYTES)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    config
}

/// The engine of the compiler process: the same code, and no pool.
pub(crate) fn compiler_engine() -> Result<Engine, SandboxError> {
    Engine::new(&code_settings()).map_err(SandboxError::engine)
}

/// The engine of the host: pooled, tuned where the kernel allows, with its
/// watchdog running for as long as the engine lives.
pub(crate) fn host_engine() -> Result<Engine, SandboxError> {
    let engine = pooled(INSTANCES)
        .or_else(|_| pooled(INSTANCES / 8))
        .map_err(SandboxError::engine)?;
    Watchdog::start(&engine)?;
    Ok(engine)
}

/// Whether the kernel can tell which pages of a slot were written.
pub(crate) fn has_pagemap_scan() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}

fn pooled(instances: u32) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * 6)
        .total_memories(instances * 3)
        .total_tables(instances * 6)
        .total_stacks(instances)
        .max_memory_size(MEMORY_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_core_instances_per_component(40)
        .max_memories_per_component(4)
        .max_tables_per_component(40)
        .max_component_instance_size(2 << 20)
        .max_core_instance_size(2 << 20)
        .pagemap_scan(Enabled::Auto);
    if has_pagemap_scan() {
        pool.linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
            .table_keep_resident(64 << 10)
            .async_stack_keep_resident(64 << 10);
    }
    let mut config = code_settings();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// The thread that advances the epoch. It holds the engine weakly and ends with
/// it.
struct Watchdog;

impl Watchdog {
    fn start(engine: &Engine) -> Result<(), SandboxError> {
        let weak = engine.weak();
        thread::Builder::new()
            .name("tollgate-watchdog".into())
            .spawn(move || {
                while let Some(engine) = weak.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    thread::sleep(Duration::from_millis(TICK_MS));
                }
            })
            .map(drop)
            .map_err(|error| SandboxError::engine(error.into()))
    }
}

/// What a run's recorded fuel depends on, in words: it is compared on replay
/// only where this is the same.
pub(crate) fn fingerprint(engine: &Engine) -> String {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("wasmtime 48, settings {:016x}", hasher.finish())
}
