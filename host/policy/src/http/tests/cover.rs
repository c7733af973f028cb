//! A row that another one leaves without work is found, and only such.

use proptest::prelude::*;

use super::{super::*, routes};

fn part() -> impl Strategy<Value = PathPart> {
    let literal = prop_oneof![Just("a"), Just("1"), Just("true"), Just("a.b")];
    let kinds = [Kind::Int, Kind::Id, Kind::Date, Kind::Flag, Kind::Text];
    let kind = prop::sample::select(kinds.to_vec());
    let edge = || prop_oneof![4 => Just(""), 1 => Just("a"), 1 => Just(".")];
    prop_oneof![
        literal.prop_map(|text| PathPart::Literal(text.to_owned())),
        (kind, edge(), edge()).prop_map(|(kind, before, after)| PathPart::Parameter {
            name: "p".to_owned(),
            kind,
            before: before.to_owned(),
            after: after.to_owned(),
        }),
    ]
}

fn route() -> impl Strategy<Value = Route> {
    (prop::collection::vec(part(), 0..3), any::<bool>()).prop_map(|(mut path, has_rest)| {
        if has_rest {
            let name = "rest".to_owned();
            path.push(PathPart::Rest { name });
        }
        Route {
            method: HttpMethod::Get,
            path,
            query: BTreeMap::new(),
            effect: Effect::Read,
            undo: RouteUndo::None,
            window: None,
            idempotency: None,
            conditional: false,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn a_row_that_covers_another_fits_all_that_the_other_fits(
        wide in route(),
        narrow in route(),
        path in prop::collection::vec(prop_oneof![Just("a"), Just("1"), Just("true"), Just("a.b"), Just("a1."), Just("2026-01-31"), Just("x y"), Just("x/y")], 0..4),
    ) {
        prop_assert!(wide.covers(&wide));
        if wide.covers(&narrow) && narrow.fit(&path).is_ok() {
            prop_assert!(wide.fit(&path).is_ok(), "{} does not fit {:?}, and {} does", wide, path, narrow);
        }
    }
}

#[test]
fn the_narrower_row_comes_first_and_decides() {
    let desk = routes(&[
        "call = \"GET /t/{id:int}\"\neffect = \"irreversible\"",
        "call = \"GET /t/{name:id}\"",
        "call = \"GET /t/{text:text}\"",
        "call = \"GET /{rest:path}\"",
    ]);
    for (path, decided) in [
        (["t", "5"], "GET /t/{id:int}"),
        (["t", "a5"], "GET /t/{name:id}"),
        (["t", "a 5"], "GET /t/{text:text}"),
        (["u", "5"], "GET /{rest:path}"),
    ] {
        let judged = desk.judge(&super::get(&path, &[])).unwrap();
        assert_eq!(judged.route.to_string(), decided);
    }
}
