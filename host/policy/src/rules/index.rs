//! The rows of a manifest, laid out for deciding.
//!
//! What can be done once is done when the file is read: rows stand in lists by
//! tool, kind and outcome, so that those of other tools are never looked at; the
//! names they compare are numbers; a field that several rows look at is found once
//! a decision; the cheapest condition of a row comes first. None of that changes
//! what is decided or by which row, which the tests compare with the plain reading.

use std::{cell::Cell, collections::BTreeMap, ops::Range};

use serde_json::Value;

use super::{
    CallPattern, FieldPath, Outcome, Predicate, Root, Rule, ToolPattern,
    facts::{Facts, Seen},
};
use crate::Effect;

/// How many fields are kept while a decision lasts. They lie on the stack; what more
/// rows look at is looked up each time.
const FIELDS_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Index {
    /// In the file's order.
    rows: Box<[Row]>,
    checks: Box<[Check]>,
    /// Rows for every tool.
    any: Lists,
    /// Rows for certain tools, by name.
    named: Box<[(String, Lists)]>,
    calls: Names,
    destinations: Names,
    workflows: Names,
    /// The fields that are kept.
    fields: Box<[FieldPath]>,
}

/// Rows by kind.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Those for tool calls.
    pub(super) tool: Outcomes,
    /// Those for import calls.
    pub(super) call: Outcomes,
}

/// Rows by outcome, each list in the file's order.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    pub(super) deny: Vec<u32>,
    pub(super) require: Vec<u32>,
    pub(super) allow: Vec<u32>,
    /// What requires an approval for whatever no row allows.
    pub(super) otherwise: Vec<u32>,
}

/// One row, with numbers for names.
#[derive(Debug)]
struct Row {
    call: Call,
    destination: Option<u32>,
    workflow: Option<u32>,
    /// Whether it speaks of calls outside of any workflow.
    outside: bool,
    effect: Option<Effect>,
    undo: Option<bool>,
    is_allow: bool,
    checks: Range<u32>,
}

#[derive(Debug)]
enum Call {
    Any,
    Capability(u32),
    One(u32),
}

/// One condition of a row.
#[derive(Debug)]
struct Check {
    /// Its place among the fields that are kept.
    kept: Option<u8>,
    field: FieldPath,
    predicates: Vec<Predicate>,
}

/// Names that rows compare, each with a number.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, u32>);

/// One decision: the facts, their names as numbers, and the fields found so far.
pub(super) struct Asked<'a> {
    index: &'a Index,
    facts: Facts<'a>,
    named: Option<&'a Lists>,
    call: Option<u32>,
    capability: Option<u32>,
    destination: Option<u32>,
    workflow: Option<u32>,
    found: Cell<u32>,
    fields: [Cell<Option<&'a Value>>; FIELDS_MAX],
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let fields = shared(rules);
        let (mut calls, mut destinations, mut workflows) =
            (Names::default(), Names::default(), Names::default());
        let mut any = Lists::default();
        let mut named: BTreeMap<String, Lists> = BTreeMap::new();
        let mut rows = Vec::with_capacity(rules.len());
        let mut checks: Vec<Check> = Vec::new();
        for (number, rule) in (0_u32..).zip(rules) {
            match &rule.tool {
                ToolPattern::Any => any.add(rule, number),
                ToolPattern::Names(names) => {
                    for name in names {
                        named.entry(name.clone()).or_default().add(rule, number);
                    }
                }
            }
            let begin = checks.len() as u32;
            checks.extend(Check::of(rule, &fields));
            rows.push(Row {
                call: match &rule.call {
                    None | Some(CallPattern::Any) => Call::Any,
                    Some(CallPattern::Capability(name)) => Call::Capability(calls.add(name)),
                    Some(CallPattern::Call(name)) => Call::One(calls.add(name)),
                },
                destination: rule.destination.as_ref().map(|name| destinations.add(name)),
                workflow: rule.workflow.as_ref().map(|name| workflows.add(name)),
                outside: rule.speaks_outside_workflows(),
                effect: rule.effect,
                undo: rule.undo,
                is_allow: rule.then == Outcome::Allow,
                checks: begin..checks.len() as u32,
            });
        }
        Self {
            rows: rows.into(),
            checks: checks.into(),
            any,
            named: named.into_iter().collect(),
            calls,
            destinations,
            workflows,
            fields: fields.into(),
        }
    }

    fn named(&self, tool: &str) -> Option<&Lists> {
        let place = self
            .named
            .binary_search_by(|(name, _)| name.as_str().cmp(tool))
            .ok()?;
        self.named.get(place).map(|(_, lists)| lists)
    }
}

/// The fields that more than one condition looks at, those that most do first.
fn shared(rules: &[Rule]) -> Vec<FieldPath> {
    let mut counted: Vec<(&FieldPath, usize)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for condition in rules.iter().flat_map(|rule| &rule.when) {
        let field = &condition.field;
        // The others are texts that lie in the facts.
        if !matches!(field.root(), Root::Input | Root::Args) {
            continue;
        }
        let place = *places.entry(field.as_str()).or_insert(counted.len());
        match counted.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => counted.push((field, 1)),
        }
    }
    counted.retain(|(_, count)| *count > 1);
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let fields = counted.into_iter().take(FIELDS_MAX);
    fields.map(|(field, _)| field.clone()).collect()
}

impl Lists {
    fn add(&mut self, rule: &Rule, number: u32) {
        let kind = match &rule.call {
            None => &mut self.tool,
            Some(_) => &mut self.call,
        };
        let list = match rule.then {
            Outcome::Deny => &mut kind.deny,
            Outcome::Require(_) if rule.otherwise => &mut kind.otherwise,
            Outcome::Require(_) => &mut kind.require,
            Outcome::Allow => &mut kind.allow,
        };
        // A tool may be named twice in one row.
        if list.last() != Some(&number) {
            list.push(number);
        }
    }
}

impl Check {
    /// The conditions of a row, the cheapest first: all of them must hold, and none
    /// has an effect on another.
    fn of(rule: &Rule, kept: &[FieldPath]) -> Vec<Self> {
        let mut checks: Vec<Self> = Vec::new();
        for condition in &rule.when {
            let place = kept.iter().position(|field| *field == condition.field);
            let mut predicates = condition.predicates.clone();
            predicates.sort_by_key(Predicate::cost);
            checks.push(Self {
                kept: place.and_then(|place| u8::try_from(place).ok()),
                field: condition.field.clone(),
                predicates,
            });
        }
        checks.sort_by_key(|check| check.predicates.iter().map(Predicate::cost).max());
        checks
    }
}

impl Names {
    fn add(&mut self, name: &str) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(name.to_owned()).or_insert(next)
    }

    fn number(&self, name: &str) -> Option<u32> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(name).copied()
    }
}

impl<'a> Asked<'a> {
    pub(super) fn new(index: &'a Index, facts: Facts<'a>) -> Self {
        let tool = facts.tool;
        let call = facts.call;
        let capability = call.filter(|_| !index.calls.0.is_empty());
        let capability = capability.and_then(|call| call.call.split_once('.'));
        Self {
            index,
            facts,
            named: index.named(tool.tool),
            call: call.and_then(|call| index.calls.number(call.call)),
            capability: capability.and_then(|(name, _)| index.calls.number(name)),
            destination: call.and_then(|call| index.destinations.number(call.destination)),
            workflow: tool
                .workflow
                .and_then(|workflow| index.workflows.number(workflow)),
            found: Cell::new(0),
            fields: [const { Cell::new(None) }; FIELDS_MAX],
        }
    }

    /// The first row of these lists that speaks of the call.
    pub(super) fn first(&self, list: impl Fn(&Lists) -> &[u32]) -> Option<u32> {
        let of_tool = self.named.and_then(|lists| self.first_of(list(lists)));
        let before = list(&self.index.any);
        let before = match of_tool {
            Some(found) => {
                before
                    .split_at(before.partition_point(|row| *row < found))
                    .0
            }
            None => before,
        };
        self.first_of(before).or(of_tool)
    }

    fn first_of(&self, rows: &[u32]) -> Option<u32> {
        rows.iter().copied().find(|row| self.is_met(*row))
    }

    fn is_met(&self, row: u32) -> bool {
        let Some(row) = self.index.rows.get(row as usize) else {
            return false;
        };
        if !self.is_meant(row) {
            return false;
        }
        let checks = row.checks.start as usize..row.checks.end as usize;
        let checks = self.index.checks.get(checks).unwrap_or_default();
        if row.is_allow {
            checks.iter().all(|check| self.surely_holds(check))
        } else {
            checks.iter().all(|check| self.may_hold(check))
        }
    }

    fn is_meant(&self, row: &Row) -> bool {
        let facts = &self.facts;
        let is_of_workflow = match (row.workflow, facts.tool.workflow) {
            (None, _) => true,
            (Some(_), None) => row.outside,
            (wanted, Some(_)) => wanted == self.workflow,
        };
        if !is_of_workflow || row.undo.is_some_and(|undo| undo != facts.tool.undo) {
            return false;
        }
        let Some(call) = facts.call else {
            return true;
        };
        let is_call = match row.call {
            Call::Any => true,
            Call::One(name) => self.call == Some(name),
            Call::Capability(name) => self.capability == Some(name),
        };
        is_call
            && (row.destination.is_none() || row.destination == self.destination)
            && row.effect.is_none_or(|effect| match row.is_allow {
                true => call.effect <= effect,
                false => call.effect >= effect,
            })
    }

    fn surely_holds(&self, check: &Check) -> bool {
        let seen = self.find(check);
        let mut predicates = check.predicates.iter();
        predicates.all(|predicate| predicate.holds(seen, &self.facts) == Some(true))
    }

    fn may_hold(&self, check: &Check) -> bool {
        let seen = self.find(check);
        let mut predicates = check.predicates.iter();
        predicates.all(|predicate| predicate.holds(seen, &self.facts) != Some(false))
    }

    fn find(&self, check: &Check) -> Option<Seen<'a>> {
        let kept = check.kept.map(usize::from);
        let Some((place, cell)) = kept.and_then(|at| Some((at, self.fields.get(at)?))) else {
            return self.facts.find(&check.field);
        };
        let bit = 1_u32 << place;
        if self.found.get() & bit == 0 {
            self.found.set(self.found.get() | bit);
            let field = self.index.fields.get(place)?;
            cell.set(self.facts.value(field));
        }
        cell.get().map(Seen::Json)
    }
}
