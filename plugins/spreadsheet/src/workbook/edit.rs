//! Writing cells into a worksheet's XML.
//!
//! Text is written into the cell itself, never as a formula and never into the
//! shared strings: `=1+1` stays text (formula injection, CWE-1236), and no
//! other part has to change.

use super::sheet::{CellPlace, Meaning, RowPlace, Sheet};
use super::strings;
use super::xml::{Edit, escape, value_range};
use crate::calendar;
use crate::cell::Cell;
use crate::problem::Problem;
use crate::reference::{Area, cell_name};

/// One cell to write: its column in the sheet and the value.
pub(super) type Write = (u32, Cell);

/// The edits that write these cells, and the values as they will read.
pub(super) struct Written {
    pub(super) edits: Vec<Edit>,
    pub(super) values: Vec<Cell>,
}

/// Write cells into a row, which need not exist. New cells look like the cell
/// above in `like`, or like their column.
pub(super) fn set_cells(
    sheet: &Sheet,
    meaning: &Meaning,
    number: u32,
    like: Option<u32>,
    writes: &[Write],
) -> Result<Written, Problem> {
    let row = sheet.row(number);
    let like = like.and_then(|like| sheet.row(like));
    if let Some(row) = row {
        check_targets(row, writes)?;
    }
    let mut drawn: Vec<Drawn<'_>> = writes
        .iter()
        .map(|(column, value)| {
            let place = row.and_then(|row| row.cell(*column));
            let style =
                place.map_or_else(|| style_for_new(sheet, like, *column), |place| place.style);
            let (xml, value) = draw(
                &sheet.data.prefix,
                &cell_name(*column, number),
                style,
                value,
                meaning,
            );
            Drawn {
                column: *column,
                place,
                xml,
                value,
            }
        })
        .collect();
    let values = drawn.iter().map(|drawn| drawn.value.clone()).collect();
    drawn.sort_by_key(|drawn| drawn.column);
    let mut edits = place_cells(sheet, row, number, drawn);
    edits.extend(widen_dimension(sheet, number, writes));
    Ok(Written { edits, values })
}

/// A cell's new XML.
struct Drawn<'a> {
    column: u32,
    place: Option<&'a CellPlace>,
    xml: String,
    value: Cell,
}

fn check_targets(row: &RowPlace, writes: &[Write]) -> Result<(), Problem> {
    if row.cells.iter().any(|cell| !cell.is_named) {
        return Err(unnamed());
    }
    for cell in writes.iter().filter_map(|(column, _)| row.cell(*column)) {
        let name = cell_name(cell.column, row.number);
        if cell.has_formula {
            return Err(Problem::Formula { cell: name });
        }
        if cell.is_error {
            return Err(Problem::ErrorValue { cell: name });
        }
    }
    Ok(())
}

pub(super) fn unnamed() -> Problem {
    Problem::Unsupported {
        what: "the workbook was written without the positions of its cells".to_owned(),
        advice: "open it in a spreadsheet program and save it again",
    }
}

fn style_for_new(sheet: &Sheet, like: Option<&RowPlace>, column: u32) -> Option<u32> {
    match like.and_then(|row| row.cell(column)) {
        Some(cell) => cell.style,
        None => sheet.column_style(column),
    }
}

/// The cell's XML, and the value as it will read: a date is a number in a cell
/// whose style shows dates, and stays text elsewhere.
fn draw(
    prefix: &str,
    name: &str,
    style: Option<u32>,
    value: &Cell,
    meaning: &Meaning,
) -> (String, Cell) {
    let style_text = style.map_or_else(String::new, |style| format!(" s=\"{style}\""));
    let open = format!("<{prefix}c r=\"{name}\"{style_text}");
    let number = |n: f64| format!("{open}><{prefix}v>{n}</{prefix}v></{prefix}c>");
    match value {
        Cell::Text(text) if text.is_empty() => (format!("{open}/>"), Cell::Empty),
        Cell::Empty => (format!("{open}/>"), Cell::Empty),
        Cell::Bool(b) => (
            format!(
                "{open} t=\"b\"><{prefix}v>{}</{prefix}v></{prefix}c>",
                u8::from(*b)
            ),
            value.clone(),
        ),
        Cell::Number(n) => (number(*n), meaning.number(*n, style)),
        Cell::Text(text) => match calendar::to_serial(text, meaning.epoch) {
            Some(serial) if meaning.styles.is_date(style) => {
                (number(serial), meaning.number(serial, style))
            }
            _ => {
                let text = escape(&strings::escape(text));
                let inner = format!(
                    "<{prefix}is><{prefix}t xml:space=\"preserve\">{text}</{prefix}t></{prefix}is>"
                );
                (
                    format!("{open} t=\"inlineStr\">{inner}</{prefix}c>"),
                    value.clone(),
                )
            }
        },
    }
}

fn place_cells(
    sheet: &Sheet,
    row: Option<&RowPlace>,
    number: u32,
    drawn: Vec<Drawn<'_>>,
) -> Vec<Edit> {
    match row {
        Some(row) if !row.is_empty => drawn
            .into_iter()
            .map(|cell| place_cell(sheet, row, cell))
            .collect(),
        Some(row) => vec![open_row(sheet, row, &joined(drawn))],
        None => vec![new_row(sheet, number, &joined(drawn))],
    }
}

fn joined(drawn: Vec<Drawn<'_>>) -> String {
    drawn.into_iter().map(|cell| cell.xml).collect()
}

/// In the place of the cell that is there, or before the first one right of it.
fn place_cell(sheet: &Sheet, row: &RowPlace, drawn: Drawn<'_>) -> Edit {
    if let Some(place) = drawn.place {
        return (place.span.clone(), drawn.xml);
    }
    let right = row.cells.iter().find(|cell| cell.column > drawn.column);
    let at = right.map_or_else(|| end_tag(sheet, row), |cell| cell.span.start);
    (at..at, drawn.xml)
}

fn end_tag(sheet: &Sheet, row: &RowPlace) -> usize {
    let inner = &sheet.text[row.span.clone()];
    row.span.start + inner.rfind("</").unwrap_or(inner.len())
}

/// `<row …/>` becomes a row with content.
fn open_row(sheet: &Sheet, row: &RowPlace, cells: &str) -> Edit {
    let tag = &sheet.text[row.tag.clone()];
    let open = tag.trim_end_matches('>').trim_end_matches('/');
    let prefix = &sheet.data.prefix;
    (row.tag.clone(), format!("{open}>{cells}</{prefix}row>"))
}

fn new_row(sheet: &Sheet, number: u32, cells: &str) -> Edit {
    let prefix = &sheet.data.prefix;
    let row = format!("<{prefix}row r=\"{number}\">{cells}</{prefix}row>");
    if sheet.data.is_empty {
        let tag = &sheet.text[sheet.data.span.clone()];
        let open = tag.trim_end_matches('>').trim_end_matches('/');
        return (
            sheet.data.span.clone(),
            format!("{open}>{row}</{prefix}sheetData>"),
        );
    }
    let before = sheet.rows.iter().rev().find(|row| row.number < number);
    let at = before.map_or(sheet.data.span.end, |row| row.span.end);
    (at..at, row)
}

/// The sheet says how far it reaches; readers allocate by it.
fn widen_dimension(sheet: &Sheet, number: u32, writes: &[Write]) -> Option<Edit> {
    let (span, area) = sheet.dimension.as_ref()?;
    let mut wide: Area = *area;
    for (column, _) in writes {
        wide.left = wide.left.min(*column);
        wide.right = wide.right.max(*column);
    }
    wide.top = wide.top.min(number);
    wide.bottom = wide.bottom.max(number);
    let range = value_range(&sheet.text[span.clone()], span.start, "ref")?;
    (wide != *area).then(|| (range, wide.to_string()))
}
