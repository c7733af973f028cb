//! Two tenants of one host see nothing of each other: two tenants with the same
//! connectors, the same names for everything and the same remote server, each with
//! words of its own in everything that it has or says. They call at the same time and
//! meet every kind of fault; whatever either is shown is searched for the other's
//! words, in every form that a program writes text in.
//!
//! `TOLLGATE_TENANT_CALLS` says how many calls (2 000), `TOLLGATE_TENANT_SEED`
//! repeats a run.
//!
//! | room | what is in it |
//! |---|---|
//! | `canary` | the words, and the search for them, which is tested by itself |
//! | `world`, `manifests`, `server` | the host, what is installed, the server that both use |
//! | `tenant` | who calls, and the search of all that is shown |
//! | `calls`, `decided` | the mix |
//! | `views` | everything that a tenant can look at |
//! | `foreign` | the names of others are names of nothing |
//! | `names` | principals of two tenants cannot be made one |
//! | `logged` | the host's log, which is one for all |
//! | `planted` | words that cross on purpose, each of which must be found |

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

mod calls;
mod canary;
mod chance;
mod decided;
mod foreign;
mod logged;
mod manifests;
mod names;
mod planted;
mod server;
mod tenant;
mod views;
mod world;

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;

use calls::Counts;
use canary::{Canaries, Detector, KINDS, Kind};
use chance::Chance;
use logged::{Logged, is_private};
use world::World;

/// Calls at once.
const AT_ONCE: usize = 16;

/// Faults that the mix must have met, with a part of what each came to.
const FAULTS: &[(&str, &str)] = &[
    ("server error", "done"),
    ("server silent", "NoAnswer"),
    ("answer torn", "NoAnswer"),
    ("credential echoed", "Refused"),
    ("trap", "connector_fault"),
    ("panic", "connector_fault"),
    ("endless", "limited"),
    ("too much memory", "limited"),
    ("bad answer", "connector_fault"),
    ("written, then trapped", "connector_fault"),
    ("not granted", "Refused"),
    ("not granted", "InvalidPath"),
    ("not valid", "invalid_input"),
    ("not valid", "unknown_tool"),
    ("denied by a rule", "denied"),
    ("held", "approved: done"),
    ("held", "denied: "),
    ("held", "edited: "),
    ("held", "changed: "),
    ("held", "left"),
    ("in doubt", "resolved"),
    ("undo", "undone"),
    ("replay", "identical"),
];

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "the figures are for who runs it")]
async fn no_word_of_a_tenant_is_ever_shown_to_another() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("TOLLGATE_TENANT_SEED").unwrap_or(now.as_millis() as u64);
    let calls = number("TOLLGATE_TENANT_CALLS").unwrap_or(2_000);
    eprintln!("tenants: seed {seed}, {calls} calls");
    let mut chance = Chance::of(seed);
    let all = [(); 2].map(|()| Canaries::new(&mut chance));
    let logged = Logged::capture(Detector::new(&all, |_, kind| is_private(kind)));
    let world = World::open(&all).await;
    let began = Instant::now();
    let counts = Counts::default();
    let steps = (0..calls).map(|call| {
        let (world, counts) = (&world, &counts);
        async move {
            let mut chance = Chance::of(seed ^ (call + 1).wrapping_mul(0x9e37_79b9));
            let tenant = &world.tenants[(call % 2) as usize];
            // Everything once by each, then as it comes.
            let tried =
                calls::one_of_all(call / 2).unwrap_or_else(|| calls::by_chance(&mut chance));
            world.step(tenant, tried, &mut chance, counts).await;
        }
    });
    let steps = futures_util::stream::iter(steps);
    steps.for_each_concurrent(AT_ONCE, |step| step).await;
    let called = began.elapsed();
    for ((tried, came), count) in counts.all() {
        eprintln!("  {count:>7} {tried}: {came}");
    }
    for tenant in &world.tenants {
        world.looks_at_everything(tenant).await;
    }
    let [one, other] = world.tenants.as_slice() else {
        panic!("two tenants")
    };
    let asked = world.strangers_names(one, other).await + world.strangers_names(other, one).await;

    let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut crossings = logged.crossings();
    bytes.insert("the host's log", logged.bytes());
    for tenant in &world.tenants {
        let seen = tenant.seen();
        crossings.extend(seen.crossings);
        for (place, count) in seen.bytes {
            *bytes.entry(place).or_default() += count;
        }
        // What is planted and never seen by its own tenant was not looked for either.
        for kind in KINDS {
            let seen = seen.own.contains_key(&kind);
            assert_eq!(
                seen,
                kind != Kind::Credential,
                "{kind:?} in its own tenant's view"
            );
        }
    }
    let at_server = world.server.seen();
    bytes.insert("requests at the server", at_server.bytes);
    crossings.extend(at_server.crossings);
    crossings.extend(home(&world, &all, &mut bytes));
    for (place, count) in &bytes {
        eprintln!("  {count:>12} bytes searched in {place}");
    }
    eprintln!(
        "tenants: seed {seed}, {calls} calls in {called:.1?}, {:.1?} with all views, {} requests at the server, {asked} questions for others' names, {} bytes searched, {} crossings",
        began.elapsed(),
        at_server.requests,
        bytes.values().sum::<u64>(),
        crossings.len(),
    );
    crossings.truncate(10);
    assert!(crossings.is_empty(), "{}", crossings.join("\n"));
    for (place, count) in bytes {
        assert_ne!(count, 0, "nothing was searched in {place}");
    }
    for (tried, came) in FAULTS.iter().filter(|_| calls >= 2_000) {
        assert_ne!(counts.met(tried, came), 0, "{tried}: {came} was never met");
    }
    world.finds_what_is_planted(&logged, [one, other]).await;
    world.finds_what_is_planted(&logged, [other, one]).await;
    world.close().await;
}

/// What lies in the host's folder beside the store and the tenants' own data: keys,
/// sealed secrets, compiled code, checkpoints. Nobody's words are there.
fn home(world: &World, all: &[Canaries], bytes: &mut BTreeMap<&str, u64>) -> Vec<String> {
    let private = Detector::new(all, |_, kind| is_private(kind));
    let mut crossings = Vec::new();
    for folder in ["keys", "secrets", "cache", "checkpoints"] {
        for (path, content) in views::below(&world.home.path().join(folder)) {
            *bytes.entry("the host's folder").or_default() += content.len() as u64;
            if let Some(found) = private.first(&content) {
                crossings.push(format!("{found:?} in {}", path.display()));
            }
        }
    }
    crossings
}
