//! A host, and everything that it and people write to: how each place is written,
//! and how it is looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use tollgate_runtime::{RunState, UndoOptions, UndoReport};

use crate::house::{House, agent, call, database};
use crate::http::{Desk, manifest};

const ROUTES: &str = r#"
[[grant.http.desk.route]]
call = "GET /tickets/{id:int}"
[[grant.http.desk.route]]
call = "PATCH /tickets/{id:int}"
effect = "write"
undo = "restore"
"#;

/// Something that is written as a whole or member by member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Row(u8),
    File(u8),
    Key(u8),
    Ticket(u8),
}

impl Place {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Row(number) | Self::File(number) | Self::Key(number) | Self::Ticket(number) => {
                number
            }
        }
    }
}

/// Members of a place that is there; nothing where it is not.
pub(super) type State = Option<BTreeMap<&'static str, String>>;
pub(super) type World = BTreeMap<Place, State>;

/// One write, to one member or both, or, with no value, the end of it.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) place: Place,
    pub(super) value: Option<u8>,
    /// Whether only the first member is written, where it has two.
    pub(super) first_only: bool,
}

/// A host, and everything that it and people write to.
pub(super) struct Scene {
    pub(super) house: House,
    desk: Desk,
    orders: SqliteConnection,
    own: SqliteConnection,
}

impl Scene {
    pub(super) async fn open() -> Self {
        let house = House::hostile("", "").await;
        let desk = Desk::open().await;
        let caller = tollgate_tests::component("tests/guests/caller");
        house.install(&manifest(&desk, "", ROUTES), &caller).await;
        let orders = database(&house.path("data/orders.db")).await;
        let own = database(&house.path("tollgate.db")).await;
        Self {
            house,
            desk,
            orders,
            own,
        }
    }

    async fn sql(&mut self, text: String) {
        sqlx::raw_sql(AssertSqlSafe(text))
            .execute(&mut self.orders)
            .await
            .unwrap();
    }

    /// Every place as it is at the beginning of a history.
    pub(super) async fn reset(&mut self) {
        self.sql(
            "DELETE FROM orders; INSERT INTO orders VALUES (1, 'first', 'first', NULL)".to_owned(),
        )
        .await;
        for number in 1..3 {
            drop(std::fs::remove_file(self.file(number)));
            let writes = json!([{"key": format!("k{number}")}]);
            self.house.call("several", json!({"writes": writes})).await;
            for member in ["status", "subject"] {
                self.desk.edit(number.into(), member, json!("first"));
            }
        }
        std::fs::write(self.file(1), "first").unwrap();
    }

    fn file(&self, number: u8) -> std::path::PathBuf {
        self.house.path(&format!("data/box/{number}.txt"))
    }

    pub(super) async fn world(&mut self) -> World {
        let mut world = World::new();
        for number in 1..3 {
            world.insert(Place::Row(number), None);
            world.insert(Place::Key(number), None);
            let text = std::fs::read_to_string(self.file(number)).ok();
            world.insert(
                Place::File(number),
                text.map(|text| [("text", text)].into()),
            );
            let ticket = self.desk.ticket(number.into()).unwrap();
            let member = |name: &'static str| (name, ticket[name].as_str().unwrap().to_owned());
            let ticket = [member("status"), member("subject")].into();
            world.insert(Place::Ticket(number), Some(ticket));
        }
        let rows = sqlx::query("SELECT id, status, customer FROM orders");
        for row in rows.fetch_all(&mut self.orders).await.unwrap() {
            let members = [("status", row.get(1)), ("customer", row.get(2))].into();
            world.insert(Place::Row(row.get(0)), Some(members));
        }
        let keys =
            sqlx::query("SELECT CAST(key AS TEXT), value FROM kv WHERE connector = 'hostile'");
        for row in keys.fetch_all(&mut self.own).await.unwrap() {
            let number = row.get::<String, _>(0)[1..].parse().unwrap();
            let value: Value = serde_json::from_slice(&row.get::<Vec<u8>, _>(1)).unwrap();
            let member = |name: &'static str| {
                let value = value[name].as_str()?;
                Some((name, value.to_owned()))
            };
            let members = [member("a"), member("b")].into_iter().flatten().collect();
            world.insert(Place::Key(number), Some(members));
        }
        world
    }

    /// What the agent's tool writes, where it can.
    fn write(edit: &Edit, there: &State) -> Option<Value> {
        let text = edit.value.map(|value| format!("agent {value}"));
        Some(match (edit.place, text) {
            (Place::Row(id), None) => {
                json!({"statement": format!("DELETE FROM orders WHERE id = {id}")})
            }
            (Place::Row(id), Some(text)) if there.is_some() => {
                json!({"statement": format!("UPDATE orders SET status = '{text}' WHERE id = {id}")})
            }
            (Place::Row(id), Some(text)) => json!({"statement": format!(
                "INSERT INTO orders (id, customer, status) VALUES ({id}, '{text}', '{text}')"
            )}),
            (Place::File(number), text) => json!({"path": format!("{number}.txt"), "text": text}),
            (Place::Key(number), None) => json!({"key": format!("k{number}")}),
            (Place::Key(number), Some(text)) => {
                let old = there.as_ref().and_then(|there| there.get("b"));
                let value = match old.filter(|_| edit.first_only) {
                    Some(old) => json!({"a": text, "b": old}),
                    None => json!({"a": text, "b": text}),
                };
                json!({"key": format!("k{number}"), "text": value.to_string()})
            }
            (Place::Ticket(_), None) => return None,
            (Place::Ticket(id), Some(text)) => {
                let content = match edit.first_only {
                    true => json!({"status": text}),
                    false => json!({"status": text, "subject": text}),
                };
                crate::http::ask(
                    "PATCH",
                    &["tickets", &id.to_string()],
                    json!({"json": content}),
                )
            }
        })
    }

    /// One run of the agent; nothing where it has nothing to write.
    pub(super) async fn agent(&self, edits: &[Edit], world: &World) -> Option<(String, RunState)> {
        let mut seen = BTreeSet::new();
        let elsewhere = matches!(edits[0].place, Place::Ticket(_));
        let writes = edits.iter().filter(|edit| {
            matches!(edit.place, Place::Ticket(_)) == elsewhere && seen.insert(edit.place)
        });
        let writes: Vec<Value> = writes
            .filter(|edit| edit.value.is_some() || world[&edit.place].is_some())
            .filter_map(|edit| Self::write(edit, &world[&edit.place]))
            .collect();
        if writes.is_empty() {
            return None;
        }
        let call = match elsewhere {
            true => call("caller", "several", json!({"requests": writes})),
            false => call("hostile", "several", json!({"writes": writes})),
        };
        let report = self.house.host.call(&agent(), call).await.unwrap();
        Some((report.run, report.state))
    }

    pub(super) async fn person(&mut self, edit: &Edit, world: &World) {
        let there = &world[&edit.place];
        let text = edit.value.map(|value| format!("person {value}"));
        match (edit.place, text) {
            (Place::Row(id), None) => {
                self.sql(format!("DELETE FROM orders WHERE id = {id}"))
                    .await;
            }
            (Place::Row(id), Some(text)) if edit.first_only && there.is_some() => {
                self.sql(format!(
                    "UPDATE orders SET status = '{text}' WHERE id = {id}"
                ))
                .await;
            }
            (Place::Row(id), Some(text)) => {
                self.sql(format!(
                    "INSERT OR REPLACE INTO orders VALUES ({id}, '{text}', '{text}', NULL)"
                ))
                .await;
            }
            (Place::File(number), None) => drop(std::fs::remove_file(self.file(number))),
            (Place::File(number), Some(text)) => std::fs::write(self.file(number), text).unwrap(),
            // Nobody but runs writes to a store: another run stands for a person.
            (Place::Key(number), text) => {
                let value = text.map(|text| {
                    let old = there.as_ref().and_then(|there| there.get("b"));
                    let value = match old.filter(|_| edit.first_only) {
                        Some(old) => json!({"a": text, "b": old}),
                        None => json!({"a": text, "b": text}),
                    };
                    value.to_string()
                });
                let write = json!({"key": format!("k{number}"), "text": value});
                self.house.call("several", json!({"writes": [write]})).await;
            }
            (Place::Ticket(_), None) => {}
            (Place::Ticket(id), Some(text)) => {
                if !edit.first_only {
                    self.desk.edit(id.into(), "subject", json!(text));
                }
                self.desk.edit(id.into(), "status", json!(text));
            }
        }
    }

    pub(super) async fn undo(&self, run: &str, options: UndoOptions) -> UndoReport {
        self.house
            .host
            .undo_with(&agent(), run, options)
            .await
            .unwrap()
    }
}
