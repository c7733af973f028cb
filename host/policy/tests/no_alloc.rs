//! A decision allocates nothing, whatever the rules and the arguments are.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
};

use serde_json::json;
use tollgate_policy::{CallFacts, Digest, Effect, Manifest, Outcome, ToolFacts};

struct Counting;

thread_local! {
    /// Requests of this thread; the test harness has others.
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    REQUESTS.with(|requests| requests.set(requests.get() + 1));
}

#[expect(
    unsafe_code,
    reason = "a global allocator that counts can be written in no other way"
)]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn manifest() -> Manifest {
    let mut text = format!(
        "connector = \"c\"\ncomponent = \"{}\"\n[grant.kv.notes]\n",
        Digest::of(b"")
    );
    text.push_str("[approval.finance]\napprovers = [\"group:finance\"]\n");
    text.push_str("[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n");
    for i in 0..50 {
        text.push_str(&format!(
            "[[rule]]\nname = \"r{i}\"\ntool = [\"other\", \"refund\"]\ncall = \"kv.*\"\ndestination = \"notes\"\nthen = {{ require = \"finance\" }}\n\
             when = {{ \"input.text\" = {{ matches = \"(?i)[a-z]+-[0-9]{{{i},}}\", prefix = \"o\", length = {{ min = 1 }} }}, \
             \"args.list.0.n\" = {{ gt = {i}, in = [1, 2.5, \"x\", 70] }}, \"args.path\" = {{ glob = \"**/a/*b*/**\" }}, \
             \"args.deep\" = {{ same_as = \"input.deep\" }}, principal = {{ ne = \"person:x\" }} }}\n"
        ));
    }
    Manifest::parse("m.toml", &text).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn deciding_allocates_nothing() {
    let manifest = manifest();
    let deep = json!({"a": [1, {"b": "c"}], "n": 1.5});
    let input = json!({"text": format!("order-{}", "7".repeat(49)), "deep": deep});
    let args = json!({"list": [{"n": 70}], "path": "x/y/a/xbx/z", "deep": deep});
    let tool = ToolFacts {
        tool: "refund",
        input: &input,
        workflow: Some("desk"),
        principal: "agent:a",
        case: None,
    };
    let call = CallFacts {
        call: "kv.set",
        destination: "notes",
        identity: None,
        effect: Effect::Irreversible,
        args: &args,
    };

    let before = REQUESTS.with(Cell::get);
    let by_tool = black_box(manifest.compiled.decide_tool(black_box(&tool)));
    let by_call = black_box(
        manifest
            .compiled
            .decide_call(black_box(&tool), black_box(&call)),
    );
    let named = manifest.decided_by(&by_call).len();
    let requests = REQUESTS.with(Cell::get) - before;

    assert_eq!(by_tool.outcome, Outcome::Allow);
    assert_eq!(
        (by_call.outcome, by_call.rule, named),
        (Outcome::Require(0), Some(1), 2)
    );
    assert_eq!(requests, 0);
    let counted = REQUESTS.with(Cell::get);
    drop(black_box(Box::new(1)));
    assert_eq!(REQUESTS.with(Cell::get), counted + 1, "the counter counts");
}
