//! Reading a `workflow.toml`, with the same words for mistakes as a manifest's.

mod done;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::de::DeValue;

use super::{
    ManifestErrors,
    error::Faults,
    keys::{Keys, Node, check_name, did_you_mean, integer, start, text, wrong},
    read::{syntax, tenant},
};
use crate::{
    Approver, Pattern, ToolDecl, visible,
    workflow::{Baseline, HandoffType, InputDecl, InputType, Mode, Starts, Stop, Workflow},
};

/// Longest purpose and source of a baseline, bytes: a paragraph.
const WORDS_BYTES_MAX: usize = 2_000;

/// Longest time that a case may be open.
const OPEN_MAX: Duration = Duration::from_secs(400 * 24 * 3_600);

/// Longest text that an input may have, characters.
const INPUT_CHARS_MAX: u64 = 10_000;

pub(crate) fn read(file: &str, source: &str) -> Result<Workflow, ManifestErrors> {
    let mut faults = Faults::new(file, source);
    let Some(table) = syntax("workflow", source, &mut faults) else {
        return Err(faults.finish());
    };
    let keys = Keys::new(table.get_ref(), 0, "the workflow");
    let workflow = whole(keys, source, &mut faults);
    workflow
        .filter(|_| faults.is_empty())
        .ok_or_else(|| faults.finish())
}

/// Nothing where a part that cannot be defaulted is missing; a fault then says so.
fn whole(mut keys: Keys<'_, '_>, source: &str, faults: &mut Faults<'_>) -> Option<Workflow> {
    let name = name(&mut keys, "name", "\"refunds\"", "a workflow", faults);
    let tenant = tenant(&mut keys, faults);
    let owner = owner(&mut keys, faults);
    let purpose = words(&mut keys, "purpose", "\"what it is for\"", faults);
    let handoff = word(
        &mut keys,
        "handoff",
        HandoffType::ALL,
        HandoffType::as_str,
        faults,
    );
    let mode = word(&mut keys, "mode", Mode::ALL, Mode::as_str, faults);
    let queue = name_of_queue(&mut keys, faults);
    let first_response = first_response(&mut keys, faults);
    let agents = agents(&mut keys, faults);
    let mut places = BTreeMap::new();
    let starts = starts(&mut keys, &agents, &mut places, faults);
    let inputs = inputs(&mut keys, faults);
    let tools = tools(&mut keys, faults);
    let stop = stop(&mut keys, faults);
    let baseline = baseline(&mut keys, faults);
    let done_when = done::done_when(&mut keys, &inputs, faults);
    keys.finish(faults);
    Some(Workflow {
        name: name?,
        tenant,
        owner: owner?,
        purpose: purpose?,
        handoff: handoff?,
        starts: starts?,
        agents,
        inputs,
        tools: tools?,
        stop,
        baseline,
        queue: queue?,
        first_response,
        mode: mode?,
        done_when,
        text: source.to_owned(),
        trigger_places: places,
    })
}

/// What a trigger does not bring that a case needs.
pub(crate) fn lacking(
    file_name: &str,
    workflow: &Workflow,
    trigger: &str,
    place: usize,
    brought: &BTreeSet<&str>,
) -> Result<(), ManifestErrors> {
    let mut faults = Faults::new(file_name, &workflow.text);
    for name in workflow.lacks(brought) {
        faults.add(
            place,
            format!("the trigger `{trigger}` does not always bring the input `{name}`"),
            format!(
                "map it in that trigger's [trigger.inputs] without `optional`, or write \
                 `required = false` in [inputs.{name}]"
            ),
        );
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.finish()),
    }
}

fn name(
    keys: &mut Keys<'_, '_>,
    key: &'static str,
    example: &str,
    what: &str,
    faults: &mut Faults<'_>,
) -> Option<String> {
    let node = keys.need(key, example, faults)?;
    let name = text(node, key, faults)?;
    check_name(name, start(node), what, faults);
    Some(name.to_owned())
}

fn name_of_queue(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    name(keys, "queue", "\"support-failures\"", "a queue", faults)
}

fn owner(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Approver> {
    let node = keys.need("owner", "\"group:support\"", faults)?;
    let parsed = text(node, "owner", faults)?.parse::<Approver>();
    parsed
        .map_err(|hint| faults.add(start(node), "this owner cannot be read", hint))
        .ok()
}

/// One plain line or more, for people.
fn words(
    keys: &mut Keys<'_, '_>,
    key: &'static str,
    example: &str,
    faults: &mut Faults<'_>,
) -> Option<String> {
    let node = keys.need(key, example, faults)?;
    let words = text(node, key, faults)?.trim();
    if words.is_empty() || words.len() > WORDS_BYTES_MAX {
        faults.add(
            start(node),
            format!("`{key}` says nothing, or too much"),
            format!("write 1 to {WORDS_BYTES_MAX} bytes"),
        );
    }
    Some(words.to_owned())
}

/// One of a closed list of words, which must be said.
fn word<T: Copy>(
    keys: &mut Keys<'_, '_>,
    key: &'static str,
    all: &[T],
    as_str: fn(T) -> &'static str,
    faults: &mut Faults<'_>,
) -> Option<T> {
    let known: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
    let example = format!("\"{}\"", known.first().copied().unwrap_or_default());
    let node = keys.need(key, &example, faults)?;
    chosen(node, key, all, as_str, faults)
}

fn chosen<T: Copy>(
    node: &Node<'_>,
    key: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
    faults: &mut Faults<'_>,
) -> Option<T> {
    let word = text(node, key, faults)?;
    let found = all.iter().copied().find(|one| as_str(*one) == word);
    if found.is_none() {
        let known: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
        let message = format!("there is no {key} `{}`", visible(word));
        faults.add(start(node), message, did_you_mean(word, &known));
    }
    found
}

fn first_response(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Duration> {
    keys.get("first_response")?;
    Some(keys.duration("first_response", Duration::ZERO, OPEN_MAX, faults))
}

fn agents(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<String> {
    let agents = keys.short_texts("agents", faults);
    let mut read = |(at, name): (usize, String)| {
        let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
            faults.add(
                at,
                format!("`{}` names no principal", visible(&name)),
                "write the name that `tollgate principal` was given",
            );
        }
        name
    };
    agents.into_iter().map(&mut read).collect()
}

fn starts(
    keys: &mut Keys<'_, '_>,
    agents: &[String],
    places: &mut BTreeMap<String, usize>,
    faults: &mut Faults<'_>,
) -> Option<Starts> {
    let node = keys.need("starts", "[\"person\", \"agent\"]", faults)?;
    let mut starts = Starts::default();
    let given = keys.short_texts("starts", faults);
    if given.is_empty() {
        faults.add(
            start(node),
            "nothing can open a case of this workflow",
            "write \"person\", \"agent\" or \"trigger:NAME\"",
        );
    }
    for (at, word) in given {
        match word.split_once(':') {
            Some(("trigger", name)) => {
                check_name(name, at, "a trigger", faults);
                places.insert(name.to_owned(), at);
                starts.triggers.push(name.to_owned());
            }
            None if word == "person" => starts.person = true,
            None if word == "agent" => starts.agent = true,
            _ => {
                let near = did_you_mean(&word, &["person", "agent"]);
                let hint = match near.starts_with("did") {
                    true => near,
                    false => {
                        format!(
                            "write \"person\", \"agent\" or \"trigger:{}\"",
                            visible(&word)
                        )
                    }
                };
                faults.add(at, format!("`{}` starts nothing", visible(&word)), hint);
            }
        }
    }
    if starts.agent && agents.is_empty() {
        faults.add(
            start(node),
            "an agent may open cases, and no agent works in this workflow",
            "add agents = [\"NAME\"]",
        );
    }
    Some(starts)
}

fn inputs(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> BTreeMap<String, InputDecl> {
    let named = keys.named("inputs", "inputs", faults);
    let mut inputs = BTreeMap::new();
    for (name, keys) in named {
        inputs.extend(input(keys, faults).map(|decl| (name, decl)));
    }
    inputs
}

fn input(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<InputDecl> {
    let kind = word(&mut keys, "type", InputType::ALL, InputType::as_str, faults);
    let pattern = keys.get("pattern");
    let max = keys.get("max").map(start);
    let default = InputDecl::of(kind.unwrap_or(InputType::Text));
    let decl = InputDecl {
        pattern: pattern.and_then(|node| {
            let parsed = Pattern::parse(text(node, "pattern", faults)?);
            parsed
                .map_err(|hint| {
                    faults.add(start(node), "this pattern cannot be read", visible(&hint))
                })
                .ok()
        }),
        max: keys.count_within("max", default.max, INPUT_CHARS_MAX, faults),
        required: keys.flag("required", true, faults),
        about: keys.text("about", faults),
        ..default
    };
    let is_text = !matches!(
        kind,
        Some(InputType::Integer | InputType::Boolean | InputType::Date)
    );
    for at in [pattern.map(start), max].into_iter().flatten() {
        if !is_text {
            faults.add(
                at,
                format!("{} is no text and has no pattern or length", keys.place),
                "remove it",
            );
        }
    }
    keys.finish(faults);
    kind.map(|_| decl)
}

fn tools(
    keys: &mut Keys<'_, '_>,
    faults: &mut Faults<'_>,
) -> Option<BTreeMap<String, Vec<String>>> {
    let node = keys.need("tools", "{ database = [\"lookup\"] }", faults)?;
    let DeValue::Table(table) = node.get_ref() else {
        wrong(node, "tools", "a table: [tools]", faults);
        return None;
    };
    if table.is_empty() {
        faults.add(
            start(node),
            "the workflow names no tool, so nothing can be done in it",
            "add CONNECTOR = [\"TOOL\"]",
        );
    }
    let mut tools = BTreeMap::new();
    let mut names: Vec<(&str, usize)> = table
        .keys()
        .map(|name| (name.get_ref().as_ref(), name.span().start))
        .collect();
    names.sort_by_key(|(_, at)| *at);
    for (connector, at) in names {
        let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=64).contains(&connector.len()) || !connector.bytes().all(plain) {
            faults.add(
                at,
                format!("`{}` cannot be the name of a connector", visible(connector)),
                "write the name that the connector is installed under",
            );
        }
        let Some(listed) = table
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == connector)
            .map(|(_, node)| node)
        else {
            continue;
        };
        tools.insert(connector.to_owned(), named_tools(connector, listed, faults));
    }
    Some(tools)
}

/// Whole names only: a pattern would take in what a later version of the connector
/// adds, and nobody would have read it.
fn named_tools(connector: &str, node: &Node<'_>, faults: &mut Faults<'_>) -> Vec<String> {
    let key = visible(connector);
    let Some(items) = node.get_ref().as_array().filter(|items| !items.is_empty()) else {
        wrong(node, &key, "a list of this connector's tools", faults);
        return Vec::new();
    };
    let mut tools: Vec<String> = Vec::new();
    for item in items.iter() {
        match text(item, &key, faults) {
            Some(name) if !ToolDecl::is_name(name) => faults.add(
                start(item),
                format!("`{}` can be no tool", visible(name)),
                "write a tool's whole name, 1 to 64 of a-z, 0-9 and `_`; patterns are not read here",
            ),
            Some(name) if tools.iter().any(|other| other == name) => faults.add(
                start(item),
                format!("`{name}` stands twice in `{key}`"),
                "remove one of them",
            ),
            Some(name) => tools.push(name.to_owned()),
            None => {}
        }
    }
    tools
}

fn stop(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Stop {
    let default = Stop::default();
    let found = keys.get("stop");
    let Some(mut keys) = found.and_then(|node| Keys::of(node, "[stop]", faults)) else {
        return default;
    };
    let stop = Stop {
        runs: keys.count("runs", default.runs, faults),
        duration: keys.duration("duration", default.duration, OPEN_MAX, faults),
        failures: keys.count("failures", default.failures, faults),
        denials: keys.count("denials", default.denials, faults),
    };
    keys.finish(faults);
    stop
}

fn baseline(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Baseline> {
    let node = keys.get("baseline")?;
    let mut keys = Keys::of(node, "[baseline]", faults)?;
    let minutes = needed(&mut keys, "minutes", "12", faults);
    let touches = needed(&mut keys, "touches", "3", faults);
    let uncertainty = match keys.get("uncertainty") {
        Some(node) => whole_number(node, "uncertainty", faults),
        None => Some(0),
    };
    let source = words(&mut keys, "source", "\"time study, May 2026\"", faults);
    keys.finish(faults);
    Some(Baseline {
        minutes: minutes?,
        uncertainty: uncertainty?,
        touches: touches?,
        source: source?,
    })
}

fn needed(
    keys: &mut Keys<'_, '_>,
    key: &'static str,
    example: &str,
    faults: &mut Faults<'_>,
) -> Option<u64> {
    let node = keys.need(key, example, faults)?;
    whole_number(node, key, faults)
}

fn whole_number(node: &Node<'_>, key: &str, faults: &mut Faults<'_>) -> Option<u64> {
    let number = integer(node).and_then(|number| u64::try_from(number).ok());
    if number.is_none() {
        wrong(node, key, "a whole number from 0", faults);
    }
    number
}
