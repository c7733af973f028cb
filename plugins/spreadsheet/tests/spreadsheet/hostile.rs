//! Files that somebody made to do harm, and values that no cell can hold.

use std::io::Write;

use crate::fixtures::{around, open, part, tracker, values, with_part, zip_of};
use connector_spreadsheet::{Cell, Document, Format, NewColumn, Problem, create};
use proptest::prelude::*;

fn problem(bytes: Vec<u8>) -> Problem {
    Document::open("t.xlsx", bytes, None).unwrap_err()
}

fn sheet(rows: &str) -> Vec<u8> {
    around(&format!(
        "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><v>id</v></c></row>{rows}</sheetData></worksheet>"
    ))
}

#[test]
fn only_the_two_formats_are_opened_and_macros_never() {
    assert_eq!(Format::of("a/b.XLSX"), Ok(Format::Xlsx));
    assert!(matches!(Format::of("a.xlsm"), Err(Problem::Macros { .. })));
    for path in [
        "a.xls",
        "a.ods",
        "a",
        "a.xlsx.exe",
        "~$a.xlsx",
        ".~lock.a.xlsx#",
        "",
    ] {
        assert!(
            matches!(Format::of(path), Err(Problem::Extension { .. })),
            "{path}"
        );
    }
}

#[test]
fn a_program_in_a_workbook_is_found_under_any_name() {
    let types = part(&tracker(), "[Content_Types].xml");
    let macros = types.replace("sheet.main+xml", "sheet.macroEnabled.main+xml");
    for bytes in [
        with_part(&tracker(), "[Content_Types].xml", &macros),
        with_part(&tracker(), "xl/vbaProject.bin", "x"),
        with_part(&tracker(), "xl/macrosheets/sheet1.xml", "x"),
    ] {
        assert!(matches!(problem(bytes), Problem::Macros { .. }));
    }
}

#[test]
fn what_is_no_workbook_says_so() {
    assert_eq!(
        problem(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec()),
        Problem::Encrypted
    );
    assert!(matches!(
        problem(b"case,customer\n".to_vec()),
        Problem::Corrupt(_)
    ));
    assert!(matches!(problem(Vec::new()), Problem::Corrupt(_)));
    assert!(matches!(
        problem(tracker()[..2000].to_vec()),
        Problem::Corrupt(_)
    ));
    assert!(matches!(
        problem(zip_of(&[("a", b"b")])),
        Problem::Corrupt(_)
    ));
}

#[test]
fn a_bomb_is_refused_before_it_unfolds() {
    let mut rows = String::from("<worksheet><sheetData>");
    rows.push_str(&" ".repeat(40 << 20));
    let bytes = around(&rows);
    assert!(bytes.len() < 100_000);
    assert!(matches!(problem(bytes), Problem::TooLarge { .. }));
}

#[test]
fn a_directory_that_lies_about_sizes_does_not_help_a_bomb() {
    let mut rows = String::from("<worksheet><sheetData>");
    rows.push_str(&" ".repeat(40 << 20));
    let mut bytes = around(&rows);
    let size = u32::try_from(rows.len()).unwrap().to_le_bytes();
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == size {
            bytes[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
        }
    }
    assert!(matches!(
        problem(bytes),
        Problem::TooLarge { .. } | Problem::Corrupt(_)
    ));
}

#[test]
fn too_many_parts_are_refused() {
    let names: Vec<String> = (0..2_001).map(|i| format!("p{i}")).collect();
    let parts: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), &b"x"[..]))
        .collect();
    assert!(matches!(
        problem(zip_of(&parts)),
        Problem::TooLarge { actual: 2_001, .. }
    ));
}

#[test]
fn entities_are_refused_and_never_expanded() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><worksheet><sheetData/></worksheet>";
    assert!(matches!(problem(around(bomb)), Problem::Corrupt(_)));
    let undeclared = sheet("<row r=\"2\"><c r=\"A2\" t=\"str\"><v>&boom;</v></c></row>");
    assert!(matches!(problem(undeclared), Problem::Corrupt(_)));
}

#[test]
fn one_string_named_by_every_cell_is_counted_as_often_as_it_is_named() {
    let text = "x".repeat(32_000);
    let mut rows = String::new();
    for row in 2..2_000 {
        rows.push_str(&format!(
            "<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>0</v></c></row>"
        ));
    }
    let relations = "<Relationships><Relationship Id=\"a\" Type=\"x/worksheet\" Target=\"worksheets/s.xml\"/>\
                     <Relationship Id=\"b\" Type=\"x/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>";
    let bytes = with_part(&sheet(&rows), "xl/_rels/workbook.xml.rels", relations);
    let strings = format!("<sst uniqueCount=\"18446744073709551615\"><si><t>{text}</t></si></sst>");
    let bytes = with_part(&bytes, "xl/sharedStrings.xml", &strings);
    assert!(matches!(
        problem(bytes),
        Problem::TooLarge {
            what: "the sheet has too much text",
            ..
        }
    ));
}

#[test]
fn a_sheet_of_two_far_corners_costs_two_cells() {
    let bytes = sheet("<row r=\"1048576\"><c r=\"XFD1048576\" t=\"str\"><v>x</v></c></row>");
    let mut document = open(&bytes);
    assert_eq!(document.table().rows.len(), 1);
    let full = document
        .append(&values([("id", Cell::from("x"))]), None)
        .unwrap_err();
    assert!(
        matches!(
            full,
            Problem::TooLarge {
                limit: 1_048_576,
                ..
            }
        ),
        "{full}"
    );
}

#[test]
fn rows_and_cells_that_two_programs_would_place_differently_are_refused() {
    for rows in [
        "<row r=\"0\"/>",
        "<row r=\"1\"/>",
        "<row r=\"1048577\"/>",
        "<row r=\"x\"/>",
        "<row r=\"3\"/><row r=\"2\"/>",
        "<row r=\"2\"><c r=\"A3\"/></row>",
        "<row r=\"2\"><c r=\"B2\"/><c r=\"A2\"/></row>",
        "<row r=\"2\"><c r=\"A2\"/><c r=\"A2\"/></row>",
        "<row r=\"2\"><c r=\"XFE2\"/></row>",
        "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>7</v></c></row>",
        "<row r=\"2\"><c r=\"A2\"><v>1e999</v></c></row>",
        "<row r=\"2\"><c r=\"A2\">",
        "</sheetData><sheetData>",
    ] {
        assert!(
            matches!(problem(sheet(rows)), Problem::Corrupt(_)),
            "{rows}"
        );
    }
}

#[test]
fn cells_without_positions_are_read_but_not_edited() {
    let bytes = sheet("<row><c t=\"str\"><v>a</v></c></row>");
    assert_eq!(open(&bytes).table().rows[0].number, 2);
    let problem = open(&bytes)
        .update(
            ("id", &Cell::from("a")),
            &values([("id", Cell::from("b"))]),
            &values([]),
        )
        .unwrap_err();
    assert!(matches!(problem, Problem::Unsupported { .. }), "{problem}");
}

#[test]
fn a_protected_sheet_and_a_signed_workbook_are_only_read() {
    let closed = part(&tracker(), "xl/worksheets/sheet1.xml")
        .replace("</sheetData>", "</sheetData><sheetProtection sheet=\"1\"/>");
    for bytes in [
        with_part(&tracker(), "xl/worksheets/sheet1.xml", &closed),
        with_part(&tracker(), "_xmlsignatures/sig1.xml", "<x/>"),
    ] {
        let problem = open(&bytes)
            .append(&values([("case", Cell::from("x"))]), None)
            .unwrap_err();
        assert!(matches!(problem, Problem::Protected { .. }), "{problem}");
    }
}

#[test]
fn values_that_no_cell_can_hold_are_refused_by_column() {
    for (value, word) in [
        (Cell::Text("x".repeat(32_768)), "32767"),
        (Cell::Text("a\u{1}b".to_owned()), "U+0001"),
        (Cell::Text("\u{FFFF}".to_owned()), "U+FFFF"),
        (Cell::Number(1e15), "15 digits"),
        (Cell::Number(f64::NAN), "finite"),
    ] {
        let problem = open(&tracker())
            .append(&values([("case", value)]), None)
            .unwrap_err();
        assert!(problem.to_string().contains(word), "{problem}");
    }
    let none = open(&tracker())
        .append(&values([("case", Cell::Empty)]), None)
        .unwrap_err();
    assert_eq!(none, Problem::NoValues);
}

#[test]
fn names_that_spreadsheet_programs_refuse_are_refused() {
    let column = |name: &str| {
        [NewColumn {
            name: name.to_owned(),
            kind: Default::default(),
        }]
    };
    for sheet in ["", "a/b", "a[b", "'a", &"x".repeat(32)] {
        assert!(
            matches!(
                create("t.xlsx", sheet, &column("a")),
                Err(Problem::BadName { .. })
            ),
            "{sheet}"
        );
    }
    for name in ["", " a", "a\nb", &"x".repeat(256)] {
        assert!(
            matches!(
                create("t.xlsx", "S", &column(name)),
                Err(Problem::BadName { .. })
            ),
            "{name}"
        );
    }
    let twice = [column("a"), column("A")].concat();
    assert!(matches!(
        create("t.csv", "S", &twice),
        Err(Problem::BadName { .. })
    ));
    assert_eq!(create("t.csv", "S", &[]), Err(Problem::NoValues));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_damaged_workbook_ends_in_a_panic(at in 0_usize..8_000, byte: u8, cut in 0_usize..3) {
        let mut bytes = tracker();
        let length = bytes.len();
        bytes[at % length] = byte;
        if cut == 0 { bytes.truncate(at % length); }
        if let Ok(mut document) = Document::open("t.xlsx", bytes, None) {
            let _ = document.append(&values([("case", Cell::from("x"))]), None);
        }
    }

    #[test]
    fn no_damaged_worksheet_ends_in_a_panic(at in 0_usize..8_000, with in "[<>/\"'&;=!\\[\\]A-Z0-9 a-z]{0,4}") {
        let mut text = part(&tracker(), "xl/worksheets/sheet1.xml");
        let at = (0..=at % text.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        text.insert_str(at, &with);
        let bytes = with_part(&tracker(), "xl/worksheets/sheet1.xml", &text);
        if let Ok(mut document) = Document::open("t.xlsx", bytes, None) {
            let row = document.table().rows.get(1).cloned();
            let gone = row.map(|row| document.table().values(&row));
            let _ = document.append(&values([("case", Cell::from("x"))]), None);
            let _ = document.remove_appended(&gone.unwrap_or_default(), None, 2, 1);
        }
    }

    #[test]
    fn any_text_comes_back_as_it_went_in(text in "[\\t\\n\\r -~äß€😀_x0-9A-F]{1,12}") {
        let written = open(&tracker()).append(&values([("customer", Cell::from(text.as_str()))]), None).unwrap();
        let document = open(&written.bytes);
        prop_assert_eq!(&document.table().rows[3].cells[1], &Cell::from(text.as_str()));
        let seen = crate::fixtures::by_calamine(&written.bytes, "Cases");
        let seen = seen.get_value((4, 1)).cloned();
        prop_assert_eq!(seen, Some(calamine::Data::String(text)));
    }
}

#[test]
fn two_parts_of_one_name_are_refused() {
    let mut bytes = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", b"<a/>"),
        ("xl/workbook.xmk", b"<b/>"),
    ]);
    let at: Vec<usize> = (0..bytes.len() - 15)
        .filter(|at| bytes[*at..].starts_with(b"xl/workbook.xmk"))
        .collect();
    for at in at {
        (&mut bytes[at..at + 15])
            .write_all(b"xl/workbook.xml")
            .unwrap();
    }
    assert!(matches!(problem(bytes), Problem::Corrupt(text) if text.contains("same name")));
}
