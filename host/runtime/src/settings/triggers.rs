//! Webhooks that open runs.
//!
//! ```toml
//! [[trigger]]
//! name = "orders"                  # POST /hooks/orders
//! tenant = "acme"                  # `default` where nothing is said
//! connector = "database"
//! tool = "execute"
//! principal = "order-intake"       # a service, which must be there
//! workflow = "intake"
//! secret = "orders-hook"           # a [[secret]] with origin = "hook://orders"
//! previous = "orders-hook-old"     # one more, while keys are exchanged
//! case = "/order/id"               # where in the payload, by JSON Pointer
//! id = "/event/id"                 # where the scheme signs no id of its own
//! rate = "600/min"
//!
//! [trigger.inputs]                 # only these are taken
//! statement = { value = "close_order" }
//! "/params/order" = { at = "/order/id", kind = "int" }
//! note = { at = "/note", kind = "text", max = 500, optional = true }
//! ```

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use tollgate_journal::Tenant;

use serde::Deserialize;
use serde_json::Value;
use tollgate_policy::{Place, SignatureScheme};
use tollgate_secrets::is_name;
use toml::Spanned;

use super::{Reader, SecretEntry, SettingsError};
use crate::triggers::{self, Input, InputKind, InputSource, Trigger};

/// The longest name of a trigger, bytes: with an id it fits a request key.
pub(super) const NAME_BYTES_MAX: usize = 40;

/// Most values that are taken of a payload.
const INPUTS_MAX: usize = 64;

/// The longest text of a payload, bytes, where nothing is said, and at most.
const TEXT_BYTES: usize = 2_048;
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Most deliveries in a time where nothing is said.
const RATE: (u32, Duration) = (600, Duration::from_secs(60));

/// The highest rate: each delivery of the window is remembered.
const RATE_MAX: u32 = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TriggerTable {
    name: Spanned<String>,
    tenant: Option<Spanned<String>>,
    connector: Spanned<String>,
    tool: Spanned<String>,
    principal: Spanned<String>,
    workflow: Option<Spanned<String>>,
    secret: Spanned<String>,
    previous: Option<Spanned<String>>,
    case: Option<Spanned<String>>,
    id: Option<Spanned<String>>,
    rate: Option<Spanned<String>>,
    #[serde(default)]
    inputs: BTreeMap<Spanned<String>, Spanned<InputTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputTable {
    at: Option<Spanned<String>>,
    kind: Option<Spanned<String>>,
    max: Option<Spanned<usize>>,
    #[serde(default)]
    optional: bool,
    value: Option<Spanned<toml::Value>>,
}

impl Reader<'_> {
    pub(super) fn triggers(
        &self,
        tables: Vec<Spanned<TriggerTable>>,
        secrets: &[SecretEntry],
    ) -> Result<Vec<Trigger>, SettingsError> {
        let mut known = HashSet::new();
        let mut triggers = Vec::with_capacity(tables.len());
        for table in tables {
            let table = table.into_inner();
            let at = table.name.span().start;
            if !known.insert(table.name.get_ref().clone()) {
                let problem = "there is a trigger of this name already; its address is the name";
                return Err(self.wrong(at, problem.to_owned()));
            }
            triggers.push(self.trigger(table, secrets)?);
        }
        Ok(triggers)
    }

    fn trigger(
        &self,
        table: TriggerTable,
        secrets: &[SecretEntry],
    ) -> Result<Trigger, SettingsError> {
        let name = self.address_name(&table.name)?;
        let place = self.whereabouts(table.name.span().start);
        let tenant = match &table.tenant {
            Some(tenant) => self.tenant(tenant)?,
            None => Tenant::default(),
        };
        let origin = triggers::origin(&name);
        let scheme = self.scheme(&origin, &tenant, &table.secret, secrets)?;
        let mut slots = vec![table.secret.into_inner()];
        if let Some(previous) = table.previous {
            if self.scheme(&origin, &tenant, &previous, secrets)? != scheme {
                let problem = "both secrets have the same `signature`";
                return Err(self.wrong(previous.span().start, problem.to_owned()));
            }
            slots.push(previous.into_inner());
        }
        if let Some(first) = table.inputs.keys().nth(INPUTS_MAX) {
            let problem = format!("a trigger takes at most {INPUTS_MAX} values");
            return Err(self.wrong(first.span().start, problem));
        }
        let mut inputs: Vec<Input> = Vec::with_capacity(table.inputs.len());
        for (to, from) in table.inputs {
            let at = to.span().start;
            let to = self.target(&to)?;
            // One of two would stand in the other, or take its place.
            let clash = |other: &Input| other.to.starts_with(&to) || to.starts_with(&other.to);
            if inputs.iter().any(clash) {
                let problem = "another value is in this place, or around it";
                return Err(self.wrong(at, problem.to_owned()));
            }
            let from = self.source_of(from)?;
            inputs.push(Input { to, from });
        }
        let case = table.case.as_ref().map(|at| self.pointer(at)).transpose()?;
        let id = table.id.as_ref().map(|at| self.pointer(at)).transpose()?;
        Ok(Trigger {
            tenant,
            connector: self.word(&table.connector)?,
            tool: self.word(&table.tool)?,
            principal: table.principal.into_inner(),
            workflow: table.workflow.map(Spanned::into_inner),
            secrets: slots,
            scheme,
            case,
            id,
            inputs,
            rate: table
                .rate
                .as_ref()
                .map_or(Ok(RATE), |rate| self.rate(rate))?,
            place,
            name,
        })
    }

    /// The last part of an address, and the host of an origin, where upper and lower
    /// case are one.
    pub(super) fn address_name(&self, written: &Spanned<String>) -> Result<String, SettingsError> {
        let name = self.word(written)?;
        if name.len() <= NAME_BYTES_MAX && !name.bytes().any(|b| b.is_ascii_uppercase()) {
            return Ok(name);
        }
        let problem = "write 1 to 40 of a-z, 0-9, `-` and `_`";
        Err(self.wrong(written.span().start, problem.to_owned()))
    }

    pub(super) fn word(&self, name: &Spanned<String>) -> Result<String, SettingsError> {
        if is_name(name.get_ref()) {
            return Ok(name.get_ref().clone());
        }
        let problem = "this is no name; write 1 to 64 of letters, digits, `-` and `_`";
        Err(self.wrong(name.span().start, problem.to_owned()))
    }

    pub(super) fn tenant(&self, name: &Spanned<String>) -> Result<Tenant, SettingsError> {
        let tenant = Tenant::new(name.get_ref());
        tenant.map_err(|error| self.wrong(name.span().start, format!("this is {error}")))
    }

    /// How the sender signs, as the secret says that is there for this origin.
    pub(super) fn scheme(
        &self,
        origin: &str,
        tenant: &str,
        slot: &Spanned<String>,
        secrets: &[SecretEntry],
    ) -> Result<SignatureScheme, SettingsError> {
        let named = |entry: &&SecretEntry| {
            entry.slot.tenant == tenant && entry.slot.name == *slot.get_ref()
        };
        let found = secrets.iter().find(named).map(|entry| &entry.slot);
        match found {
            Some(found) if found.origin == origin => match found.place {
                Place::Signature(scheme) => Some(scheme),
                _ => None,
            },
            _ => None,
        }
        .ok_or_else(|| {
            let problem =
                format!("this tenant has no [[secret]] of this name with origin = \"{origin}\"");
            self.wrong(slot.span().start, problem)
        })
    }

    /// Where in the tool's input a value goes: a member, or a JSON Pointer.
    fn target(&self, to: &Spanned<String>) -> Result<Vec<String>, SettingsError> {
        let Some(inner) = to.get_ref().strip_prefix('/') else {
            return match to.get_ref().is_empty() {
                false => Ok(vec![to.get_ref().clone()]),
                true => Err(self.wrong(to.span().start, NO_POINTER.to_owned())),
            };
        };
        self.pointer(to)?;
        let unescaped = |part: &str| part.replace("~1", "/").replace("~0", "~");
        Ok(inner.split('/').map(unescaped).collect())
    }

    fn pointer(&self, at: &Spanned<String>) -> Result<String, SettingsError> {
        let text = at.get_ref();
        let parts = text.strip_prefix('/');
        let escaped = |part: &str| {
            let mut rest = part.split('~').skip(1);
            !part.is_empty() && rest.all(|after| after.starts_with(['0', '1']))
        };
        match parts.is_some_and(|parts| parts.split('/').all(escaped)) {
            true => Ok(text.clone()),
            false => Err(self.wrong(at.span().start, NO_POINTER.to_owned())),
        }
    }

    fn source_of(&self, table: Spanned<InputTable>) -> Result<InputSource, SettingsError> {
        let start = table.span().start;
        let wrong = |problem: &str| Err(self.wrong(start, problem.to_owned()));
        match table.into_inner() {
            InputTable {
                at: None,
                kind: None,
                max: None,
                optional: false,
                value: Some(value),
            } => {
                let at = value.span().start;
                let value = fixed(value.into_inner()).ok_or_else(|| {
                    let problem = "write a text, a number, true or false, or a list of these";
                    self.wrong(at, problem.to_owned())
                })?;
                Ok(InputSource::Fixed(value))
            }
            InputTable {
                at: Some(at),
                kind: Some(kind),
                max,
                optional,
                value: None,
            } => Ok(InputSource::Payload {
                at: self.pointer(&at)?,
                kind: self.kind(&kind, max)?,
                optional,
            }),
            _ => wrong("write `{ at = \"/order/id\", kind = \"int\" }`, or `{ value = … }`"),
        }
    }

    fn kind(
        &self,
        kind: &Spanned<String>,
        max: Option<Spanned<usize>>,
    ) -> Result<InputKind, SettingsError> {
        let found = match kind.get_ref().as_str() {
            "int" => InputKind::Int,
            "number" => InputKind::Number,
            "flag" => InputKind::Flag,
            "id" => InputKind::Id,
            "uuid" => InputKind::Uuid,
            "date" => InputKind::Date,
            "text" => InputKind::Text(max.as_ref().map_or(TEXT_BYTES, |max| *max.get_ref())),
            _ => {
                let problem = "write `int`, `number`, `flag`, `id`, `uuid`, `date` or `text`";
                return Err(self.wrong(kind.span().start, problem.to_owned()));
            }
        };
        let Some(max) = max else { return Ok(found) };
        match found {
            InputKind::Text(1..=TEXT_BYTES_MAX) => Ok(found),
            _ => {
                let problem = format!("`max` is of a text, and at most {TEXT_BYTES_MAX} bytes");
                Err(self.wrong(max.span().start, problem))
            }
        }
    }

    pub(super) fn rate(&self, rate: &Spanned<String>) -> Result<(u32, Duration), SettingsError> {
        let read = || {
            let (most, unit) = rate.get_ref().split_once('/')?;
            let window = match unit {
                "s" => 1,
                "min" => 60,
                "h" => 3_600,
                _ => return None,
            };
            let most = most.parse().ok()?;
            let fits = (1..=RATE_MAX).contains(&most);
            fits.then_some((most, Duration::from_secs(window)))
        };
        read().ok_or_else(|| {
            let problem = "this is no rate; write `600/min` (s, min or h)";
            self.wrong(rate.span().start, problem.to_owned())
        })
    }
}

const NO_POINTER: &str = "this is no JSON Pointer to a member; write `/order/id` (RFC 6901)";

/// A value of the operator's, as JSON has it.
fn fixed(value: toml::Value) -> Option<Value> {
    match value {
        toml::Value::String(text) => Some(text.into()),
        toml::Value::Integer(number) => Some(number.into()),
        toml::Value::Float(number) => serde_json::Number::from_f64(number).map(Value::Number),
        toml::Value::Boolean(flag) => Some(flag.into()),
        toml::Value::Array(values) => values.into_iter().map(fixed).collect(),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::super::{SETTINGS_FILE, Settings};
    use super::*;

    const SECRET: &str = "[[secret]]\nname = \"key\"\norigin = \"hook://orders\"\nsignature = \"github\"\nstore = true\n";

    const TRIGGER: &str = "[[trigger]]\nname = \"orders\"\nconnector = \"database\"\ntool = \"execute\"\nprincipal = \"intake\"\nsecret = \"key\"\n";

    fn read(text: &str) -> Result<Vec<Trigger>, String> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(SETTINGS_FILE), text).unwrap();
        let here = home.path().display().to_string();
        let read = Settings::of(home.path());
        read.map(|settings| settings.triggers)
            .map_err(|error| error.to_string().replace(&here, "HOME"))
    }

    #[test]
    fn a_trigger_is_read_to_the_last_key() {
        let more = "workflow = \"w\"\ncase = \"/order/id\"\nid = \"/event\"\nrate = \"5/h\"\n\
             [trigger.inputs]\nstatement = { value = \"close\" }\n\
             \"/params/a~1b\" = { at = \"/order/id\", kind = \"int\" }\n\
             note = { at = \"/note\", kind = \"text\", max = 9, optional = true }\n";
        let triggers = read(&format!("{TRIGGER}{more}{SECRET}")).unwrap();
        let trigger = &triggers[0];
        assert_eq!(trigger.scheme, SignatureScheme::GitHub);
        assert_eq!(trigger.rate, (5, Duration::from_secs(3_600)));
        assert_eq!(trigger.tenant, "default");
        let params = trigger.inputs.iter().find(|input| input.to.len() == 2);
        assert_eq!(params.unwrap().to, ["params", "a/b"]);
        let plain = read(&format!("{TRIGGER}{SECRET}")).unwrap();
        assert_eq!((plain[0].rate, plain[0].inputs.len()), (RATE, 0));
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_place() {
        let with = |more: &str| format!("{TRIGGER}{more}\n{SECRET}");
        let input = |input: &str| with(&format!("inputs = {{ {input} }}"));
        let cases = [
            (TRIGGER.to_owned(), "6:10"),
            (with("").replace("hook://orders", "hook://other"), "6:10"),
            (with("").replace("\"orders\"", "\"Orders\""), "2:8"),
            (with("").replace("\"orders\"", "\"a/b\""), "2:8"),
            (format!("{TRIGGER}{}", with("")), "8:8"),
            (with("previous = \"none\""), "7:12"),
            (with("case = \"order\""), "7:8"),
            (with("id = \"/a~2\""), "7:6"),
            (with("rate = \"5\""), "7:8"),
            (with("rate = \"0/s\""), "7:8"),
            (with("key = \"x\""), "7:1"),
            (input("a = { at = \"/a\" }"), "7:16"),
            (input("a = { at = \"/a\", kind = \"any\" }"), "7:36"),
            (
                input("a = { at = \"/a\", kind = \"int\", max = 4 }"),
                "7:49",
            ),
            (
                input("a = { at = \"/a\", kind = \"text\", max = 99999 }"),
                "7:50",
            ),
            (input("a = { value = 1979-05-27 }"), "7:26"),
            (input("a = { value = 1 }, \"/a/b\" = { value = 2 }"), "7:12"),
            (input("\"\" = { value = 1 }"), "7:12"),
            (input("\"/a//b\" = { value = 1 }"), "7:12"),
        ];
        for (text, place) in cases {
            let said = read(&text).unwrap_err();
            let expected = format!("HOME/tollgate.toml:{place}: ");
            assert!(said.starts_with(&expected), "{text}: {said}");
        }
    }
}
