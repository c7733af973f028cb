//! The bare figures: wasmtime with the same settings and nothing else, and a
//! transaction and fsync with nothing else.
#![expect(
    dead_code,
    reason = "these mirror the contract; the bare caller looks at little of it"
)]

use std::sync::Arc;

use tollgate_journal::{Entry, KeyRing, Stage, SubjectKey, prepare};
use tollgate_store::{SqliteOptions, SqliteStore, Store, Submission};
use wasmtime::component::{Component, ComponentType, InstancePre, Lift, Linker, Lower};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, StoreLimits,
    StoreLimitsBuilder, UpdateDeadline,
};

use crate::{line, rate};

/// Wasmtime, set like the host's engine, calling the same tool.
pub(crate) struct Bare {
    engine: Engine,
    pre: InstancePre<StoreLimits>,
    call: wasmtime::component::ComponentExportIndex,
}

#[derive(Clone, ComponentType, Lower)]
#[component(record)]
struct Context {
    tenant: String,
    #[component(name = "case-id")]
    case_id: String,
    run: String,
    principal: String,
    undoes: Option<String>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Inverse {
    tool: String,
    input: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Outcome {
    output: String,
    inverse: Option<Inverse>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Failure {
    message: String,
    hint: Option<String>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct BadInput {
    pointer: String,
    message: String,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
enum ToolError {
    #[component(name = "unknown-tool")]
    UnknownTool(String),
    #[component(name = "invalid-input")]
    InvalidInput(BadInput),
    #[component(name = "not-found")]
    NotFound(Failure),
    #[component(name = "conflict")]
    Conflict(Failure),
    #[component(name = "denied")]
    Denied(Failure),
    #[component(name = "limited")]
    Limited(Failure),
    #[component(name = "unavailable")]
    Unavailable(Failure),
    #[component(name = "failed")]
    Failed(Failure),
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Denial {
    reason: String,
    rule: Option<String>,
    hint: Option<String>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Limit {
    name: String,
    allowed: u64,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Rejection {
    reason: String,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
enum Refusal {
    #[component(name = "denied")]
    Denied(Denial),
    #[component(name = "limited")]
    Limited(Limit),
    #[component(name = "rejected")]
    Rejected(Rejection),
}

type ConfigReply = Result<Option<String>, Refusal>;

impl Bare {
    pub(crate) fn new(component: &[u8]) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(512)
            .total_core_instances(3072)
            .total_memories(1536)
            .total_tables(3072)
            .total_stacks(512)
            .max_memory_size(256 << 20)
            .table_elements(40_000)
            .max_core_instances_per_component(40)
            .max_memories_per_component(4)
            .max_tables_per_component(40)
            .max_component_instance_size(2 << 20)
            .max_core_instance_size(2 << 20)
            .pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(512 << 10)
            .table_keep_resident(64 << 10)
            .async_stack_keep_resident(64 << 10);
        let mut config = Config::new();
        config
            .wasm_relaxed_simd(false)
            .consume_fuel(true)
            .epoch_interruption(true)
            .cranelift_nan_canonicalization(true)
            .concurrency_support(false)
            .max_wasm_stack(512 << 10)
            .async_stack_size(1 << 20)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::new(&engine, component).unwrap();
        let mut linker = Linker::<StoreLimits>::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        linker.allow_shadowing(true);
        linker
            .instance("tollgate:connector/config@0.1.0")
            .unwrap()
            .func_wrap_async("get", |_, (_,): (String,)| {
                Box::new(async { Ok((ConfigReply::Ok(Some("\"hello\"".to_owned())),)) })
            })
            .unwrap();
        let tools = component
            .get_export_index(None, "tollgate:connector/tools@0.1.0")
            .unwrap();
        let call = component.get_export_index(Some(&tools), "call").unwrap();
        let pre = linker.instantiate_pre(&component).unwrap();
        Self { engine, pre, call }
    }

    pub(crate) async fn call(&self) {
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
        let mut store = wasmtime::Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store.set_fuel(500_000_000).unwrap();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        let instance = self.pre.instantiate_async(&mut store).await.unwrap();
        let call = instance
            .get_typed_func::<(Context, String, String), (Result<Outcome, ToolError>,)>(
                &mut store, &self.call,
            )
            .unwrap();
        let context = Context {
            tenant: "default".into(),
            case_id: "case".into(),
            run: "run".into(),
            principal: "bench".into(),
            undoes: None,
        };
        let input = r#"{"key":"greeting"}"#.to_owned();
        let (outcome,) = call
            .call_async(&mut store, (context, "read".into(), input))
            .await
            .unwrap();
        assert!(outcome.is_ok_and(|outcome| outcome.output == r#"{"value":"hello"}"#));
    }
}

/// Three records a run made durable, beside the smallest transaction there is.
pub(crate) async fn appends() {
    let home = tempfile::tempdir().unwrap();
    let bare = fsync_loop(home.path()).await;
    let options = SqliteOptions::default();
    let store: Arc<dyn Store> = Arc::new(
        SqliteStore::open(&home.path().join("append.db"), options)
            .await
            .unwrap(),
    );
    for concurrent in [1, 8, 64, 256] {
        let store = Arc::clone(&store);
        let (runs, p50) = rate(concurrent, move |number| {
            let store = Arc::clone(&store);
            async move {
                let submission = Submission {
                    tenant: "default".into(),
                    records: records(number),
                    changes: Vec::new(),
                };
                store.append(submission).await.unwrap();
            }
        })
        .await;
        line(
            &format!("append: a run of 3 records, {concurrent} at once"),
            runs,
            p50,
            Some(bare),
        );
    }
    store.close().await;
}

fn records(number: u64) -> Vec<tollgate_journal::Prepared> {
    let key = SubjectKey::generate().unwrap();
    let blobs = KeyRing::generate().unwrap().blob_keys("default");
    [Stage::RunOpened, Stage::CallOutcome, Stage::RunClosed]
        .into_iter()
        .map(|stage| {
            let entry = Entry {
                tenant: "default".into(),
                case: "case".into(),
                run: Some(format!("run-{number}")),
                principal: "bench".into(),
                workflow: None,
                stage,
                position: None,
                at_ms: 1_790_000_000_000,
                facts: serde_json::Map::new(),
                values: vec![("reply", vec![7; 200])],
                subject: "day:2026-11-22".into(),
            };
            prepare(&entry, &key, &blobs).unwrap()
        })
        .collect()
}

/// Write one kibibyte and wait until the disk has it.
async fn fsync_loop(folder: &std::path::Path) -> f64 {
    use std::io::Write as _;
    let mut file = std::fs::File::create(folder.join("bare")).unwrap();
    let begin = std::time::Instant::now();
    let mut times = Vec::new();
    while begin.elapsed() < crate::MEASURED / 4 {
        let started = std::time::Instant::now();
        file.write_all(&[7; 1024]).unwrap();
        file.sync_data().unwrap();
        times.push(started.elapsed());
    }
    let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
    times.sort_unstable();
    line(
        "append: bare write and fsync of 1 KiB, 1 at once",
        rate,
        times[times.len() / 2],
        None,
    );
    rate
}
