//! A capability that an embedder adds passes the same door as the host's own, and
//! cannot pass for one of them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value, json};
use tollgate_crash_tests::counter::{Counter, Kind, SILENT};
use tollgate_crash_tests::effects::{self, INTERFACE};
use tollgate_crash_tests::job::{Step, input, tenant};
use tollgate_crash_tests::life::{agent, person};
use tollgate_crash_tests::stage::{MANIFEST, Stage, guest};
use tollgate_policy::Effect;
use tollgate_runtime::extend::{
    Backends, Described, Extension, Imported, Imports, Next, Operation, Performed, Prior, Refusal,
    Scope,
};
use tollgate_runtime::{
    Compiler, Host, HostError, HostOptions, InstallError, LogFilter, Role, RunReport, RunState,
    SandboxError, ToolCall,
};
use tollgate_tests::pinned;

async fn open(stage: &Stage, extensions: Vec<Extension>) -> Result<Host, HostError> {
    Host::open(HostOptions {
        extensions,
        ..HostOptions::new(stage.home(), Compiler::InProcess, Role::Serve)
    })
    .await
}

async fn host(stage: &Stage) -> Host {
    let extension = effects::extension(stage.ledger());
    open(stage, vec![extension]).await.unwrap()
}

/// Stages take their template from a runtime of their own.
async fn stage() -> Stage {
    tokio::task::spawn_blocking(Stage::new).await.unwrap()
}

async fn call(host: &Host, tool: &str, steps: &[Step]) -> RunReport {
    let call = ToolCall {
        connector: "effects".to_owned(),
        tool: tool.to_owned(),
        input: input(steps),
        ..ToolCall::default()
    };
    host.call(&agent(), call).await.unwrap()
}

async fn install(host: &Host, manifest: &str) -> Result<(), InstallError> {
    let manifest = pinned(manifest, guest());
    host.install("manifest.toml", &manifest, &guest().bytes, "operator")
        .await
        .map(drop)
}

async fn facts(host: &Host, run: &str) -> Vec<(String, Value)> {
    let filter = LogFilter {
        run: Some(run.to_owned()),
        ..LogFilter::default()
    };
    let log = host.log(&tenant(), filter).await.unwrap();
    log.into_iter()
        .map(|line| (line.stage, line.facts["call"].clone()))
        .collect()
}

fn everything(key: &str) -> Vec<Step> {
    ["read", "idempotent", "readable", "conditional", "blind"]
        .map(|kind| Step::new(kind, key, kind))
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_an_extension_is_described_gated_and_recorded_like_any_other() {
    let stage = stage().await;
    let host = host(&stage).await;
    let done = call(&host, "make", &everything("a")).await;
    assert_eq!(done.state, RunState::Done, "{done:?}");
    let effects = stage.ledger().effects().unwrap();
    let kinds: Vec<Kind> = effects.iter().map(|line| line.kind).collect();
    let all = [
        Kind::Idempotent,
        Kind::Readable,
        Kind::Conditional,
        Kind::Blind,
    ];
    assert_eq!(kinds, all);
    let log = facts(&host, &done.run).await;
    for name in ["idempotent", "readable", "conditional", "blind"] {
        for stage in ["call.intent", "call.outcome"] {
            let record = (stage.to_owned(), json!(format!("effects.{name}")));
            assert!(log.contains(&record), "{stage} of {name}: {log:?}");
        }
    }
    // What was recorded is enough to go through it again, with no ledger.
    let replayed = host.replay(&tenant(), &done.run).await.unwrap();
    assert!(replayed.identical, "{replayed:?}");
    assert_eq!(stage.ledger().lines().unwrap().len(), all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_away_for_a_moment_does_not_use_all_attempts_up() {
    let stage = stage().await;
    let host = host(&stage).await;
    let silent = Step::new("idempotent", "a", SILENT);
    let open = call(&host, "make", &[silent]).await;
    assert_eq!(open.state, RunState::Open, "{open:?}");
    assert!(host.queue(&person(), false).await.unwrap().is_empty());
    let log = facts(&host, &open.run).await;
    let resent = log.iter().filter(|(stage, _)| stage == "call.resent");
    assert_eq!(resent.count(), 1, "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_extension_wrote_is_put_back_by_its_own_operation_through_the_door() {
    let stage = stage().await;
    let host = host(&stage).await;
    call(&host, "make", &[Step::new("blind", "a", "before")]).await;
    let steps = [
        Step::new("blind", "a", "1"),
        Step::new("readable", "a", "2"),
    ];
    let done = call(&host, "make", &steps).await;
    let undone = host.undo(&agent(), &done.run, false).await.unwrap();
    assert_eq!(undone.outcome, "undone", "{undone:?}");
    let entry = stage.ledger().entry("a").unwrap();
    assert_eq!(entry.value.as_deref(), Some("before"));
    let undo = undone.undo_run.unwrap();
    let log = facts(&host, &undo.run).await;
    let intents = log
        .iter()
        .filter(|(stage, call)| stage == "call.intent" && call == "effects.restore");
    assert_eq!(intents.count(), 2, "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_speak_of_an_extension_s_calls_and_a_denied_one_has_no_effect() {
    let stage = stage().await;
    let host = host(&stage).await;
    let rows = "[[rule]]\nname = \"never\"\ncall = \"effects.blind\"\nthen = \"deny\"\n[[rule]]\nname = \"ask-first\"\ncall = \"effects.readable\"\ndestination = \"main\"\nthen = { require = \"boss\" }\n";
    install(&host, &format!("{MANIFEST}\n{rows}"))
        .await
        .unwrap();
    let denied = call(&host, "make", &[Step::new("blind", "a", "1")]).await;
    let said = denied.output.unwrap().to_string();
    assert!(said.contains("refused"), "{said}");
    let held = call(&host, "make", &[Step::new("readable", "a", "1")]).await;
    assert_eq!(held.state, RunState::Held, "{held:?}");
    assert_eq!(stage.ledger().lines().unwrap(), []);
    let card = host.cards(&person(), false).await.unwrap().remove(0);
    assert_eq!(card.call, "effects.readable");
    assert_eq!(card.arguments["value"], "1");
    let done = host
        .approve(&person(), &card.approval, &card.digest)
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done, "{done:?}");
    assert_eq!(stage.ledger().effects().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_s_writes_are_irreversible_where_it_cannot_put_them_back() {
    let stage = stage().await;
    let extension = Extension::new("effects", offer_writes).with_backend(stage.ledger());
    let host = open(&stage, vec![extension]).await.unwrap();
    // The capability captures what was there; nobody could put it back.
    let held = call(&host, "make", &[Step::new("blind", "a", "1")]).await;
    assert_eq!(held.state, RunState::Held, "{held:?}");
    let card = host.cards(&person(), false).await.unwrap().remove(0);
    assert_eq!(card.effect, Effect::Irreversible);
    assert_eq!(stage.ledger().lines().unwrap(), []);
}

fn offer_writes(imports: &mut Imports) -> Result<(), SandboxError> {
    imports.offer::<effects::Read>()?;
    imports.offer::<effects::Write<effects::Idempotent>>()?;
    imports.offer::<effects::Write<effects::Readable>>()?;
    imports.offer::<effects::Write<effects::Conditional>>()?;
    imports.offer::<effects::Write<effects::Blind>>()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_without_a_grant_for_an_extension_is_not_installed() {
    let stage = stage().await;
    let host = host(&stage).await;
    let without = MANIFEST.replace("[extension.effects.main]\n", "");
    match install(&host, &without).await {
        Err(InstallError::NotGranted { missing }) => {
            assert_eq!(missing.len(), 5, "{missing:?}");
            for (import, line) in missing {
                assert!(import.starts_with(INTERFACE), "{import}");
                assert_eq!(line, "[extension.effects.DESTINATION]");
            }
        }
        other => panic!("{other:?}"),
    }
    // A ledger of another name is granted, and the guest names `main`.
    let other = MANIFEST.replace("[extension.effects.main]", "[extension.effects.other]");
    install(&host, &other).await.unwrap();
    let refused = call(&host, "make", &[Step::new("blind", "a", "1")]).await;
    let said = refused.output.unwrap().to_string();
    assert!(said.contains("grants no ledger `main`"), "{said}");
    assert_eq!(stage.ledger().lines().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_no_extension_of_the_host_understands_is_refused() {
    let stage = stage().await;
    let host = host(&stage).await;
    let unknown = format!("{MANIFEST}\n[extension.ledger.main]\n");
    match install(&host, &unknown).await {
        Err(error @ InstallError::UnknownExtension { .. }) => {
            assert!(error.to_string().contains("it has `effects`"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let key = MANIFEST.replace(
        "[extension.effects.main]",
        "[extension.effects.main]\nlimt = 5",
    );
    match install(&host, &key).await {
        Err(InstallError::ExtensionGrant { place, problem }) => {
            assert_eq!(place, "extension.effects.main");
            assert!(problem.contains("limt"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
    let rule =
        format!("{MANIFEST}\n[[rule]]\nname = \"a\"\ncall = \"effects.blnd\"\nthen = \"deny\"\n");
    match install(&host, &rule).await {
        Err(InstallError::UnknownExtensionCall { call, .. }) => assert_eq!(call, "effects.blnd"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_the_extension_runs_none_of_its_connectors() {
    let stage = stage().await;
    let host = open(&stage, Vec::new()).await.unwrap();
    // It was installed by a host that has it; this one does not load it.
    assert!(host.tools(&agent()).is_empty());
    let without = MANIFEST.replace("[extension.effects.main]\n", "");
    match install(&host, &without).await {
        Err(InstallError::NotAConnector(why)) => assert!(why.contains(INTERFACE), "{why}"),
        other => panic!("{other:?}"),
    }
    match install(&host, MANIFEST).await {
        Err(InstallError::NotAConnector(_) | InstallError::UnknownExtension { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_names_the_extension_s_functions_in_both_profiles() {
    let stage = stage().await;
    let host = host(&stage).await;
    for offered in host.offered_imports() {
        let own: Vec<&str> = offered
            .iter()
            .filter(|(interface, _)| *interface == INTERFACE)
            .map(|(_, function)| *function)
            .collect();
        let all = ["read", "idempotent", "readable", "conditional", "blind"];
        assert_eq!(own, all);
    }
}

/// An operation that answers with its name, under whatever names.
macro_rules! spy {
    ($name:ident $call:literal $interface:literal $function:literal) => {
        struct $name;

        impl Operation for $name {
            const CALL: &'static str = $call;
            type Arguments = (String, String);
            type Reply = String;
            type Plan = ();

            fn describe(_: Self::Arguments, _: &Scope<'_>) -> Described<(), String> {
                Described {
                    destination: String::new(),
                    identity: String::new(),
                    effect: Effect::Read,
                    arguments: json!({}),
                    next: Next::Perform(()),
                }
            }

            fn refuse(_: Refusal) -> String {
                String::new()
            }

            async fn perform(
                (): (),
                _: Option<&Prior>,
                _: &Scope<'_>,
                _: &Backends,
            ) -> Performed<String> {
                Performed::answered("spied".to_owned())
            }
        }

        impl Imported for $name {
            const INTERFACE: &'static str = $interface;
            const FUNCTION: &'static str = $function;
            type Results = (String,);
            fn results(reply: String) -> (String,) {
                (reply,)
            }
        }
    };
}

spy!(TakesKv "spy.get" "tollgate:connector/kv@0.1.0" "get");
spy!(AddsToContract "spy.evil" "tollgate:connector/evil@0.1.0" "evil");
spy!(TakesWasi "spy.now" "wasi:clocks/wall-clock@0.2.6" "now");
spy!(OpensSockets "spy.tcp" "wasi:sockets/tcp@0.2.6" "connect");
spy!(PassesForKv "kv.get" "acme:spy/spy@1.0.0" "get");
spy!(PassesForAnother "spying.get" "acme:spy/spy@1.0.0" "get");
spy!(HasNoName "spy." "acme:spy/spy@1.0.0" "get");
spy!(HasTwoDots "spy.kv.get" "acme:spy/spy@1.0.0" "get");
spy!(HasNoPackage "spy.get" "spy" "get");
spy!(Honest "spy.get" "acme:spy/spy@1.0.0" "get");

async fn refused(stage: &Stage, extensions: Vec<Extension>) -> String {
    match open(stage, extensions).await {
        Err(HostError::Sandbox(error @ SandboxError::Extension { .. })) => error.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the host opened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_cannot_take_or_feign_what_is_the_host_s_own() {
    let stage = stage().await;
    for (offer, told) in [
        (
            (|imports| imports.offer::<TakesKv>()) as fn(&mut Imports) -> Result<(), SandboxError>,
            "`tollgate:connector/kv@0.1.0` is not its own",
        ),
        (
            |imports| imports.offer::<AddsToContract>(),
            "is not its own",
        ),
        (|imports| imports.offer::<TakesWasi>(), "is not its own"),
        (|imports| imports.offer::<OpensSockets>(), "is not its own"),
        (|imports| imports.offer::<HasNoPackage>(), "is not its own"),
        (
            |imports| imports.offer::<PassesForKv>(),
            "`kv.get` is not named `spy.",
        ),
        (
            |imports| imports.offer::<PassesForAnother>(),
            "is not named `spy.",
        ),
        (|imports| imports.offer::<HasNoName>(), "is not named `spy."),
        (
            |imports| imports.offer::<HasTwoDots>(),
            "is not named `spy.",
        ),
    ] {
        let said = refused(&stage, vec![Extension::new("spy", offer)]).await;
        assert!(said.contains(told), "{said}");
    }
    for name in ["kv", "http", "wasi", "tollgate", "", "a.b", "S"] {
        let extension = Extension::new(name, |imports| imports.offer::<Honest>());
        refused(&stage, vec![extension]).await;
    }
    let honest = Extension::new("spy", |imports| imports.offer::<Honest>());
    refused(&stage, vec![honest.clone(), honest.clone()]).await;
    let ledger = || Counter::new(stage.home());
    let (one, two) = (
        honest.clone().with_backend(ledger()),
        effects::extension(ledger()),
    );
    let said = refused(&stage, vec![one, two]).await;
    assert!(said.contains("back-end of the same type"), "{said}");
    open(&stage, vec![honest]).await.unwrap();
}
