//! Workbooks made while the tests run, by a writer that is not ours, and zips
//! put together by hand where no decent writer would make them.

use std::io::{Cursor, Read, Write};

use calamine::{Data, Range, Reader, Xlsx};
use connector_spreadsheet::{Cell, Document, Values, Written};
use rust_xlsxwriter::{
    Color, ConditionalFormatCell, ConditionalFormatCellRule, DataValidation, Format, FormatBorder,
    Note, Table, Workbook,
};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// A tracker as people make them: a bold header, a formatted body with dates,
/// a filter, a drop-down, colours by value, a frozen pane, and a second sheet.
pub(crate) fn tracker() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let bold = Format::new().set_bold().set_background_color(Color::Yellow);
    let framed = Format::new().set_border(FormatBorder::Thin);
    let date = Format::new()
        .set_num_format("dd.mm.yyyy")
        .set_border(FormatBorder::Thin);
    let sheet = workbook.add_worksheet().set_name("Cases").unwrap();
    for (column, name) in ["case", "customer", "amount", "opened", "paid"]
        .iter()
        .enumerate()
    {
        sheet
            .write_with_format(0, u16::try_from(column).unwrap(), *name, &bold)
            .unwrap();
    }
    for (row, (case, customer, amount, opened, paid)) in [
        ("C-1", "Ada & Söhne", 12.5, 46_300.0, true),
        ("C-2", "Zoë <Ltd>", 900.0, 46_301.0, false),
        ("C-3", "日本", -3.0, 46_302.5, false),
    ]
    .into_iter()
    .enumerate()
    {
        let row = u32::try_from(row).unwrap() + 1;
        sheet.write_with_format(row, 0, case, &framed).unwrap();
        sheet.write_with_format(row, 1, customer, &framed).unwrap();
        sheet.write_with_format(row, 2, amount, &framed).unwrap();
        sheet.write_with_format(row, 3, opened, &date).unwrap();
        sheet
            .write_boolean_with_format(row, 4, paid, &framed)
            .unwrap();
    }
    sheet.set_freeze_panes(1, 0).unwrap();
    sheet.autofilter(0, 0, 3, 4).unwrap();
    let choice = DataValidation::new()
        .allow_list_strings(&["a", "b"])
        .unwrap();
    sheet.add_data_validation(1, 1, 500, 1, &choice).unwrap();
    let red = ConditionalFormatCell::new()
        .set_rule(ConditionalFormatCellRule::GreaterThan(100))
        .set_format(Format::new().set_font_color(Color::Red));
    sheet.add_conditional_format(1, 2, 500, 2, &red).unwrap();
    let notes = workbook.add_worksheet().set_name("Notes").unwrap();
    notes.write(0, 0, "hands off").unwrap();
    workbook.save_to_buffer().unwrap()
}

/// The same rows with what speaks of rows by number: a sum on another sheet.
pub(crate) fn tracker_with_sum() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet().set_name("Cases").unwrap();
    sheet.write_row(0, 0, ["case", "amount"]).unwrap();
    for (row, amount) in [1.0, 2.0, 4.0].into_iter().enumerate() {
        let row = u32::try_from(row).unwrap() + 1;
        sheet.write(row, 0, format!("C-{row}")).unwrap();
        sheet.write(row, 1, amount).unwrap();
    }
    let sums = workbook.add_worksheet().set_name("Sums").unwrap();
    sums.write_formula(0, 0, "=SUM(Cases!B2:B100)").unwrap();
    workbook.save_to_buffer().unwrap()
}

/// A table that a program keeps the extent of.
pub(crate) fn with_table(totals: bool) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for row in 1..=2 {
        sheet.write(row, 1, format!("C-{row}")).unwrap();
        sheet.write(row, 2, row).unwrap();
    }
    let columns =
        ["case", "amount"].map(|name| rust_xlsxwriter::TableColumn::new().set_header(name));
    let table = Table::new().set_columns(&columns).set_total_row(totals);
    sheet
        .add_table(0, 1, if totals { 3 } else { 2 }, 2, &table)
        .unwrap();
    workbook.save_to_buffer().unwrap()
}

/// A sheet whose last column is calculated, with a note on a cell.
pub(crate) fn with_formula_and_note() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["case", "net", "gross"]).unwrap();
    for row in 1..=3 {
        sheet.write(row, 0, format!("C-{row}")).unwrap();
        sheet.write(row, 1, 10 * row).unwrap();
    }
    let formula = rust_xlsxwriter::Formula::new("=B2*1.2").set_result("12");
    sheet.write_formula(1, 2, formula).unwrap();
    sheet.insert_note(1, 0, &Note::new("ask Mira")).unwrap();
    workbook.save_to_buffer().unwrap()
}

pub(crate) fn open(bytes: &[u8]) -> Document {
    Document::open("t.xlsx", bytes.to_vec(), None).unwrap()
}

/// A text as a cell.
pub(crate) fn c(text: &str) -> Cell {
    Cell::from(text)
}

/// A workbook with one more row.
pub(crate) fn append(bytes: &[u8], pairs: &[(&str, Cell)]) -> Written {
    let values = pairs
        .iter()
        .map(|(name, cell)| ((*name).to_owned(), cell.clone()))
        .collect();
    open(bytes).append(&values, None).unwrap()
}

pub(crate) fn open_csv(text: &str) -> Document {
    Document::open("t.csv", text.as_bytes().to_vec(), None).unwrap()
}

pub(crate) fn values<const N: usize>(pairs: [(&str, Cell); N]) -> Values {
    pairs
        .into_iter()
        .map(|(name, cell)| (name.to_owned(), cell))
        .collect()
}

/// What another reader sees.
pub(crate) fn by_calamine(bytes: &[u8], sheet: &str) -> Range<Data> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes.to_vec())).unwrap();
    workbook.worksheet_range(sheet).unwrap()
}

/// A zip's parts, unfolded.
pub(crate) fn parts(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.name().unwrap().into_owned(), content)
        })
        .collect()
}

pub(crate) fn part(bytes: &[u8], name: &str) -> String {
    let found = parts(bytes).into_iter().find(|(part, _)| part == name);
    String::from_utf8(found.unwrap().1).unwrap()
}

pub(crate) fn zip_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        out.start_file(*name, SimpleFileOptions::default()).unwrap();
        out.write_all(content).unwrap();
    }
    out.finish().unwrap().into_inner()
}

/// A workbook with one part replaced or added.
pub(crate) fn with_part(bytes: &[u8], name: &str, content: &str) -> Vec<u8> {
    let mut all = parts(bytes);
    all.retain(|(part, _)| part != name);
    all.push((name.to_owned(), content.as_bytes().to_vec()));
    let borrowed: Vec<(&str, &[u8])> = all
        .iter()
        .map(|(n, c)| (n.as_str(), c.as_slice()))
        .collect();
    zip_of(&borrowed)
}

/// The smallest workbook, around this worksheet.
pub(crate) fn around(worksheet: &str) -> Vec<u8> {
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let workbook = format!(
        "<workbook xmlns:r=\"{office}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"a\"/></sheets></workbook>"
    );
    let relations = format!(
        "<Relationships><Relationship Id=\"a\" Type=\"{office}/worksheet\" Target=\"/xl/worksheets/s.xml\"/></Relationships>"
    );
    zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/s.xml", worksheet.as_bytes()),
    ])
}
