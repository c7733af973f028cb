//! Undo among other people's edits: what was added goes, or a conflict says why
//! not, and nobody else's row is ever lost.

use connector_spreadsheet::{Cell, Document, NewColumn, Values, Written, create};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Append { ours: bool, value: u8 },
    Edit { row: usize, value: u8 },
    Delete { row: usize },
    Undo { which: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), 0_u8..3).prop_map(|(ours, value)| Step::Append { ours, value }),
        1 => (any::<prop::sample::Index>(), 0_u8..3).prop_map(|(row, value)| Step::Edit { row: row.index(8), value }),
        1 => (0_usize..8).prop_map(|row| Step::Delete { row }),
        2 => (0_usize..4).prop_map(|which| Step::Undo { which }),
    ]
}

/// Each of our appends as its undo knows it.
struct Ours {
    written: Written,
    copies: u32,
}

fn row(id: usize, value: u8, with_key: bool) -> Values {
    let id = if with_key { id } else { usize::from(value) };
    [
        ("id", Cell::text(format!("r{id}"))),
        ("value", Cell::text(format!("v{value}"))),
    ]
    .into_iter()
    .map(|(name, cell)| (name.to_owned(), cell))
    .collect()
}

fn rows(path: &str, bytes: &[u8]) -> Vec<Values> {
    let document = open(path, bytes);
    let table = document.table();
    table.rows.iter().map(|row| table.values(row)).collect()
}

fn open(path: &str, bytes: &[u8]) -> Document {
    Document::open(path, bytes.to_vec(), None).unwrap()
}

fn play(path: &str, steps: Vec<Step>, with_key: bool) -> Result<(), TestCaseError> {
    let key = with_key.then_some("id");
    let columns = ["id", "value"].map(|name| NewColumn {
        name: name.to_owned(),
        kind: Default::default(),
    });
    let mut bytes = create(path, "S", &columns).unwrap();
    let mut model: Vec<Values> = Vec::new();
    let mut ours: Vec<Ours> = Vec::new();
    for (id, step) in steps.into_iter().enumerate() {
        let mut document = open(path, &bytes);
        match step {
            Step::Append {
                ours: is_ours,
                value,
            } => {
                let values = row(id, value, with_key);
                let written = document.append(&values, key).unwrap();
                bytes.clone_from(&written.bytes);
                if is_ours {
                    let copies = document.copies(&values).unwrap() + 1;
                    ours.push(Ours { written, copies });
                }
                model.push(values);
            }
            Step::Edit { row, value } if with_key && row < model.len() => {
                let change = Values::from([("value".to_owned(), Cell::text(format!("v{value}")))]);
                let id = model[row]["id"].clone();
                bytes = document
                    .update(("id", &id), &change, &Values::new())
                    .unwrap()
                    .bytes;
                model[row].extend(change);
            }
            Step::Delete { row } if row < model.len() => {
                let values = model[row].clone();
                let number = document.table().rows[row].number;
                bytes = document
                    .remove_appended(&values, key, number, 1)
                    .unwrap()
                    .bytes;
                model.remove(row);
            }
            Step::Undo { which } if which < ours.len() => {
                let Ours { written, copies } = ours.remove(which);
                let before = model.iter().filter(|row| **row == written.values).count();
                match document.remove_appended(&written.values, key, written.row, copies) {
                    Ok(removed) => {
                        bytes = removed.bytes;
                        let left = rows(path, &bytes);
                        let place = (0..model.len()).find(|i| left.get(*i) != Some(&model[*i]));
                        let gone = model.remove(place.unwrap_or(model.len() - 1));
                        prop_assert_eq!(
                            gone,
                            written.values,
                            "only the row that was appended goes"
                        );
                    }
                    Err(_) => {
                        prop_assert!(before < copies as usize, "a row that is there is removed")
                    }
                }
            }
            _ => {}
        }
        prop_assert_eq!(&rows(path, &bytes), &model);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn undo_removes_our_row_or_conflicts_and_loses_nobody_elses(
        steps in prop::collection::vec(step(), 1..16), with_key: bool, is_csv: bool,
    ) {
        play(if is_csv { "t.csv" } else { "t.xlsx" }, steps, with_key)?;
    }
}
