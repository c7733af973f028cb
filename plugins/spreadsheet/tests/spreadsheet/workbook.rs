//! What is written into workbooks, judged by a reader that is not ours.

use crate::fixtures::{
    append, by_calamine, c, open, part, parts, tracker, values, with_formula_and_note, with_table,
};
use calamine::Data;
use connector_spreadsheet::{Cell, ColumnKind, Document, NewColumn, Problem, create};

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
