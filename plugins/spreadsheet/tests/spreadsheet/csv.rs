//! What is written into csv files, byte for byte.

use crate::fixtures::{open_csv, values};
use connector_spreadsheet::{Cell, Document, Problem};

fn c(text: &str) -> Cell {
    Cell::from(text)
}

fn append(text: &str, pairs: &[(&str, Cell)]) -> String {
    let values = pairs
        .iter()
        .map(|(name, cell)| ((*name).to_owned(), cell.clone()))
        .collect();
    String::from_utf8(open_csv(text).append(&values, None).unwrap().bytes).unwrap()
}

#[test]
fn a_row_is_appended_in_the_manner_of_the_file() {
    let row = [("b", c("x;y")), ("a", Cell::Number(1.5))];
    assert_eq!(append("a,b\n1,2\n", &row), "a,b\n1,2\n1.5,\"x;y\"\n");
    assert_eq!(append("a;b\r\n1;2", &row), "a;b\r\n1;2\r\n1.5;\"x;y\"");
    assert_eq!(
        append("\u{FEFF}a\tb\n", &row),
        "\u{FEFF}a\tb\n1.5\t\"x;y\"\n"
    );
    assert_eq!(append("a,b", &row), "a,b\n1.5,\"x;y\"");
}

#[test]
fn text_that_looks_like_a_formula_is_written_with_an_apostrophe_and_reads_without() {
    for text in [
        "=1+1",
        "+49 170",
        "-x",
        "@SUM(A1)",
        "\tx",
        "=cmd|' /C calc'!A0",
    ] {
        let written = append("a,b\n", &[("a", c(text))]);
        let field = written.lines().nth(1).unwrap();
        assert!(
            field.starts_with("\"'") || field.starts_with('\''),
            "{field}"
        );
        assert_eq!(open_csv(&written).table().rows[0].cells[0], c(text));
    }
    assert_eq!(append("a,b\n", &[("a", Cell::Number(-5.0))]), "a,b\n-5,\n");
}

#[test]
fn text_that_another_separator_would_split_is_quoted() {
    assert_eq!(append("a,b\n", &[("a", c("x;=1+1"))]), "a,b\n\"x;=1+1\",\n");
}

#[test]
fn an_update_changes_its_record_and_no_other_byte() {
    let text = "a,b\r\n\"1\" ,  keep \r\n2,\"multi\nline\"\r\n\r\n3,x";
    let change = values([("b", c("new"))]);
    let written = open_csv(text)
        .update(
            ("a", &Cell::Number(2.0)),
            &change,
            &values([("b", c("multi\nline"))]),
        )
        .unwrap();
    assert_eq!(
        String::from_utf8(written.bytes).unwrap(),
        "a,b\r\n\"1\" ,  keep \r\n2,new\r\n\r\n3,x"
    );
}

#[test]
fn a_row_is_removed_even_if_others_were_appended_after_it() {
    for (before, end) in [("a,b\n1,2\n", "\n"), ("a,b\r\n1,2", "\r\n")] {
        let ours = open_csv(before)
            .append(&values([("a", c("9"))]), None)
            .unwrap();
        let text = String::from_utf8(ours.bytes.clone()).unwrap();
        let theirs = format!("{}{end}10,20{end}", text.trim_end());
        let removed = open_csv(&theirs)
            .remove_appended(&ours.values, None, ours.row, 1)
            .unwrap();
        assert_eq!(
            String::from_utf8(removed.bytes).unwrap(),
            format!("{}{end}10,20{end}", before.trim_end())
        );
    }
}

#[test]
fn a_number_is_text_in_csv_and_still_compares() {
    let ours = open_csv("a,b\n")
        .append(&values([("a", Cell::Number(7.0))]), None)
        .unwrap();
    assert_eq!(ours.values["a"], c("7"));
    let text = String::from_utf8(ours.bytes).unwrap();
    assert!(
        open_csv(&text)
            .table()
            .row_by_key("a", &Cell::Number(7.0))
            .is_ok()
    );
    assert_eq!(open_csv("a\n007\n").table().rows[0].cells[0], c("007"));
}

#[test]
fn a_quote_left_open_is_a_damaged_file_and_not_a_longer_cell() {
    let problem = open_csv("a,b\n1,\"open\n2,3\n")
        .append(&values([("a", c("9"))]), None)
        .unwrap_err();
    assert!(matches!(problem, Problem::Corrupt(_)), "{problem}");
}

#[test]
fn what_is_no_text_is_refused() {
    for bytes in [
        vec![0xFF, 0xFE, b'a', 0],
        b"a,b\n\0,1".to_vec(),
        b"a\xE9,b".to_vec(),
        b"PK\x03\x04".to_vec(),
    ] {
        let problem = Document::open("t.csv", bytes, None).unwrap_err();
        assert!(
            matches!(problem, Problem::Corrupt(_) | Problem::Unsupported { .. }),
            "{problem}"
        );
    }
    assert!(matches!(
        Document::open("t.csv", Vec::new(), None),
        Err(Problem::NoHeader { .. })
    ));
}

#[test]
fn a_header_that_names_a_column_twice_is_refused_where_it_is_used() {
    let text = "a,a,b\n1,2,3\n";
    let problem = open_csv(text)
        .append(&values([("a", c("x"))]), None)
        .unwrap_err();
    assert_eq!(
        problem,
        Problem::AmbiguousColumn {
            name: "a".to_owned()
        }
    );
    assert!(
        open_csv(text)
            .append(&values([("b", c("x"))]), None)
            .is_ok()
    );
}
