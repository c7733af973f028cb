//! The same connectors for every tenant, under the same names: what is granted to
//! each is called alike, and lies apart or is shared as an operator would have it.

use std::net::SocketAddr;

use crate::canary::{Canaries, Kind};

/// The table that both tenants' rows are in.
pub(crate) const TABLE: &str = "CREATE TABLE orders (id integer PRIMARY KEY, \
    customer text NOT NULL, status text, tenant text NOT NULL);";

const BOSS: &str = r#"
[approval.boss]
approvers = ["group:boss"]
decide_within = "1h"
execute_within = "10m"
"#;

/// Everything that the hostile guest can import.
pub(crate) fn hostile(own: &Canaries) -> String {
    let (tenant, config) = (own.of(Kind::Name), own.of(Kind::Config));
    format!(
        r#"
tenant = "{tenant}"
connector = "hostile"
component = "here"

[limits]
fuel = 20000000
deadline = "10s"

[config]
key = "{config}"

[grant.kv.scratch]
max_bytes = "256KiB"

[grant.files.box]
directory = "data/{tenant}/box"

[[grant.files.box.path]]
glob = "**"
verbs = ["read", "write", "remove"]
max_size = "64KiB"

[grant.sql.orders]
source = "sqlite:data/orders.db"
max_rows = 50
max_bytes = "64KiB"
functions = ["count"]

[[grant.sql.orders.table]]
name = "orders"
tenant_column = "tenant"
read = ["id", "customer", "status"]
insert = ["customer", "status"]
update = ["status"]
delete = true

[[rule]]
name = "no-invoices"
tool = "issue"
then = "deny"
reason = "no invoices: {config}"

[[rule]]
name = "ask"
tool = "send"
then = {{ require = "boss" }}
reason = "a boss looks: {config}"

[[rule]]
name = "everything"
tool = "*"
then = "allow"
{BOSS}
"#
    )
}

/// The web server that all tenants use, each with its own credential.
pub(crate) fn caller(own: &Canaries, server: SocketAddr) -> String {
    let tenant = own.of(Kind::Name);
    format!(
        r#"
tenant = "{tenant}"
connector = "caller"
component = "here"

[limits]
deadline = "10s"

[grant.http.desk]
base_url = "http://{server}/api"
addresses = ["127.0.0.1"]
timeout = "400ms"

[grant.http.desk.credential]
secret = "desk-token"
header = "authorization"
format = "Bearer {{}}"

[[grant.http.desk.route]]
call = "GET /tickets/{{id:int}}"

[[grant.http.desk.route]]
call = "GET /broken"

[[grant.http.desk.route]]
call = "GET /silent"

[[grant.http.desk.route]]
call = "GET /torn"

[[grant.http.desk.route]]
call = "GET /echo"

[[grant.http.desk.route]]
call = "PATCH /tickets/{{id:int}}"
effect = "write"
undo = "restore"

[[grant.http.desk.route]]
call = "POST /tickets"
effect = "write"
undo = "inverse"
idempotency = "header:idempotency-key"

[[grant.http.desk.route]]
call = "POST /notes"
effect = "write"
undo = "inverse"

[[grant.http.desk.route]]
call = "POST /payments"

[[rule]]
name = "everything"
tool = "*"
then = "allow"
{BOSS}
"#
    )
}

/// Work for people.
pub(crate) fn handover(own: &Canaries) -> String {
    let tenant = own.of(Kind::Name);
    format!(
        r#"
tenant = "{tenant}"
connector = "handover"
component = "here"

[grant.handoff.refunds]
max_open = 40
max_bytes = "1KiB"

[[rule]]
name = "everything"
tool = "*"
then = "allow"
"#
    )
}

/// A workflow that an agent of the same name has in every tenant.
pub(crate) fn workflow(own: &Canaries) -> String {
    let tenant = own.of(Kind::Name);
    format!(
        r#"
name = "counting"
tenant = "{tenant}"
owner = "group:boss"
purpose = "Count what comes."
handoff = "data_entry"
starts = ["person", "agent"]
agents = ["clerk"]
queue = "counting-failures"
mode = "normal"

[inputs.key]
type = "string"
max = 100

[tools]
hostile = ["echo", "increment", "send", "try_kv", "panics"]

[stop]
runs = 50
duration = "1h"
failures = 10
denials = 10

[done_when]
tool = "hostile.config_value"
input = {{ key = {{ from = "key" }} }}
output = {{ value = {{ eq = "counted" }} }}
"#
    )
}
