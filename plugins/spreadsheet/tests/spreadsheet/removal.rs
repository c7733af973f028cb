//! Rows that are taken back out of workbooks, among what others wrote there.

use crate::fixtures::{
    append, by_calamine, c, open, part, parts, tracker, tracker_with_sum, values, with_table,
};
use calamine::Data;
use connector_spreadsheet::{Cell, Problem};

#[test]
fn a_removed_last_row_leaves_the_parts_as_they_were_before() {
    let before = tracker();
    let written = append(&before, &[("case", c("C-4")), ("paid", Cell::Bool(true))]);
    let removed = open(&written.bytes)
        .remove_appended(&written.values, None, written.row, 1)
        .unwrap();
    assert!(!removed.leaves_empty_row);
    assert_eq!(parts(&removed.bytes), parts(&before));
}

#[test]
fn a_row_others_appended_after_stays_and_moves_up() {
    let ours = append(
        &tracker(),
        &[("case", c("C-4")), ("amount", Cell::Number(7.0))],
    );
    let theirs = append(
        &ours.bytes,
        &[("case", c("C-5")), ("opened", c("2026-11-22"))],
    );
    let removed = open(&theirs.bytes)
        .remove_appended(&ours.values, Some("case"), ours.row, 1)
        .unwrap();
    assert!(!removed.leaves_empty_row);
    let expected = append(
        &tracker(),
        &[("case", c("C-5")), ("opened", c("2026-11-22"))],
    );
    let range = by_calamine(&removed.bytes, "Cases");
    let wanted = by_calamine(&expected.bytes, "Cases");
    assert_eq!(
        range.rows().collect::<Vec<_>>(),
        wanted.rows().collect::<Vec<_>>()
    );
    let sheet = part(&removed.bytes, "xl/worksheets/sheet1.xml");
    assert!(
        sheet.contains("sqref=\"C2:C500\""),
        "a rule that spans the row is one shorter: {sheet}"
    );
    assert!(
        sheet.contains("<autoFilter ref=\"A1:E4\""),
        "a filter above the row stays"
    );
}

#[test]
fn a_row_moved_by_sorting_is_still_found() {
    let first = open(&tracker());
    let row = first.table().rows[1].clone();
    let removed = open(&tracker())
        .remove_appended(&first.table().values(&row), None, 999, 1)
        .unwrap();
    assert_eq!(removed.row, 3);
}

#[test]
fn where_a_formula_names_rows_the_row_is_emptied_and_nothing_moves() {
    let bytes = tracker_with_sum();
    let gone = values([("case", c("C-2")), ("amount", Cell::Number(2.0))]);
    let removed = open(&bytes)
        .remove_appended(&gone, Some("case"), 3, 1)
        .unwrap();
    assert!(removed.leaves_empty_row);
    let range = by_calamine(&removed.bytes, "Cases");
    assert_eq!(range.get_value((2, 0)), Some(&Data::Empty));
    assert_eq!(range.get_value((3, 1)), Some(&Data::Float(4.0)));
    assert_eq!(
        part(&removed.bytes, "xl/worksheets/sheet2.xml"),
        part(&bytes, "xl/worksheets/sheet2.xml")
    );
    assert_eq!(open(&removed.bytes).table().rows.len(), 2);
}

#[test]
fn a_row_changed_since_the_append_is_a_conflict_that_names_both_values() {
    let ours = append(
        &tracker(),
        &[("case", c("C-4")), ("amount", Cell::Number(7.0))],
    );
    let edited = open(&ours.bytes)
        .update(
            ("case", &c("C-4")),
            &values([("amount", Cell::Number(8.0))]),
            &values([]),
        )
        .unwrap();
    let problem = open(&edited.bytes)
        .remove_appended(&ours.values, Some("case"), ours.row, 1)
        .unwrap_err();
    assert_eq!(
        problem.to_string(),
        "row 5 was changed since: `amount` should be 7 and is 8"
    );
    let problem = open(&edited.bytes)
        .remove_appended(&ours.values, None, ours.row, 1)
        .unwrap_err();
    assert!(
        matches!(
            problem,
            Problem::Gone {
                closest: Some((5, _))
            }
        ),
        "{problem}"
    );
}

#[test]
fn a_cell_filled_in_a_column_that_was_left_empty_is_a_conflict_too() {
    let ours = append(&tracker(), &[("case", c("C-4"))]);
    let edited = open(&ours.bytes)
        .update(
            ("case", &c("C-4")),
            &values([("paid", Cell::Bool(true))]),
            &values([]),
        )
        .unwrap();
    let problem = open(&edited.bytes)
        .remove_appended(&ours.values, Some("case"), ours.row, 1)
        .unwrap_err();
    assert_eq!(
        problem.to_string(),
        "row 5 was changed since: `paid` should be nothing and is true"
    );
}

#[test]
fn of_equal_rows_one_is_removed_only_while_all_are_there() {
    let row = [("case", c("C-9"))];
    let first = append(&tracker(), &row);
    let second = append(&first.bytes, &row);
    let copies = open(&second.bytes).copies(&second.values).unwrap();
    assert_eq!(copies, 2);
    let removed = open(&second.bytes)
        .remove_appended(&second.values, None, second.row, copies)
        .unwrap();
    assert_eq!(removed.row, second.row);
    let problem = open(&removed.bytes)
        .remove_appended(&second.values, None, second.row, copies)
        .unwrap_err();
    assert_eq!(
        problem,
        Problem::FewerCopies {
            found: 1,
            expected: 2
        }
    );
}

#[test]
fn a_row_inside_a_table_is_removed_and_the_table_closes() {
    let written = append(&with_table(false), &[("case", c("C-3"))]);
    let second = values([("case", c("C-2")), ("amount", Cell::Number(2.0))]);
    let removed = open(&written.bytes)
        .remove_appended(&second, Some("case"), 3, 1)
        .unwrap();
    assert!(!removed.leaves_empty_row);
    assert!(part(&removed.bytes, "xl/tables/table1.xml").contains("ref=\"B1:C3\""));
    assert_eq!(
        by_calamine(&removed.bytes, "Sheet1").get_value((2, 1)),
        Some(&Data::String("C-3".into()))
    );
}

#[test]
fn merged_cells_below_move_with_their_rows_and_on_the_row_hold_it_in_place() {
    let sheet = |merge: &str| {
        let cell = |name: &str, text: &str| format!("<c r=\"{name}\" t=\"str\"><v>{text}</v></c>");
        crate::fixtures::around(&format!(
            "<worksheet><sheetData><row r=\"1\">{}</row><row r=\"2\">{}</row><row r=\"3\">{}</row></sheetData>\
             <mergeCells count=\"1\"><mergeCell ref=\"{merge}\"/></mergeCells></worksheet>",
            cell("A1", "id"),
            cell("A2", "a"),
            cell("A3", "b"),
        ))
    };
    let gone = values([("id", c("a"))]);
    let removed = open(&sheet("A3:B3"))
        .remove_appended(&gone, None, 2, 1)
        .unwrap();
    assert!(!removed.leaves_empty_row);
    assert!(part(&removed.bytes, "xl/worksheets/s.xml").contains("<mergeCell ref=\"A2:B2\"/>"));
    let removed = open(&sheet("A2:B2"))
        .remove_appended(&gone, None, 2, 1)
        .unwrap();
    assert!(removed.leaves_empty_row);
}

#[test]
fn a_drawing_with_nothing_in_it_does_not_hold_rows_in_place() {
    let bytes = |content: &str| {
        let cell = |name: &str| {
            format!(
                "<row r=\"{}\"><c r=\"{name}\" t=\"str\"><v>{name}</v></c></row>",
                &name[1..]
            )
        };
        let rows = [cell("A1"), cell("A2"), cell("A3")].concat();
        let sheet =
            format!("<worksheet><sheetData>{rows}</sheetData><drawing r:id=\"d\"/></worksheet>");
        let relations = "<Relationships><Relationship Id=\"d\" Type=\"x/drawing\" Target=\"../drawings/d.xml\"/></Relationships>";
        let bytes = crate::fixtures::around(&sheet);
        let bytes = crate::fixtures::with_part(&bytes, "xl/worksheets/_rels/s.xml.rels", relations);
        crate::fixtures::with_part(&bytes, "xl/drawings/d.xml", content)
    };
    let gone = values([("A1", c("A2"))]);
    let remove = |content| {
        open(&bytes(content))
            .remove_appended(&gone, None, 2, 1)
            .unwrap()
            .leaves_empty_row
    };
    assert!(!remove("<xdr:wsDr/>"));
    assert!(remove("<xdr:wsDr><xdr:twoCellAnchor/></xdr:wsDr>"));
}
