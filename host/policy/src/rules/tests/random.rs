//! Rows and calls by chance, of few names and values, so that they often meet.

use std::sync::Arc;

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Map, Value, json};

use super::*;
use crate::Glob;

/// A call with all that a row can see of it.
#[derive(Debug)]
pub(crate) struct Call {
    tool: &'static str,
    input: Value,
    workflow: Option<&'static str>,
    undo: bool,
    case: Option<CaseFacts>,
    call: &'static str,
    destination: &'static str,
    identity: Option<&'static str>,
    effect: Effect,
    egress: bool,
    args: Value,
}

impl Call {
    pub(crate) fn tool(&self) -> ToolFacts<'_> {
        ToolFacts {
            tool: self.tool,
            input: &self.input,
            workflow: self.workflow,
            principal: "a",
            undo: self.undo,
            case: self.case.as_ref(),
        }
    }

    pub(crate) fn call(&self) -> CallFacts<'_> {
        CallFacts {
            call: self.call,
            destination: self.destination,
            identity: self.identity,
            effect: self.effect,
            egress: self.egress,
            args: &self.args,
        }
    }
}

fn effect() -> impl Strategy<Value = Effect> {
    prop::sample::select(Effect::ALL.to_vec())
}

/// Two fields that everything looks at, and more than are kept for a decision.
fn field() -> impl Strategy<Value = FieldPath> {
    let many = (0..48_u8).prop_map(|n| format!("input.f{n}"));
    let few = prop::sample::select(vec!["input.a", "input.b.c", "input.l", "principal"]);
    prop_oneof![4 => few.prop_map(str::to_owned), 1 => many]
        .prop_map(|text| FieldPath::parse(&text).unwrap())
}

fn field_of_call() -> impl Strategy<Value = FieldPath> {
    let own = prop::sample::select(vec!["args.a", "args.l.0", "destination"]);
    prop_oneof![
        field(),
        own.prop_map(|text| FieldPath::parse(text).unwrap())
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        Just(json!(1.0)),
        Just(json!(1.5)),
        Just(json!(u64::MAX)),
        prop::sample::select(vec!["", "a", "b", "a/b"]).prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 8, 3, |inner| {
        let members = prop::sample::select(vec!["a", "b", "c"]);
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec((members, inner), 0..3).prop_map(|all| {
                let all = all
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value));
                Value::Object(all.collect())
            }),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    let many = vec(((0..48_u8).prop_map(|n| format!("f{n}")), value()), 0..4);
    let few = (
        option::of(value()),
        option::of(value()),
        option::of(value()),
    );
    (few, many).prop_map(|((a, c, l), many)| {
        let mut members: Map<String, Value> = many.into_iter().collect();
        let b = c.map(|c| json!({"c": c}));
        for (name, value) in [("a", a), ("b", b), ("l", l)] {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        }
        Value::Object(members)
    })
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        number().prop_map(Scalar::Number),
        prop::sample::select(vec!["", "a", "b"]).prop_map(|text| Scalar::Text(text.to_owned())),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        (0..3_i64).prop_map(Number::Integer),
        Just(Number::Float(1.5)),
    ]
}

pub(crate) fn predicate() -> impl Strategy<Value = Predicate> {
    let list = List {
        name: "own".to_owned(),
        values: [&json!("b"), &json!(2)].into_iter().collect(),
        input: Some("a".to_owned()),
        record: None,
    };
    let item = |text| FieldPath::of_item(text).unwrap();
    let leaf = prop_oneof![
        scalar().prop_map(Predicate::Equal),
        scalar().prop_map(Predicate::NotEqual),
        vec(scalar(), 1..3).prop_map(Predicate::In),
        vec(scalar(), 1..3).prop_map(Predicate::NotIn),
        number().prop_map(Predicate::Greater),
        number().prop_map(Predicate::AtMost),
        (option::of(number()), option::of(number()))
            .prop_map(|(min, max)| Predicate::Range { min, max }),
        Just(Predicate::Prefix("a".to_owned())),
        Just(Predicate::Glob(Glob::parse("a/*").unwrap())),
        Just(Predicate::Matches(Pattern::parse("a.*").unwrap())),
        (0..3_u64).prop_map(|max| Predicate::Length { min: 1, max }),
        any::<bool>().prop_map(Predicate::Exists),
        field().prop_map(Predicate::SameAs),
        Just(Predicate::SameAs(item("item.a"))),
        Just(Predicate::Known(Arc::new(list))),
        Just(Predicate::FromCase("a".to_owned())),
    ];
    leaf.prop_recursive(2, 6, 2, move |inner| {
        let group = vec(inner, 1..3);
        prop_oneof![
            group.clone().prop_map(Predicate::Each),
            group.clone().prop_map(Predicate::Keys),
            group.clone().prop_map(Predicate::Not),
            group
                .clone()
                .prop_map(move |group| Predicate::Item(item("item.b"), group)),
            vec(group, 2..3).prop_map(Predicate::Any),
        ]
    })
}

fn conditions(field: BoxedStrategy<FieldPath>) -> impl Strategy<Value = Vec<Condition>> {
    let one = (field, vec(predicate(), 1..3)).prop_map(|(field, predicates)| Condition {
        field,
        predicates,
        at: 0,
    });
    vec(one, 0..3)
}

pub(crate) fn rule() -> impl Strategy<Value = Rule> {
    let names = prop::sample::subsequence(vec!["t", "u", "v"], 1..3);
    let tool = prop_oneof![
        Just(ToolPattern::Any),
        names.prop_map(|all| ToolPattern::Names(all.into_iter().map(str::to_owned).collect())),
    ];
    let call = prop_oneof![
        Just(CallPattern::Any),
        Just(CallPattern::Capability("kv".to_owned())),
        Just(CallPattern::Call("kv.set".to_owned())),
        Just(CallPattern::Call("sql.query".to_owned())),
    ];
    let then = prop_oneof![
        Just(Outcome::Allow),
        Just(Outcome::Deny),
        (0..2_usize).prop_map(Outcome::Require),
    ];
    let own = prop::sample::select(vec!["k", "l"]).prop_map(str::to_owned);
    let of_call = (
        call,
        option::weighted(0.3, own),
        option::weighted(0.3, effect()),
    );
    let workflow = option::weighted(0.3, prop::sample::select(vec!["w", "x"]));
    let heads = (tool, option::of(of_call), workflow, then);
    let flags = (option::weighted(0.2, any::<bool>()), any::<bool>());
    (
        heads,
        flags,
        conditions(field().boxed()),
        conditions(field_of_call().boxed()),
    )
        .prop_map(
            |((tool, call, workflow, then), (undo, rest), of_tool, of_call)| {
                let when = if call.is_some() { of_call } else { of_tool };
                let otherwise = rest && matches!(then, Outcome::Require(_));
                let (call, destination, effect) = match call {
                    Some((call, destination, effect)) => (Some(call), destination, effect),
                    None => (None, None, None),
                };
                Rule {
                    name: "r".to_owned(),
                    tool,
                    call,
                    destination,
                    effect,
                    workflow: workflow.map(str::to_owned),
                    undo,
                    otherwise,
                    when: if otherwise { Vec::new() } else { when },
                    then,
                    reason: None,
                    line: 1,
                }
            },
        )
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    let case = option::of((option::of(value()), any::<bool>()));
    let case = case.prop_map(|case| {
        let (input, is_cut) = case?;
        let inputs = input.map(|input| ("a".to_owned(), input));
        let mut facts = CaseFacts::new(&inputs.into_iter().collect());
        if is_cut {
            facts.cut();
        }
        Some(facts)
    });
    let of_tool = (
        prop::sample::select(vec!["t", "u", "v", "w"]),
        object(),
        option::of(prop::sample::select(vec!["w", "x", "y"])),
        any::<bool>(),
        case,
    );
    let of_call = (
        prop::sample::select(vec!["kv.set", "kv.get", "sql.query", "kvx.set", ""]),
        prop::sample::select(vec!["k", "l", "m"]),
        option::of(prop::sample::select(vec!["a", "b"])),
        effect(),
        any::<bool>(),
        object(),
    );
    (of_tool, of_call).prop_map(
        |(
            (tool, input, workflow, undo, case),
            (call, destination, identity, effect, egress, args),
        )| Call {
            tool,
            input,
            workflow,
            undo,
            case,
            call,
            destination,
            identity,
            effect,
            egress,
            args,
        },
    )
}
