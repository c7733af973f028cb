//! Whose work a failure is.
//!
//! ```toml
//! [[queue]]
//! name = "support"
//! tenant = "acme"                    # without one: all tenants that have none of their own
//! owner = "group:support"            # or person:mira; sees and resolves its items
//! classes = ["conflict", "rejected", "escalation"]
//!
//! [[queue.delivery]]                 # where the owner looks anyway
//! name = "desk"
//! connector = "support-desk"         # installed for the tenant, whose manifest allows the tool
//! tool = "open_ticket"
//! input = { subject = "{class} in {connector}.{tool}", body = "Item {id}, run {run}" }
//! attempts = 8                       # then it is a dead letter, an item of its own
//! standing = { by = "person:mira", call = "http.send", destination = "desk" }
//!
//! [[queue]]
//! none = true                        # nobody needs to know of these
//! classes = ["denied"]
//! ```
//!
//! Each class of failure is in exactly one table of a tenant. The attack, or the
//! oversight: a failure that goes nowhere. A file that leaves a class out is refused,
//! with the line to add.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;
use tollgate_policy::Approver;
use tollgate_policy::queue::{
    ATTEMPTS, Definition, Delivery, FailureClass, InputTemplate, MappingError, Notifications,
    Queue, Queues, Standing, TemplateField,
};
use tollgate_secrets::is_name;
use toml::Spanned;

use super::notify::Announcing;
use super::{Reader, SettingsError};

/// The longest name of a queue and of a delivery, bytes: with an item's id both fit
/// a request key.
pub(super) const NAME_BYTES_MAX: usize = 24;

/// Most deliveries of a queue, and most tries of one.
pub(super) const DELIVERIES_MAX: usize = 8;
const ATTEMPTS_MAX: u32 = 20;

/// Most open items of a tenant: fewer than a list of them shows, so that what must be an
/// item of its own has room.
const OPEN_MAX: u64 = 900;

/// Where failures go and who hears of pending approvals, by tenant.
#[derive(Clone, Debug, Default)]
pub struct QueueSettings {
    /// Of tenants that have none of their own.
    shared: Queues,
    own: BTreeMap<String, Queues>,
    pub(super) announcing: Announcing,
    /// Most open items of a tenant before failures of a class are counted in one; 900
    /// where nothing is said.
    pub open_max: Option<u64>,
}

impl QueueSettings {
    /// Those of a tenant.
    #[must_use]
    pub fn of(&self, tenant: &str) -> &Queues {
        self.own.get(tenant).unwrap_or(&self.shared)
    }

    /// Most open items of a tenant.
    pub(crate) fn open_max(&self) -> u64 {
        self.open_max.unwrap_or(OPEN_MAX)
    }

    /// Who hears of a tenant's pending approvals.
    #[must_use]
    pub fn notifications(&self, tenant: &str) -> &Notifications {
        self.announcing.of(tenant)
    }

    /// The page where a person decides on an approval; nothing where no
    /// `public_url` is given.
    #[must_use]
    pub fn link(&self, approval: &str) -> String {
        self.announcing.link(approval)
    }

    /// What is sent by this full name of a delivery, of an item or an approval.
    pub(crate) fn definition(&self, tenant: &str, name: &str) -> Option<Definition<'_>> {
        if let Some(one) = self.notifications(tenant).named(name) {
            return Some(one.delivery.definition());
        }
        let (_, delivery) = self.of(tenant).delivery(name)?;
        Some(delivery.definition())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueTable {
    name: Option<Spanned<String>>,
    tenant: Option<Spanned<String>>,
    owner: Option<Spanned<String>>,
    #[serde(default)]
    none: bool,
    classes: Vec<Spanned<String>>,
    #[serde(default)]
    delivery: Vec<Spanned<DeliveryTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryTable {
    pub(super) name: Spanned<String>,
    pub(super) connector: Spanned<String>,
    pub(super) tool: Spanned<String>,
    pub(super) input: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    pub(super) attempts: Option<Spanned<u32>>,
    pub(super) standing: Option<StandingTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StandingTable {
    by: Spanned<String>,
    call: Spanned<String>,
    destination: Spanned<String>,
}

/// The tables of one tenant, or of all others.
#[derive(Default)]
struct Set {
    /// The first table, where what is missing is said.
    at: usize,
    queues: Vec<Queue>,
    nobodys: Vec<FailureClass>,
    taken: HashSet<FailureClass>,
}

impl Reader<'_> {
    pub(super) fn queues(
        &self,
        tables: Vec<Spanned<QueueTable>>,
    ) -> Result<QueueSettings, SettingsError> {
        let mut sets: BTreeMap<Option<String>, Set> = BTreeMap::new();
        for table in tables {
            let at = table.span();
            let table = table.into_inner();
            let tenant = table
                .tenant
                .as_ref()
                .map(|tenant| self.queue_word(tenant, 64));
            let set = sets.entry(tenant.transpose()?).or_insert_with(|| Set {
                at: at.start,
                ..Set::default()
            });
            self.queue(&at, table, set)?;
        }
        let mut settings = QueueSettings::default();
        for (tenant, set) in sets {
            let queues = Queues::new(set.queues, &set.nobodys).map_err(|error| {
                // Said where the tenant's queues begin: what is missing has no place.
                let whose = tenant.as_ref().map_or_else(String::new, |tenant| {
                    format!("of the tenant `{}`: ", tollgate_policy::visible(tenant))
                });
                self.wrong(set.at, format!("{whose}{error}"))
            })?;
            match tenant {
                Some(tenant) => drop(settings.own.insert(tenant, queues)),
                None => settings.shared = queues,
            }
        }
        Ok(settings)
    }

    fn queue(
        &self,
        at: &Range<usize>,
        table: QueueTable,
        set: &mut Set,
    ) -> Result<(), SettingsError> {
        let mut classes = Vec::with_capacity(table.classes.len());
        for named in &table.classes {
            let start = named.span().start;
            let class: FailureClass = named
                .get_ref()
                .parse()
                .map_err(|problem| self.wrong(start, problem))?;
            if table.none && !class.may_be_nobodys() {
                let problem =
                    format!("`{class}` is somebody's work; name the queue of who must know");
                return Err(self.wrong(start, problem));
            }
            if !set.taken.insert(class) {
                return Err(self.wrong(start, MappingError::Twice(class).to_string()));
            }
            classes.push(class);
        }
        if table.none {
            if table.name.is_some() || table.owner.is_some() || !table.delivery.is_empty() {
                let problem = "what is nobody's has no name, owner or delivery";
                return Err(self.wrong(at.start, problem.to_owned()));
            }
            set.nobodys.append(&mut classes);
            return Ok(());
        }
        let (Some(name), Some(owner)) = (&table.name, &table.owner) else {
            let problem = match table.name {
                None => "a queue has a name; write `name = \"support\"`",
                Some(_) => "a queue has an owner; write `owner = \"group:support\"`",
            };
            return Err(self.wrong(at.start, problem.to_owned()));
        };
        let start = name.span().start;
        let name = self.queue_word(name, NAME_BYTES_MAX)?;
        if set.queues.iter().any(|queue| queue.name == name) {
            let problem = "there is a queue of this name already";
            return Err(self.wrong(start, problem.to_owned()));
        }
        let owner = self.somebody(owner)?;
        let mut deliveries: Vec<Delivery> = Vec::with_capacity(table.delivery.len());
        for table in table.delivery {
            let start = table.span().start;
            let delivery = self.delivery(table.into_inner())?;
            let known = |known: &Delivery| known.name == delivery.name;
            if deliveries.iter().any(known) || deliveries.len() == DELIVERIES_MAX {
                let problem = format!(
                    "a queue has at most {DELIVERIES_MAX} deliveries, each with a name of its own"
                );
                return Err(self.wrong(start, problem));
            }
            deliveries.push(delivery);
        }
        set.queues.push(Queue {
            name,
            owner,
            classes,
            deliveries,
        });
        Ok(())
    }

    pub(super) fn delivery<F: TemplateField>(
        &self,
        table: DeliveryTable,
    ) -> Result<Delivery<F>, SettingsError> {
        let attempts = table.attempts.map_or(Ok(ATTEMPTS), |attempts| {
            match (1..=ATTEMPTS_MAX).contains(attempts.get_ref()) {
                true => Ok(*attempts.get_ref()),
                false => {
                    let problem = format!("a delivery is tried 1 to {ATTEMPTS_MAX} times");
                    Err(self.wrong(attempts.span().start, problem))
                }
            }
        });
        let mut input = serde_json::Map::new();
        for (name, value) in table.input {
            let at = value.span().start;
            let value = json(value.into_inner()).ok_or_else(|| {
                let problem =
                    "write texts, exact numbers, true or false, and lists or tables of these";
                self.wrong(at, problem.to_owned())
            })?;
            // Each member by itself, so that a mistake is said where it is.
            InputTemplate::<F>::new(value.clone()).map_err(|problem| self.wrong(at, problem))?;
            input.insert(name.into_inner(), value);
        }
        let at = table.name.span().start;
        let input = InputTemplate::new(Value::Object(input));
        let standing = table.standing.map(|standing| {
            Ok(Standing {
                by: self.somebody(&standing.by)?,
                call: self.call(&standing.call)?,
                destination: self.queue_word(&standing.destination, 64)?,
            })
        });
        Ok(Delivery {
            name: self.queue_word(&table.name, NAME_BYTES_MAX)?,
            connector: self.queue_word(&table.connector, 64)?,
            tool: self.queue_word(&table.tool, 64)?,
            input: input.map_err(|problem| self.wrong(at, problem))?,
            attempts: attempts?,
            standing: standing.transpose()?,
        })
    }

    fn somebody(&self, who: &Spanned<String>) -> Result<Approver, SettingsError> {
        let somebody = who.get_ref().parse();
        somebody.map_err(|problem| self.wrong(who.span().start, problem))
    }

    /// The name of one import call. A pattern would approve what nobody thought of.
    fn call(&self, call: &Spanned<String>) -> Result<String, SettingsError> {
        let named = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-')
        };
        match call.get_ref().split_once('.') {
            Some((capability, function)) if named(capability) && named(function) => {
                Ok(call.get_ref().clone())
            }
            _ => {
                let problem = "this is no import call; write `http.send`";
                Err(self.wrong(call.span().start, problem.to_owned()))
            }
        }
    }

    pub(super) fn queue_word(
        &self,
        name: &Spanned<String>,
        max: usize,
    ) -> Result<String, SettingsError> {
        if is_name(name.get_ref()) && name.get_ref().len() <= max {
            return Ok(name.get_ref().clone());
        }
        let problem = format!("this is no name; write 1 to {max} of letters, digits, `-` and `_`");
        Err(self.wrong(name.span().start, problem))
    }
}

/// A value of the operator's, as JSON has it.
fn json(value: toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => {
            let exact = number.unsigned_abs() <= tollgate_policy::EXACT_INTEGER_MAX;
            exact.then(|| number.into())?
        }
        toml::Value::Float(number) => Value::Number(serde_json::Number::from_f64(number)?),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Array(values) => values.into_iter().map(json).collect::<Option<_>>()?,
        toml::Value::Table(members) => {
            let members = members
                .into_iter()
                .map(|(name, value)| Some((name, json(value)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
        toml::Value::Datetime(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::super::{SETTINGS_FILE, Settings};
    use super::*;

    fn read(text: &str) -> Result<QueueSettings, String> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(SETTINGS_FILE), text).unwrap();
        let here = home.path().display().to_string();
        let read = Settings::of(home.path());
        read.map(|settings| settings.queues)
            .map_err(|error| error.to_string().replace(&here, "HOME"))
    }

    /// A queue with all classes but these.
    fn all_but(missing: &[&str]) -> String {
        let classes = FailureClass::ALL.iter().map(|class| class.as_str());
        let classes: Vec<String> = classes
            .filter(|class| !missing.contains(class))
            .map(|class| format!("\"{class}\""))
            .collect();
        let classes = classes.join(", ");
        format!("[[queue]]\nname = \"rest\"\nowner = \"group:ops\"\nclasses = [{classes}]\n")
    }

    const DELIVERY: &str = "[[queue.delivery]]\nname = \"desk\"\nconnector = \"support-desk\"\n\
        tool = \"open\"\ninput = { subject = \"{class}\", tags = [\"{queue}\"], priority = 2 }\n";

    #[test]
    fn a_home_that_says_nothing_has_one_queue_for_everything() {
        let queues = read("").unwrap();
        for class in FailureClass::ALL {
            let queue = queues.of("acme").of_class(*class).unwrap();
            assert_eq!(queue.name, "failures", "{class}");
        }
    }

    #[test]
    fn each_class_that_is_left_out_is_named_and_nothing_is_loaded() {
        for class in FailureClass::ALL {
            let said = read(&all_but(&[class.as_str()])).unwrap_err();
            let expected = format!(
                "HOME/tollgate.toml:1:1: no queue takes the class `{class}`; add `\"{class}\"`"
            );
            assert!(said.starts_with(&expected), "{said}");
        }
    }

    #[test]
    fn queues_deliveries_and_what_is_nobodys_are_read() {
        let own = "[[queue]]\ntenant = \"acme\"\nname = \"mine\"\nowner = \"person:mira\"\n";
        let all = all_but(&[]);
        let classes = all.lines().last().unwrap();
        let standing = "attempts = 3\nstanding = { by = \"person:mira\", call = \"http.send\", destination = \"desk\" }\n";
        let text = format!(
            "{}{DELIVERY}{standing}[[queue]]\nnone = true\nclasses = [\"denied\"]\n{own}{classes}\n",
            all_but(&["denied"])
        );
        let queues = read(&text).unwrap();
        let others = queues.of("other");
        assert_eq!(others.of_class(FailureClass::Denied), None);
        let (queue, delivery) = others.delivery("rest/desk").unwrap();
        assert_eq!(queue.owner.to_string(), "group:ops");
        assert_eq!(delivery.attempts, 3);
        assert_eq!(delivery.standing.as_ref().unwrap().destination, "desk");
        let filled = delivery.input.render(|field| field.as_str().to_owned());
        assert_eq!(
            filled,
            serde_json::json!({"subject": "class", "tags": ["queue"], "priority": 2})
        );
        let acme = queues.of("acme");
        assert_eq!(acme.of_class(FailureClass::Denied).unwrap().name, "mine");
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_place() {
        let rest = all_but(&["denied"]);
        let one = |lines: &str| format!("[[queue]]\n{lines}\n");
        let delivery =
            |from: &str, to: &str| format!("{}{}", all_but(&[]), DELIVERY.replace(from, to));
        let cases = [
            (one("classes = [\"denied\"]"), "1:1: a queue has a name"),
            (
                one("name = \"a\"\nclasses = []"),
                "1:1: a queue has an owner",
            ),
            (one("name = \"a\"\nowner = \"mira\"\nclasses = []"), "3:9: "),
            (
                one("name = \"a b\"\nowner = \"person:mira\"\nclasses = []"),
                "2:8: ",
            ),
            (
                one("name = \"a\"\nowner = \"person:mira\"\nclasses = [\"expired\"]"),
                "4:12: `expired` is no class",
            ),
            (
                one("none = true\nclasses = [\"in_doubt\"]"),
                "3:12: `in_doubt` is somebody's work",
            ),
            (
                one("none = true\nname = \"a\"\nclasses = [\"denied\"]"),
                "1:1: what is nobody's",
            ),
            (format!("{rest}{rest}"), "8:12: two queues take"),
            (
                format!(
                    "{rest}{}",
                    one("name = \"rest\"\nowner = \"person:mira\"\nclasses = [\"denied\"]")
                ),
                "6:8: there is a queue",
            ),
            (
                one("name = \"a\"\nowners = \"person:mira\"\nclasses = []"),
                "3:1: ",
            ),
            (
                delivery("{class}", "{why}"),
                "9:21: an item has no such field",
            ),
            (
                delivery("priority = 2", "priority = 9007199254740993"),
                "9:63: write texts",
            ),
            (
                delivery("\"desk\"", "\"a-name-that-is-far-too-long-for-a-key\""),
                "6:8: ",
            ),
            (
                delivery("tool =", "attempts = 0\ntool ="),
                "8:12: a delivery is tried",
            ),
            (
                delivery(
                    "tool =",
                    "standing = { by = \"group:ops\", call = \"http.*\", destination = \"d\" }\ntool =",
                ),
                "8:39: this is no import call",
            ),
            (
                format!("{}{DELIVERY}{DELIVERY}", all_but(&[])),
                "10:1: a queue has at most",
            ),
        ];
        for (text, expected) in cases {
            let said = read(&text).unwrap_err();
            let expected = format!("HOME/tollgate.toml:{expected}");
            assert!(said.starts_with(&expected), "{text}\n{said}\n{expected}");
        }
    }
}
