//! A decision allocates nothing, whatever the rules and the arguments are.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
};

use serde_json::json;
use tollgate_policy::{CallFacts, CaseFacts, Digest, Effect, Manifest, Outcome, ToolFacts};

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
    text.push_str("[list.odd]\nvalues = [\"x\", 9]\n[list.own]\nvalues = [\"a\"]\ninput = \"accounts\"\nrecord = { system = \"crm.api\", field = \"iban\" }\n");
    text.push_str("[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n");
    for i in 0..50 {
        text.push_str(&format!(
            "[[rule]]\nname = \"r{i}\"\ntool = [\"other\", \"refund\"]\ncall = \"handoff.*\"\ndestination = \"notes\"\nthen = {{ require = \"finance\" }}\n\
             when = {{ \"input.text\" = {{ matches = \"(?i)[a-z]+-[0-9]{{{i},}}\", prefix = \"o\", length = {{ min = 1 }} }}, \
             \"args.details.list.0.n\" = {{ gt = {i}, in = [1, 2.5, \"x\", 70] }}, \"args.details.path\" = {{ glob = \"**/a/*b*/**\" }}, \
             \"args.details.deep\" = {{ same_as = \"input.deep\" }}, principal = {{ ne = \"person:x\" }}, \
             \"input.order\" = {{ from = \"case\", not = {{ in_list = \"odd\" }}, any = [{{ eq = 5 }}, {{ from_record = {{ system = \"crm.api\", field = \"orders.id\" }} }}] }}, \
             \"input.to\" = {{ each = {{ known = \"own\", length = {{ max = 9 }} }} }}, \"input.rows\" = {{ each = {{ \"item.id\" = {{ same_as = \"item.copy\" }}, keys = {{ in = [\"id\", \"copy\"] }} }} }}, \"input.url\" = {{ host = \"*.example.com\" }}, \
             \"input.file\" = {{ path = \"reports/2026\" }}, destination = {{ prefix = \"handoff:\" }}, \"input.n\" = {{ range = {{ min = 1, max = 2.5 }} }} }}\n"
        ));
    }
    text.push_str("[[rule]]\nname = \"rest\"\ncall = \"handoff.*\"\nthen = { require = \"finance\" }\notherwise = true\n");
    Manifest::parse("m.toml", &text).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn deciding_allocates_nothing() {
    let manifest = manifest();
    let deep = json!({"a": [1, {"b": "c"}], "n": 1.5});
    let input = json!({"text": format!("order-{}", "7".repeat(49)), "deep": deep, "order": 17,
        "to": ["a", "DE1", "DE2"], "rows": [{"id": 1, "copy": 1.0}], "url": "https://eu.example.com/x", "file": "reports/2026/a.csv", "n": 2});
    let args = json!({"details": {"list": [{"n": 70}], "path": "x/y/a/xbx/z", "deep": deep}});
    let inputs = json!({"order": 17, "accounts": ["DE1"]});
    let mut case = CaseFacts::new(inputs.as_object().expect("an object"));
    case.read("crm.api", &json!({"iban": "DE2", "orders": [{"id": 17}]}));
    let tool = ToolFacts {
        tool: "refund",
        input: &input,
        workflow: Some("desk"),
        principal: "agent:a",
        undo: false,
        case: Some(&case),
    };
    let call = CallFacts {
        call: "handoff.escalate",
        destination: "notes",
        identity: Some("handoff:notes"),
        effect: Effect::Irreversible,
        egress: false,
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
