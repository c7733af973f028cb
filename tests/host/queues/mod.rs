//! Whatever fails reaches whose work it is: in their queue, with the record, and
//! where they look anyway; once, whatever dies in between.

mod announced;
mod classes;
mod delivered;
mod flood;
mod owners;
mod tasks;

use serde_json::{Value, json};
use tollgate_policy::queue::FailureClass;
use tollgate_runtime::{Host, ItemDelivery, Principal, PrincipalKind, QueueItem, RunReport};
use tollgate_tests::component;

use crate::house::{BOSS, House, agent, call, principal};
use crate::http::Desk;

/// The last part of a delivery, up to its end.
pub(crate) const STANDING: &str =
    "standing = { by = \"person:mira\", call = \"http.send\", destination = \"desk\" }";

/// Settings with one queue for these classes and one for the rest, each delivered to
/// the desk under a path of its own.
fn settings(more: &str) -> String {
    let names = |wanted: fn(&FailureClass) -> bool| {
        let classes = FailureClass::ALL.iter().filter(|class| wanted(class));
        let quoted: Vec<String> = classes.map(|class| format!("\"{class}\"")).collect();
        quoted.join(", ")
    };
    let delivery = |path: &str| {
        format!(
            "[[queue.delivery]]\nname = \"{path}\"\nconnector = \"ending\"\ntool = \"deliver\"\n{more}\n\
             input = {{ path = [\"{path}\"], note = {{ item = \"{{id}}\", class = \"{{class}}\", \
             queue = \"{{queue}}\", owner = \"{{owner}}\", run = \"{{run}}\", record = \"{{record}}\" }} }}\n"
        )
    };
    format!(
        "[[queue]]\nname = \"work\"\nowner = \"group:support\"\nclasses = [{}]\n{}\
         [[queue]]\nname = \"letters\"\nowner = \"group:postmasters\"\nclasses = [{}]\n{}",
        names(|class| *class != FailureClass::DeliveryFailed),
        delivery("notes"),
        names(|class| *class == FailureClass::DeliveryFailed),
        delivery("letters"),
    )
}

/// The manifest of the guest that ends in every way, and that delivers.
pub(crate) fn ending(desk: &Desk, rows: &str) -> String {
    format!(
        r#"
connector = "ending"
component = "here"

[limits]
deadline = "10s"

[grant.http.desk]
base_url = "http://{}/api"
addresses = ["127.0.0.1"]
timeout = "2s"

[[grant.http.desk.route]]
call = "POST /notes"
idempotency = "header:idempotency-key"

[[grant.http.desk.route]]
call = "POST /letters"
idempotency = "header:idempotency-key"

[[grant.http.desk.route]]
call = "POST /elsewhere"

{rows}

[[rule]]
name = "everything"
tool = "*"
then = "allow"

{BOSS}
"#,
        desk.address
    )
}

/// A host that delivers what fails to a desk.
async fn house(more: &str) -> (House, Desk) {
    let desk = Desk::open().await;
    let house = House::with_settings(&settings(more)).await;
    let guest = component("tests/guests/ending");
    house.install(&ending(&desk, ""), &guest).await;
    (house, desk)
}

/// Somebody of a group.
fn of(group: &str) -> Principal {
    principal("sam", PrincipalKind::Person, &[group])
}

async fn end(house: &House, how: impl Into<Value>) -> RunReport {
    let input = json!({ "how": how.into() });
    let tool = call("ending", "end", input);
    house.host.call(&agent(), tool).await.unwrap()
}

/// The open item of this class: there is exactly one.
async fn only(host: &Host, group: &str, class: FailureClass) -> QueueItem {
    let items = host.queue(&of(group), false).await.unwrap();
    let mut items: Vec<_> = items
        .into_iter()
        .filter(|item| item.kind == class.as_str())
        .collect();
    assert_eq!(items.len(), 1, "{class}: {items:?}");
    items.remove(0)
}

/// What became of an item's one delivery, once it is over.
async fn over(host: &Host, group: &str, id: &str) -> ItemDelivery {
    until(host, group, id, |delivery| delivery.state != "pending").await
}

/// An item's one delivery, as soon as this is true of it.
async fn until(
    host: &Host,
    group: &str,
    id: &str,
    is: impl Fn(&ItemDelivery) -> bool,
) -> ItemDelivery {
    loop {
        host.deliver_due().await.unwrap();
        let item = host.queue_item(&of(group), id).await.unwrap();
        assert_eq!(item.deliveries.len(), 1, "{item:?}");
        let delivery = item.deliveries[0].clone();
        if is(&delivery) {
            return delivery;
        }
        tokio::task::yield_now().await;
    }
}

/// What the desk got under a path.
pub(crate) fn notes(desk: &Desk, path: &str) -> Vec<Value> {
    let target = format!("/api/{path}");
    let seen = desk.seen().into_iter().filter(|seen| seen.target == target);
    seen.map(|seen| serde_json::from_str(&seen.body).unwrap())
        .collect()
}
