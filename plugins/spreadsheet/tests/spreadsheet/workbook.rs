//! What is written into workbooks, judged by a reader that is not ours.

use crate::fixtures::{
    by_calamine, open, part, parts, tracker, tracker_with_sum, values, with_formula_and_note,
    with_table,
};
use calamine::Data;
use connector_spreadsheet::{Cell, ColumnKind, Document, NewColumn, Problem, Written, create};

fn c(text: &str) -> Cell {
    Cell::from(text)
}

fn append(bytes: &[u8], pairs: &[(&str, Cell)]) -> Written {
    let values = pairs
        .iter()
        .map(|(name, cell)| ((*name).to_owned(), cell.clone()))
        .collect();
    open(bytes).append(&values, None).unwrap()
}

#[test]
fn rows_read_typed_and_dates_as_iso_text() {
    let document = open(&tracker());
    let table = document.table();
    assert_eq!(table.sheet, "Cases");
    assert_eq!(
        table
            .columns
            .iter()
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>(),
        ["case", "customer", "amount", "opened", "paid"]
    );
    assert_eq!(
        table.rows[2].cells,
        [
            c("C-3"),
            c("日本"),
            Cell::Number(-3.0),
            c("2026-10-07T12:00:00"),
            Cell::Bool(false)
        ]
    );
}

#[test]
fn an_appended_row_is_read_by_another_reader_and_keeps_the_look_of_the_row_above() {
    let written = append(
        &tracker(),
        &[
            ("case", c("C-4")),
            ("customer", c("=HYPERLINK(\"http://x\")\n_x0041_ <&>\" ")),
            ("amount", Cell::Number(0.1)),
            ("opened", c("2026-11-22")),
        ],
    );
    assert_eq!(written.row, 5);
    let range = by_calamine(&written.bytes, "Cases");
    assert_eq!(range.get_value((4, 0)), Some(&Data::String("C-4".into())));
    assert_eq!(
        range.get_value((4, 1)),
        Some(&Data::String(
            "=HYPERLINK(\"http://x\")\n_x0041_ <&>\" ".into()
        ))
    );
    assert_eq!(range.get_value((4, 2)), Some(&Data::Float(0.1)));
    assert!(
        matches!(range.get_value((4, 3)), Some(Data::DateTime(day)) if day.as_f64() == 46_348.0)
    );
    let sheet = part(&written.bytes, "xl/worksheets/sheet1.xml");
    let look = |cell: &str| {
        sheet
            .split(&format!("r=\"{cell}\" s=\""))
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    for column in ["A", "D", "E"] {
        assert_eq!(
            look(&format!("{column}5")),
            look(&format!("{column}4")),
            "{column}"
        );
    }
    assert!(!sheet.contains("<f>"), "text never becomes a formula");
}

#[test]
fn an_edit_changes_its_sheet_and_no_other_byte_of_any_part() {
    let before = tracker();
    let written = append(&before, &[("case", c("C-4"))]);
    for ((name, old), (new_name, new)) in parts(&before).into_iter().zip(parts(&written.bytes)) {
        assert_eq!(name, new_name);
        assert_eq!(old == new, name != "xl/worksheets/sheet1.xml", "{name}");
    }
}

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
fn a_key_that_is_taken_is_refused_and_names_the_row() {
    let problem = open(&tracker())
        .append(&values([("case", c("C-2"))]), Some("case"))
        .unwrap_err();
    assert_eq!(
        problem.to_string(),
        "a row with `case` = \"C-2\" exists already: row 3"
    );
    let problem = open(&tracker())
        .append(&values([("paid", Cell::Bool(true))]), Some("case"))
        .unwrap_err();
    assert!(matches!(problem, Problem::BadValue { .. }));
}

#[test]
fn an_update_and_its_inverse_leave_the_values_and_styles_as_they_were() {
    let before = tracker();
    let change = values([
        ("opened", c("2026-12-01")),
        ("customer", Cell::Empty),
        ("amount", c("n/a")),
    ]);
    let key = c("C-1");
    let mut document = open(&before);
    let row = document.table().row_by_key("case", &key).unwrap().clone();
    let prior = document.table().values(&row);
    let written = document
        .update(("case", &key), &change, &values([]))
        .unwrap();
    assert!(matches!(
        by_calamine(&written.bytes, "Cases").get_value((1, 3)),
        Some(Data::DateTime(_))
    ));
    let prior = prior
        .into_iter()
        .filter(|(name, _)| change.contains_key(name))
        .collect();
    let back = open(&written.bytes)
        .update(("case", &key), &prior, &written.values)
        .unwrap();
    assert_eq!(open(&back.bytes).table().rows, open(&before).table().rows);
}

#[test]
fn an_update_of_what_others_changed_is_a_conflict() {
    let expected = values([("amount", Cell::Number(900.0)), ("paid", Cell::Bool(true))]);
    let problem = open(&tracker())
        .update(
            ("case", &c("C-2")),
            &values([("amount", Cell::Number(1.0))]),
            &expected,
        )
        .unwrap_err();
    assert_eq!(
        problem.to_string(),
        "row 3 was changed since: `paid` should be true and is false"
    );
}

#[test]
fn an_update_needs_exactly_one_row() {
    let change = values([("amount", Cell::Number(1.0))]);
    let problem = open(&tracker())
        .update(("case", &c("C-7")), &change, &values([]))
        .unwrap_err();
    assert!(matches!(problem, Problem::NoRow { .. }));
    let problem = open(&tracker())
        .update(("paid", &Cell::Bool(false)), &change, &values([]))
        .unwrap_err();
    assert_eq!(problem.to_string(), "2 rows have `paid` = false: 3, 4");
}

#[test]
fn an_unknown_column_is_refused_with_the_one_that_was_meant() {
    for (given, meant) in [
        ("custmer", "customer"),
        ("Amount ", "amount"),
        ("CASE", "case"),
    ] {
        let problem = open(&tracker())
            .append(&values([(given, c("x"))]), None)
            .unwrap_err();
        assert_eq!(
            problem.to_string(),
            format!("there is no column `{given}`; did you mean `{meant}`?")
        );
    }
    let problem = open(&tracker())
        .append(&values([("zzzzzzz", c("x"))]), None)
        .unwrap_err();
    assert!(
        problem
            .to_string()
            .ends_with("there are: case, customer, amount, opened, paid"),
        "{problem}"
    );
}

#[test]
fn a_formula_is_never_overwritten_nor_removed() {
    let bytes = with_formula_and_note();
    let change = values([("gross", Cell::Number(1.0))]);
    let problem = open(&bytes)
        .update(("case", &c("C-1")), &change, &values([]))
        .unwrap_err();
    assert_eq!(
        problem,
        Problem::Formula {
            cell: "C2".to_owned()
        }
    );
    let row = values([
        ("case", c("C-1")),
        ("net", Cell::Number(10.0)),
        ("gross", Cell::Number(12.0)),
    ]);
    let problem = open(&bytes)
        .remove_appended(&row, Some("case"), 2, 1)
        .unwrap_err();
    assert_eq!(
        problem,
        Problem::Formula {
            cell: "C2".to_owned()
        }
    );
}

#[test]
fn a_formula_and_a_note_survive_an_edit_elsewhere() {
    let bytes = with_formula_and_note();
    let written = append(&bytes, &[("case", c("C-4")), ("net", Cell::Number(1.0))]);
    assert!(part(&written.bytes, "xl/worksheets/sheet1.xml").contains("<f>B2*1.2</f>"));
    assert_eq!(
        part(&written.bytes, "xl/comments1.xml"),
        part(&bytes, "xl/comments1.xml")
    );
}

#[test]
fn a_table_grows_with_the_row_below_it_and_shrinks_again() {
    let bytes = with_table(false);
    let table = |bytes: &[u8]| part(bytes, "xl/tables/table1.xml");
    assert!(table(&bytes).contains("ref=\"B1:C3\""));
    let written = append(&bytes, &[("case", c("C-3"))]);
    assert_eq!(
        table(&written.bytes).matches("ref=\"B1:C4\"").count(),
        2,
        "the table and its filter"
    );
    let removed = open(&written.bytes)
        .remove_appended(&written.values, None, written.row, 1)
        .unwrap();
    assert_eq!(parts(&removed.bytes), parts(&bytes));
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
fn a_row_of_totals_is_not_pushed_around() {
    let problem = open(&with_table(true))
        .append(&values([("case", c("x"))]), None)
        .unwrap_err();
    assert!(matches!(problem, Problem::Unsupported { .. }), "{problem}");
}

#[test]
fn a_new_workbook_has_its_header_and_shows_dates_as_dates() {
    let columns = [
        NewColumn {
            name: "case & <id>".to_owned(),
            kind: ColumnKind::General,
        },
        NewColumn {
            name: "when".to_owned(),
            kind: ColumnKind::Date,
        },
        NewColumn {
            name: "seen".to_owned(),
            kind: ColumnKind::DateTime,
        },
    ];
    let bytes = create("t.xlsx", "Fälle & <1>", &columns).unwrap();
    let document = Document::open("t.xlsx", bytes.clone(), Some("Fälle & <1>")).unwrap();
    assert!(document.table().rows.is_empty());
    let row = [
        ("case & <id>", c("C-1")),
        ("when", c("2026-11-22")),
        ("seen", c("2026-11-22T09:30:00")),
    ];
    let written = append(&bytes, &row);
    let range = by_calamine(&written.bytes, "Fälle & <1>");
    assert_eq!(
        range.get_value((0, 0)),
        Some(&Data::String("case & <id>".into()))
    );
    assert!(matches!(range.get_value((1, 1)), Some(Data::DateTime(_))));
    assert_eq!(written.values["seen"], c("2026-11-22T09:30:00"));
}

#[test]
fn a_date_given_with_midnight_compares_by_how_it_reads() {
    let written = append(
        &tracker(),
        &[("case", c("C-4")), ("opened", c("2026-11-22T00:00:00"))],
    );
    assert_eq!(written.values["opened"], c("2026-11-22"));
    open(&written.bytes)
        .remove_appended(&written.values, None, written.row, 1)
        .unwrap();
}

#[test]
fn a_file_by_programs_with_prefixes_and_self_closed_rows_is_edited_in_its_own_manner() {
    let bytes = crate::fixtures::around(
        "<x:worksheet xmlns:x=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><x:sheetData>\
         <x:row r=\"1\"><x:c r=\"A1\" t=\"inlineStr\"><x:is><x:t>id</x:t></x:is></x:c>\
         <x:c r=\"C1\" t=\"inlineStr\"><x:is><x:t>n</x:t></x:is></x:c></x:row>\
         <x:row r=\"2\" ht=\"20\"/></x:sheetData></x:worksheet>",
    );
    let written = append(&bytes, &[("n", Cell::Number(1.0)), ("id", c("a"))]);
    assert_eq!(written.row, 2);
    let sheet = part(&written.bytes, "xl/worksheets/s.xml");
    assert!(
        sheet.contains("<x:row r=\"2\" ht=\"20\"><x:c r=\"A2\""),
        "{sheet}"
    );
    let next = append(&written.bytes, &[("n", Cell::Number(2.0))]);
    assert_eq!(open(&next.bytes).table().rows.len(), 2);
    let change = values([("id", c("b"))]);
    let updated = open(&next.bytes)
        .update(("n", &Cell::Number(2.0)), &change, &values([]))
        .unwrap();
    assert!(part(&updated.bytes, "xl/worksheets/s.xml").contains("r=\"A3\" t=\"inlineStr\""));
}

#[test]
fn an_empty_sheet_element_and_rows_without_values_are_no_trouble() {
    let header = "<row r=\"3\"><c r=\"B3\" t=\"str\"><v>id</v></c></row>";
    let bytes = crate::fixtures::around(&format!(
        "<worksheet><dimension ref=\"B3\"/><sheetData>{header}<row r=\"4\"><c r=\"B4\" s=\"0\"/></row>\
         <row r=\"5\"><c r=\"B5\" s=\"0\"/></row></sheetData></worksheet>"
    ));
    let written = append(&bytes, &[("id", c("a"))]);
    assert_eq!(
        written.row, 4,
        "the first row below the data, already formatted"
    );
    assert!(part(&written.bytes, "xl/worksheets/s.xml").contains("<dimension ref=\"B3:B4\"/>"));
    let removed = open(&written.bytes)
        .remove_appended(&written.values, None, 4, 1)
        .unwrap();
    assert!(removed.leaves_empty_row, "the formatted row stays");
    let problem = Document::open(
        "t.xlsx",
        crate::fixtures::around("<worksheet><sheetData/></worksheet>"),
        None,
    )
    .unwrap_err();
    assert_eq!(
        problem,
        Problem::NoHeader {
            sheet: "S".to_owned()
        }
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
fn old_mac_dates_are_read_and_written_in_their_own_epoch() {
    let mut bytes = tracker();
    let workbook = part(&bytes, "xl/workbook.xml");
    let workbook = workbook.replace("<workbookPr", "<workbookPr date1904=\"1\"");
    bytes = crate::fixtures::with_part(&bytes, "xl/workbook.xml", &workbook);
    let written = append(&bytes, &[("case", c("C-4")), ("opened", c("2026-11-22"))]);
    let range = by_calamine(&written.bytes, "Cases");
    assert!(
        matches!(range.get_value((4, 3)), Some(Data::DateTime(day)) if day.as_f64() == 44_886.0)
    );
    assert_eq!(
        open(&written.bytes).table().rows[3].cells[3],
        c("2026-11-22")
    );
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
