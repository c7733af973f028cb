//! A whole manifest, and everything that can be wrong with one.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod budgets;
mod examples;
mod http;
mod language;
mod lists;
mod mail;
mod otherwise;
mod typing;
mod undo;

use std::time::Duration;

use super::*;
use crate::{Approver, CallPattern, Effect, FileVerb, ToolPattern};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const WHOLE: &str = r#"
connector = "database"
component = "DIGEST"
profile = "wasi"
tenant = "acme"

[limits]
fuel = 1_000
memory = "32MiB"
stack = "256KiB"
table_elements = 100
host_call_bytes = "2MiB"
input_bytes = "1KiB"
output_bytes = "2KiB"
reply_bytes = "3KiB"
journal_bytes = "4KiB"
deadline = "5s"
calls = 6
log_lines = 7

[grant]
clock = false
random = true
log = true

[grant.sql.orders]
source = "sqlite:data/orders.db"
max_rows = 10
max_bytes = "1KiB"
functions = ["count"]

[[grant.sql.orders.table]]
name = "Orders"
read = ["Id", "customer"]
insert = ["id"]
update = ["status"]
delete = true
effect = "irreversible"

[grant.files.tracker]
directory = "data/tracker"
[[grant.files.tracker.path]]
glob = "*.xlsx"
verbs = ["read", "write", "remove"]
max_size = "1MiB"
effect = "irreversible"

[grant.kv.notes]
max_bytes = "2MiB"

[config]
workbook = "tracker.xlsx"
columns = ["a", 1, 2.5, true]
nested = { deep = 1 }

[[rule]]
name = "tools"
tool = ["query", "execute"]
then = "allow"

[[rule]]
name = "refund-limit"
tool = "execute"
call = "sql.execute"
destination = "orders"
effect = "write"
workflow = "refunds"
when = { "input.statement" = { eq = "refund" }, "input.params.amount_cents" = { gt = 5000, le = 1e6 }, "args.parameters.0" = { matches = "[A-Z]-[0-9]+", length = { max = 10 } }, principal = { prefix = "agent:" }, "args.parameters.1" = { same_as = "input.params.id" } }
then = { require = "finance" }
reason = "refunds over 50.00 need finance"

[approval.finance]
approvers = ["group:finance", "person:mira"]
decide_within = "2d"
execute_within = "30m"
title = "Refund {input.params.amount_cents} cents"

[approval.default]
approvers = ["group:owners"]
"#;

fn whole() -> Manifest {
    Manifest::parse("manifest.toml", &WHOLE.replace("DIGEST", DIGEST)).unwrap()
}

fn with(rest: &str) -> String {
    format!("connector = \"c\"\ncomponent = \"{DIGEST}\"\n{rest}")
}

fn faults(text: &str) -> String {
    Manifest::parse("m.toml", text)
        .map(|_| "no fault".to_owned())
        .unwrap_or_else(|faults| faults.to_string())
}

#[test]
fn a_whole_manifest_is_read_to_the_last_field() {
    let manifest = whole();
    assert_eq!(
        (manifest.connector.as_str(), manifest.tenant.as_str()),
        ("database", "acme")
    );
    assert_eq!(
        (manifest.profile, manifest.component.to_string().as_str()),
        (Profile::Wasi, DIGEST)
    );
    let limits = Limits {
        fuel: 1_000,
        memory: 32 << 20,
        stack: 256 << 10,
        table_elements: 100,
        host_call_bytes: 2 << 20,
        input_bytes: 1 << 10,
        output_bytes: 2 << 10,
        reply_bytes: 3 << 10,
        journal_bytes: 4 << 10,
        deadline: Duration::from_secs(5),
        calls: 6,
        log_lines: 7,
    };
    assert_eq!(manifest.limits, limits);
    let sql = &manifest.grant.sql["orders"];
    assert_eq!(
        (sql.sqlite_path(), sql.max_rows, sql.max_bytes),
        (Some("data/orders.db"), 10, 1024)
    );
    let table = sql.table("orders").unwrap();
    assert!(
        table.read.contains("id") && table.delete && table.effect == Some(Effect::Irreversible)
    );
    let files = &manifest.grant.files["tracker"];
    assert!(files.allows("a.xlsx", FileVerb::Remove) && files.paths[0].max_size == 1 << 20);
    assert_eq!(manifest.grant.kv["notes"].max_bytes, 2 << 20);
    assert!(!manifest.grant.clock && manifest.grant.random);
    assert_eq!(
        manifest.config["columns"],
        serde_json::json!(["a", 1, 2.5, true])
    );
    assert_eq!(manifest.config["nested"], serde_json::json!({"deep": 1}));
}

#[test]
fn an_approval_says_how_many_people_and_how_long_a_no_stands() {
    let text = format!(
        "connector = \"a\"\ncomponent = \"sha256:{}\"\n[approval.a]\napprovers = [\"group:x\", \"person:y\"]\nquorum = 3\ndeny_stands = \"30d\"\nexception = true\n",
        "0".repeat(64)
    );
    let manifest = Manifest::parse("m.toml", &text).unwrap();
    let approval = manifest.approval("a").unwrap();
    assert_eq!((approval.quorum, approval.exception), (3, true));
    assert_eq!(approval.deny_stands.as_secs(), 30 * 24 * 3600);
}

#[test]
fn rules_and_approvals_keep_the_order_of_the_file() {
    let manifest = whole();
    let [tools, refund] = manifest.rules.as_ref() else {
        panic!("two rules")
    };
    assert_eq!(
        tools.tool,
        ToolPattern::Names(vec!["query".to_owned(), "execute".to_owned()])
    );
    assert_eq!(
        refund.call,
        Some(CallPattern::Call("sql.execute".to_owned()))
    );
    assert_eq!((refund.when.len(), refund.then), (5, Outcome::Require(0)));
    let finance = manifest.approval("finance").unwrap();
    assert_eq!(
        finance.approvers,
        [
            Approver::Group("finance".to_owned()),
            Approver::Person("mira".to_owned())
        ]
    );
    assert_eq!(
        (finance.decide_within, finance.execute_within),
        (Duration::from_secs(172_800), Duration::from_secs(1_800))
    );
    assert_eq!((finance.quorum, finance.exception), (1, false));
    assert_eq!(finance.deny_stands, limits::DENY_STANDS);
    assert_eq!(manifest.approvals[1].name, "default");
    assert_eq!(manifest.approvals[1].decide_within, limits::DECIDE_WITHIN);
}

#[test]
fn what_is_left_out_is_safe() {
    let manifest = Manifest::parse("m.toml", &with("")).unwrap();
    assert_eq!(manifest.limits, Limits::default());
    assert_eq!(
        (manifest.profile, manifest.tenant.as_str()),
        (Profile::Sealed, "default")
    );
    assert!(manifest.rules.is_empty() && manifest.approvals.is_empty());
    assert!(
        manifest.grant.sql.is_empty()
            && manifest.grant.files.is_empty()
            && manifest.grant.kv.is_empty()
    );
    assert_eq!(manifest.digest(), Digest::of(manifest.text.as_bytes()));
}

#[test]
fn every_fault_is_told_at_once_with_its_place_and_what_to_write() {
    let text = "connector = \"Data Base\"\ncomponent = \"sha256:00\"\n\n[limits]\n  fule = 5\nmemory = 64\ndeadline = \"30\"\n\n[[rule]]\nname = \"a\"\nthen = { require = \"finanse\" }\n\n[approval.finance]\napprovers = [\"mira\"]\n";
    let expected = "\
m.toml:1:13: `Data Base` cannot be the name of a connector
  help: write 1 to 64 of a-z, 0-9 and `-`
m.toml:2:13: `component` is no digest: a digest has 64 lower-case hexadecimal digits after `sha256:`, this one has 2; copy the whole digest
  help: write the digest that `tollgate inspect` prints for the component
m.toml:5:3: unknown key `fule` in [limits]
  help: did you mean `fuel`?
m.toml:6:10: `memory` is the number 64
  help: write a whole number and its unit, B, KiB, MiB or GiB, for example \"64MiB\"
m.toml:7:12: `deadline` is \"30\"
  help: write a whole number and its unit, ms, s, m, h or d, for example \"30s\"
m.toml:11:20: there is no approval `finanse`
  help: did you mean `finance`?
m.toml:14:14: this approver cannot be read
  help: `mira` may be a person or a group; write `person:mira` or `group:mira`";
    assert_eq!(faults(text), expected);
}

#[test]
fn a_server_s_names_keep_their_case_and_no_address_is_repeated() {
    let text = "[grant.sql.o]\nsource = \"postgres:orders\"\n[[grant.sql.o.table]]\nname = \"Orders\"\nread = [\"Id\"]\ntenant_column = \"Whose\"\n";
    let manifest = Manifest::parse("m.toml", &with(text)).unwrap();
    let grant = &manifest.grant.sql["o"];
    assert_eq!(grant.dialect, crate::Dialect::Postgres);
    assert_eq!(grant.postgres_name(), Some("orders"));
    let table = grant.table("Orders").unwrap();
    assert!(table.read.contains("Id") && !table.read.contains("id"));
    assert_eq!(table.tenant_column.as_deref(), Some("Whose"));
    for source in ["postgres://u:pw@h/d", "postgres:u:pw@h", "mysql://u:pw@h/d"] {
        let text = with(&format!("[grant.sql.o]\nsource = \"{source}\"\n"));
        let said = Manifest::parse("m.toml", &text).unwrap_err().to_string();
        assert!(
            said.contains("tollgate.toml") && !said.contains("pw"),
            "{said}"
        );
    }
}

#[test]
fn each_mistake_has_its_own_advice() {
    let table = "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"t\"\nread = [\"a\"]\n";
    let approval = "[approval.a]\napprovers = [\"person:x\"]\n";
    for (rest, message) in [
        ("x = 1", "unknown key `x` in the manifest"),
        ("connector = \"d\"", "duplicate key"),
        ("[limits]\nfuel = 0", "whole number above 0"),
        ("[limits]\nfuel = -1", "whole number above 0"),
        ("[limits]\nfuel = \"5\"", "`fuel` is a text"),
        ("[limits]\nmemory = \"5GiB\"", "at most \"4GiB\""),
        ("[limits]\nmemory = \"0B\"", "out of range"),
        ("[limits]\ndeadline = \"2h\"", "out of range"),
        ("limits = 3", "write a table"),
        ("profile = \"open\"", "there is no profile `open`"),
        ("tenant = \"a b\"", "a tenant"),
        ("tenant = \"a\\u202eb\"", "a⟨U+202E⟩b"),
        ("[grant]\nclok = true", "did you mean `clock`?"),
        ("[grant]\nclock = \"yes\"", "write true or false"),
        ("[grant.ftp.x]\n", "unknown key `ftp`"),
        (
            "[grant.sql.o]\nsource = \"mysql\"",
            "no database this host can open",
        ),
        (
            "[grant.sql.o]\nsource = \"postgres://u:pw@h/d\"",
            "an address of a database does not belong",
        ),
        (
            "[grant.sql.o]\nsource = \"mysql://u:pw@h/d\"",
            "an address of a database does not belong",
        ),
        (
            "[grant.sql.o]\nsource = \"postgres:A b\"",
            "cannot be the name of a database of the host's settings",
        ),
        (
            "[grant.sql.o]\nsource = \"postgres:o\"\nfunctions = [\"hex\"]",
            "the function `hex` cannot be granted",
        ),
        (
            "[grant.sql.o]\nsource = \"postgres:o\"\n[[grant.sql.o.table]]\nname = \"t\"\nread = [\"ctid\"]",
            "`ctid` is no column that can be granted",
        ),
        (
            &format!("{table}update = [\"a\"]\ntenant_column = \"A\""),
            "`a` is the tenant's column, and granted to be written",
        ),
        (
            &format!("{table}tenant_column = \"rowid\""),
            "`rowid` is no column that can hold a tenant",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite::memory:\"",
            "no plain path",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db?mode=rwc\"",
            "no plain path",
        ),
        ("[grant.sql.o]\nsource = \"sqlite:../o.db\"", "goes up"),
        ("[grant.sql.o]\nsource = \"sqlite:o.db\"", "grants no table"),
        ("[grant.sql.o]\n", "has no `source`"),
        (
            "[grant.sql.\"O x\"]\nsource = \"sqlite:o.db\"",
            "cannot be the name of grant.sql",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\ntable = 3",
            "not a list of tables",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\nfunctions = [\"load_extension\"]",
            "cannot be granted",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\nfunctions = [\"cuont\"]",
            "did you mean `count`?",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"sqlite_schema\"\nread = [\"*\"]",
            "no table that can be granted",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"main.t\"\nread = [\"*\"]",
            "no table that can be granted",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"t\"",
            "grants nothing",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"t\"\nread = [\"*\", \"a\"]",
            "granted by `*` already",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"t\"\nread = [\"a\", \"A\"]",
            "stands twice",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"t\"\ninsert = [\"*\"]",
            "`insert` cannot be `*`",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"t\"\nupdate = [\"\"]",
            "no column",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"t\"\ndelete = true\neffect = \"read\"",
            "never lower",
        ),
        (
            "[grant.sql.o]\nsource = \"sqlite:o.db\"\n[[grant.sql.o.table]]\nname = \"t\"\ndelete = true\n[[grant.sql.o.table]]\nname = \"T\"\ndelete = true",
            "granted twice",
        ),
        ("[grant.files.f]\ndirectory = \"..\"\n", "goes up"),
        ("[grant.files.f]\ndirectory = \"d\"\n", "grants no path"),
        (
            "[grant.files.f]\ndirectory = \"d\"\n[[grant.files.f.path]]\nglob = \"**.x\"\nverbs = [\"read\"]",
            "whole segment",
        ),
        (
            "[grant.files.f]\ndirectory = \"d\"\n[[grant.files.f.path]]\nglob = \"*\"\nverbs = [\"raed\"]",
            "did you mean `read`?",
        ),
        (
            "[grant.files.f]\ndirectory = \"d\"\n[[grant.files.f.path]]\nglob = \"*\"",
            "grants no verb",
        ),
        ("[grant.kv.k]\nmax_bytes = 5", "unit"),
        ("[config]\na = 9007199254740993", "as a text"),
        ("[config]\na = 1979-05-27", "as a text"),
        ("[config]\na = [inf]", "as a text"),
        ("config = 5", "write a table"),
        ("[[rule]]\ntool = \"a\"\nthen = \"allow\"", "has no `name`"),
        ("[[rule]]\nname = \"a\"\ntool = \"a\"", "has no `then`"),
        (
            "[[rule]]\nname = \"(default)\"\ntool = \"a\"\nthen = \"allow\"",
            "cannot be the name of a rule",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"allow\"",
            "allows every tool",
        ),
        (
            "[[rule]]\nname = \"a\"\ntool = \"a*\"\nthen = \"allow\"",
            "patterns are not read here",
        ),
        (
            "[[rule]]\nname = \"a\"\ntool = []\nthen = \"allow\"",
            "empty list",
        ),
        (
            "[[rule]]\nname = \"a\"\ntool = 5\nthen = \"allow\"",
            "`tool` is the number 5",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"permit\"",
            "no outcome `permit`",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = { requires = \"x\" }",
            "did you mean `require`?",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = { require = \"x\" }",
            "add [approval.x]",
        ),
        (
            "[[rule]]\nname = \"a\"\ncall = \"sql.exec\"\nthen = \"deny\"",
            "did you mean `sql.execute`?",
        ),
        (
            "[[rule]]\nname = \"a\"\ncall = \"ftp.*\"\nthen = \"deny\"",
            "no import call",
        ),
        (
            "[[rule]]\nname = \"a\"\ndestination = \"o\"\ncall = \"*\"\nthen = \"deny\"",
            "no grant is named `o`",
        ),
        (
            "[[rule]]\nname = \"a\"\neffect = \"write\"\nthen = \"deny\"",
            "add call",
        ),
        (
            "[[rule]]\nname = \"a\"\ncall = \"*\"\neffect = \"wirte\"\nthen = \"deny\"",
            "did you mean `write`?",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"args.x\" = { eq = 1 } }",
            "add call",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"output.x\" = { eq = 1 } }",
            "no field",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = 5 }",
            "write a comparison",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { input.x = { eq = 5 } }",
            "\"input.x\"",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { equals = 5 } }",
            "no comparison `equals`",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { gt = \"5\" } }",
            "`gt` is a text",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { gt = 9007199254740993 } }",
            "2^53",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { gt = nan } }",
            "2^53",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { in = [] } }",
            "at least one value",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { eq = [1] } }",
            "`eq` is a list",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { matches = \"(\" } }",
            "cannot be read",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { glob = \"a**\" } }",
            "whole segment",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { length = { min = 5, max = 2 } } }",
            "the smaller first",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = { \"input.x\" = { exists = 1 } }",
            "true or false",
        ),
        (
            "[[rule]]\nname = \"a\"\nthen = \"deny\"\nwhen = {}",
            "says nothing",
        ),
        (
            "[[rule]]\nname = \"a\"\ntool = \"x\"\nthen = \"deny\"\n[[rule]]\nname = \"a\"\ntool = \"y\"\nthen = \"deny\"",
            "two rules `a`",
        ),
        (
            "[[rule]]\nname = \"a\"\ntool = \"x\"\nthen = \"allow\"\n[[rule]]\nname = \"b\"\ntool = \"x\"\nthen = \"deny\"",
            "rule `a` can never decide: `b`",
        ),
        (
            "[[rule]]\nname = \"a\"\ntool = \"*\"\nthen = \"allow\"\n[[rule]]\nname = \"b\"\ntool = \"x\"\nthen = \"allow\"",
            "rule `b` can never decide: `a`",
        ),
        ("[approval.a]\n", "nobody can decide"),
        (
            "[approval.a]\napprovers = [\"person:x\", \"person:y\"]\nquorum = 3",
            "only 2 persons are named",
        ),
        (
            "[approval.a]\napprovers = [\"group:x\"]\nquorum = 0",
            "above 0",
        ),
        (
            "[approval.a]\napprovers = [\"group:x\"]\nquorum = 21",
            "`quorum`",
        ),
        (
            "[approval.a]\napprovers = [\"group:x\"]\ndeny_stands = \"0s\"",
            "out of range",
        ),
        (
            "[approval.a]\napprovers = [\"group:x\"]\nexception = 1",
            "true or false",
        ),
        ("[approval.a]\napprovers = [\"agent:x\"]", "cannot be read"),
        (
            "[approval.a]\napprovers = [\"person:x\", \"person:x\"]",
            "stands twice",
        ),
        (
            "[approval.a]\napprovers = [\"person:x\"]\ndecide_within = \"0s\"",
            "out of range",
        ),
        (
            "[approval.a]\napprovers = [\"person:x\"]\ntitle = \"{x\"",
            "a brace stands alone",
        ),
        (
            "[approval.a]\napprovers = [\"person:x\"]\ntitle = \"a\\nb\"",
            "one plain line",
        ),
        ("= 1", "TOML"),
        ("a = ", "TOML"),
    ] {
        let told = faults(&with(rest));
        assert!(
            told.contains(message),
            "{rest}\n--- wanted: {message}\n--- got: {told}"
        );
        assert!(told.contains("\n  help: "), "{told}");
    }
    let good = format!(
        "{table}[[rule]]\nname = \"a\"\ncall = \"sql.*\"\ndestination = \"o\"\nthen = {{ require = \"a\" }}\n{approval}"
    );
    assert_eq!(faults(&with(&good)), "no fault");
}

#[test]
fn an_operator_can_stop_a_connector_with_one_row() {
    let rows = "[[rule]]\nname = \"a\"\ntool = \"x\"\nthen = \"allow\"\n[[rule]]\nname = \"stop\"\nthen = \"deny\"";
    assert_eq!(faults(&with(rows)), "no fault");
}

#[test]
fn a_place_counts_characters_not_bytes() {
    assert!(faults(&with("tenant = \"é\" # é\nprofile = \"ö\"")).contains("m.toml:4:11"));
    assert!(faults("é").starts_with("m.toml:1:"));
}

#[test]
fn an_import_without_a_grant_is_named_with_the_line_to_add() {
    let manifest = Manifest::parse("m.toml", &with("[grant]\nlog = false")).unwrap();
    let imports: Vec<_> = [
        "clock.now",
        "config.get",
        "log.emit",
        "sql.query",
        "sql.execute",
        "files.write",
        "kv.get",
        "http.send",
        "mail.send",
        "handoff.escalate",
        "wasi:sockets/tcp",
    ]
    .map(str::to_owned)
    .into();
    let missing: Vec<_> = manifest
        .missing_grants(&imports)
        .into_iter()
        .map(|missing| missing.import)
        .collect();
    assert_eq!(
        missing,
        [
            "log.emit",
            "sql.query",
            "sql.execute",
            "files.write",
            "kv.get",
            "http.send",
            "mail.send",
            "handoff.escalate",
            "wasi:sockets/tcp"
        ]
    );
    let all: Vec<_> = [
        "sql.query",
        "sql.execute",
        "files.read",
        "files.list",
        "files.write",
        "files.remove",
        "kv.set",
        "random.bytes",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(whole().missing_grants(&all), []);
    let [clock] = &whole().missing_grants(&["clock.now".to_owned()])[..] else {
        panic!("one")
    };
    assert_eq!(
        clock.to_string(),
        "the component imports `clock.now`, which the manifest does not grant; to grant it, add: [grant] clock = true"
    );
}

#[test]
fn a_grant_of_an_extension_is_handed_on_as_it_stands() {
    let text = with(
        "[extension.ledger.main]\nurl = \"https://x\"\nlimit = 5\n[[rule]]\nname = \"a\"\ntool = \"*\"\ncall = \"ledger.*\"\ndestination = \"main\"\nthen = \"allow\"\n[[rule]]\nname = \"b\"\ntool = \"*\"\ncall = \"ledger.post\"\nthen = \"deny\"",
    );
    let manifest = Manifest::parse("m.toml", &text).unwrap();
    assert_eq!(
        manifest.extension("ledger", "main"),
        Some(&serde_json::json!({"url": "https://x", "limit": 5}))
    );
    assert_eq!(manifest.extension("ledger", "other"), None);
    assert_eq!(manifest.extension("other", "main"), None);
}

#[test]
fn an_extension_cannot_pass_for_a_capability_of_the_contract() {
    for (rows, told) in [
        (
            "[extension.sql.main]",
            "`sql` is a capability of the host's own",
        ),
        (
            "[extension.http.main]",
            "`http` is a capability of the host's own",
        ),
        (
            "[extension.\"a.b\".main]",
            "cannot be the name of an extension",
        ),
        (
            "[extension.ledger.\"\\u202e\"]",
            "cannot be the name of a destination",
        ),
        ("[extension.ledger]", "grants no destination"),
        ("[extension]\nledger = 5", "a table of named tables"),
        ("[extension.ledger]\nmain = 5", "`main` is the number 5"),
        ("extension = 5", "`extension` is the number 5"),
        (
            "[[rule]]\nname = \"a\"\ncall = \"ledger.post\"\nthen = \"deny\"",
            "no import call `ledger.post`",
        ),
    ] {
        let faults = faults(&with(rows));
        assert!(faults.contains(told), "{rows}: {faults}");
    }
    for name in ["ledger", "my-api_2"] {
        assert!(Manifest::is_extension_name(name));
    }
    for name in ["", "kv", "wasi", "Ledger", "a.b", "a*"] {
        assert!(!Manifest::is_extension_name(name), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn a_broken_manifest_is_told_and_never_a_panic(at in 0..WHOLE.len(), length in 0..40_usize, put in "[\\[\\]{}=\".\\na-z0-9 é]{0,8}") {
        let mut text = WHOLE.replace("DIGEST", DIGEST);
        let end = (at + length).min(text.len());
        text.replace_range(at..end, &put);
        if let Err(faults) = Manifest::parse("m.toml", &text) {
            proptest::prop_assert!(!faults.as_slice().is_empty());
        }
    }
}
