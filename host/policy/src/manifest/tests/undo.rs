//! For how long a write can be taken back, and rules for taking back.

use serde_json::json;

use super::*;
use crate::{Outcome, ToolFacts};

const ROWS: &str = r#"
[grant.kv.notes]
max_bytes = "1KiB"
window = "2h"

[grant.files.box]
directory = "data/box"
[[grant.files.box.path]]
glob = "**"
verbs = ["write"]
window = "30d"
[[grant.files.box.path]]
glob = "sent/*"
verbs = ["write"]
window = "1d"

[grant.sql.orders]
source = "sqlite:data/orders.db"
[[grant.sql.orders.table]]
name = "orders"
update = ["status"]
window = "3d"

[grant.http.desk]
base_url = "https://desk.example"
[[grant.http.desk.route]]
call = "GET /tickets/{id:int}"
[[grant.http.desk.route]]
call = "PATCH /tickets/{id:int}"
effect = "write"
undo = "restore"
window = "10m"
"#;

#[test]
fn a_row_says_for_how_long_its_writes_can_be_taken_back() {
    let grant = Manifest::parse("m.toml", &with(ROWS)).unwrap().grant;
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
    assert_eq!(grant.kv["notes"].window, hours(2));
    assert_eq!(grant.files["box"].window("a.txt"), hours(30 * 24));
    // Of two rows that speak of a path, the shorter one counts.
    assert_eq!(grant.files["box"].window("sent/a.txt"), hours(24));
    assert_eq!(grant.sql["orders"].tables[0].window, hours(3 * 24));
    let routes = &grant.http["desk"].routes;
    assert_eq!(routes[0].window, None);
    assert_eq!(routes[1].window, Some(Duration::from_secs(600)));
}

#[test]
fn a_window_that_says_nothing_is_refused() {
    for (from, to, words) in [
        ("\"2h\"", "\"0h\"", "out of range"),
        ("\"2h\"", "\"soon\"", "`window` is"),
        ("\"2h\"", "7200", "`window` is"),
        ("\"2h\"", "\"4000d\"", "out of range"),
        (
            "call = \"GET /tickets/{id:int}\"",
            "call = \"GET /tickets/{id:int}\"\nwindow = \"1d\"",
            "this row reads",
        ),
        (
            "undo = \"restore\"",
            "undo = \"compensate\"",
            "leaves a trace",
        ),
    ] {
        let error = Manifest::parse("m.toml", &with(&ROWS.replacen(from, to, 1))).unwrap_err();
        assert!(error.to_string().contains(words), "{to}: {error}");
    }
}

#[test]
fn a_rule_can_allow_a_tool_for_taking_back_only() {
    let outcome = |rows: &str, undo: bool| {
        let manifest = Manifest::parse("m.toml", &with(rows)).unwrap();
        let input = json!({});
        let facts = ToolFacts {
            tool: "remove_row",
            input: &input,
            workflow: None,
            principal: "agent-7",
            undo,
            case: None,
        };
        manifest.compiled.decide_tool(&facts).outcome
    };
    let only = "[[rule]]\nname = \"back\"\ntool = \"remove_row\"\nundo = true\nthen = \"allow\"\n";
    assert_eq!(outcome(only, true), Outcome::Allow);
    assert_eq!(outcome(only, false), Outcome::Deny);
    let never = "[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n[[rule]]\nname = \"final\"\nundo = true\nthen = \"deny\"\n";
    assert_eq!(outcome(never, true), Outcome::Deny);
    assert_eq!(outcome(never, false), Outcome::Allow);
    let error = Manifest::parse("m.toml", &with(&only.replace("true", "\"yes\""))).unwrap_err();
    assert!(error.to_string().contains("undo"), "{error}");
    // Neither makes the other one unreachable.
    let both = format!(
        "{only}{}",
        only.replace("back", "forth").replace("true", "false")
    );
    assert_eq!(outcome(&both, false), Outcome::Allow);
    let covered = format!("[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n{only}");
    let error = Manifest::parse("m.toml", &with(&covered)).unwrap_err();
    assert!(error.to_string().contains("can never decide"), "{error}");
}
