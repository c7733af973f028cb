//! Taking a row out of a worksheet.
//!
//! The last row is simply cut. A row in the middle is cut and those below move
//! up, but only where nothing else in the workbook speaks of rows by number:
//! formulas, charts, comments and the like would silently point elsewhere. In
//! such a workbook the row's cells are emptied instead and the row stays, which
//! is always right and only less tidy. To rewrite formulas was refused: their
//! grammar is large, and an error in it changes somebody's figures.

use std::ops::Range;

use quick_xml::events::{BytesStart, Event};

use super::edit::unnamed;
use super::sheet::{RowPlace, Sheet};
use super::xml::{Edit, Walker, attribute, local, value_range};
use crate::problem::Problem;
use crate::reference::{Area, cell_name};

/// How a row is taken out.
pub(super) enum Removal {
    /// It was the last one: cut, nothing moves.
    Cut(Vec<Edit>),
    /// Cut, and all below it moved up by one.
    Closed(Vec<Edit>),
    /// Emptied; the row stays.
    Emptied(Vec<Edit>),
}

/// `others_speak_of_rows` says that another part of the workbook may name rows.
pub(super) fn remove_row(
    part: &str,
    sheet: &Sheet,
    number: u32,
    others_speak_of_rows: bool,
) -> Result<Removal, Problem> {
    let row = sheet
        .row(number)
        .ok_or_else(|| Problem::Corrupt(format!("the part `{part}` has no row {number}")))?;
    check_removable(row)?;
    let below: Vec<&RowPlace> = sheet
        .rows
        .iter()
        .filter(|below| below.number > number)
        .collect();
    if below.is_empty() {
        let dimension = shrink_dimension(sheet, number);
        return Ok(Removal::Cut(
            [vec![(row.span.clone(), String::new())], dimension].concat(),
        ));
    }
    if below.iter().all(|below| below.is_blank()) || others_speak_of_rows {
        return Ok(Removal::Emptied(empty_cells(sheet, row)));
    }
    Ok(match close_gap(part, sheet, row, &below)? {
        Some(edits) => Removal::Closed(edits),
        None => Removal::Emptied(empty_cells(sheet, row)),
    })
}

fn check_removable(row: &RowPlace) -> Result<(), Problem> {
    match row.cells.iter().find(|cell| cell.has_formula) {
        Some(cell) => Err(Problem::Formula {
            cell: cell_name(cell.column, row.number),
        }),
        None if row.cells.iter().any(|cell| !cell.is_named) => Err(unnamed()),
        None => Ok(()),
    }
}

/// Every cell keeps its look and loses its value.
fn empty_cells(sheet: &Sheet, row: &RowPlace) -> Vec<Edit> {
    let filled = row.cells.iter().filter(|cell| cell.span != cell.tag);
    filled
        .map(|cell| {
            let style = cell
                .style
                .map_or_else(String::new, |style| format!(" s=\"{style}\""));
            let name = cell_name(cell.column, row.number);
            (
                cell.span.clone(),
                format!("<{}c r=\"{name}\"{style}/>", sheet.data.prefix),
            )
        })
        .collect()
}

fn shrink_dimension(sheet: &Sheet, number: u32) -> Vec<Edit> {
    let Some((span, area)) = &sheet.dimension else {
        return Vec::new();
    };
    let last = sheet
        .rows
        .iter()
        .rev()
        .find(|row| row.number < number)
        .map_or(area.top, |row| row.number);
    if area.bottom != number || last < area.top {
        return Vec::new();
    }
    let area = Area {
        bottom: last,
        ..*area
    };
    let range = value_range(&sheet.text[span.clone()], span.start, "ref");
    range
        .map(|range| (range, area.to_string()))
        .into_iter()
        .collect()
}

/// The edits that cut the row and move the rest up, or nothing where something
/// in this sheet stands in the way.
fn close_gap(
    part: &str,
    sheet: &Sheet,
    row: &RowPlace,
    below: &[&RowPlace],
) -> Result<Option<Vec<Edit>>, Problem> {
    let mut edits = vec![(row.span.clone(), String::new())];
    for place in below {
        match renumber(sheet, place) {
            Some(renumbered) => edits.extend(renumbered),
            None => return Ok(None),
        }
    }
    let mut walker = Walker::new(part, &sheet.text);
    let mut around = Around {
        sheet,
        row: row.number,
        ranges: Vec::new(),
        edits,
    };
    while let Some(step) = walker.next()? {
        if sheet.data.span.start < step.span.start && step.span.end <= end_of_rows(sheet) {
            continue;
        }
        let clear = match &step.event {
            Event::Start(e) => match local(e) {
                "formula" | "formula1" | "formula2" => around.allows_formula(&walker.text()?),
                _ => around.element(e, step.span.clone()),
            },
            Event::Empty(e) => around.element(e, step.span.clone()),
            _ => true,
        };
        if !clear {
            return Ok(None);
        }
    }
    Ok(Some(around.edits))
}

fn end_of_rows(sheet: &Sheet) -> usize {
    sheet
        .rows
        .last()
        .map_or(sheet.data.span.end, |row| row.span.end)
}

/// A row and its cells under a number one less.
fn renumber(sheet: &Sheet, row: &RowPlace) -> Option<Vec<Edit>> {
    let number = row.number - 1;
    let range = |tag: &Range<usize>| value_range(&sheet.text[tag.clone()], tag.start, "r");
    let cells = row.cells.iter().map(|cell| {
        (cell.is_named && !cell.has_formula).then_some(())?;
        Some((range(&cell.tag)?, cell_name(cell.column, number)))
    });
    std::iter::once(Some((range(&row.tag)?, number.to_string())))
        .chain(cells)
        .collect()
}

/// What stands beside the rows and may name them.
struct Around<'a> {
    sheet: &'a Sheet,
    row: u32,
    /// The cells that the enclosing rule is for.
    ranges: Vec<Area>,
    edits: Vec<Edit>,
}

impl Around<'_> {
    /// Adjust one element, or say that it stands in the way. Elements this
    /// connector does not know stand in the way.
    fn element(&mut self, e: &BytesStart<'_>, tag: Range<usize>) -> bool {
        match local(e) {
            "dimension" | "autoFilter" | "sortState" | "sortCondition" => {
                self.areas(e, tag, "ref", false)
            }
            "mergeCell" | "hyperlink" => self.areas(e, tag, "ref", true),
            "conditionalFormatting" | "dataValidation" => self.areas(e, tag, "sqref", false),
            name => SPEAK_OF_NO_ROW.contains(&name),
        }
    }

    /// Rewrite a list of areas. `keep` refuses to lose one or to cut into it.
    fn areas(&mut self, e: &BytesStart<'_>, tag: Range<usize>, name: &str, keep: bool) -> bool {
        let Some(text) = attribute(e, name) else {
            return true;
        };
        let Some(areas) = text
            .split_whitespace()
            .map(Area::parse)
            .collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        if keep
            && areas
                .iter()
                .any(|area| (area.top..=area.bottom).contains(&self.row))
        {
            return false;
        }
        let moved: Vec<Area> = areas
            .iter()
            .filter_map(|area| area.without_row(self.row))
            .collect();
        self.ranges = areas;
        if moved.is_empty() {
            return false;
        }
        let text = moved
            .iter()
            .map(Area::to_string)
            .collect::<Vec<_>>()
            .join(" ");
        match value_range(&self.sheet.text[tag.clone()], tag.start, name) {
            Some(range) => {
                self.edits.push((range, text));
                true
            }
            None => false,
        }
    }

    /// A rule's formula is relative to its first cell, so it stays right while
    /// that cell stays and no row is named outright.
    fn allows_formula(&self, text: &str) -> bool {
        let names_row = text
            .as_bytes()
            .windows(2)
            .any(|w| w[0] == b'$' && w[1].is_ascii_digit());
        let elsewhere = text.contains('!');
        let moves = self.ranges.iter().any(|area| area.top >= self.row);
        !moves && (elsewhere || !names_row)
    }
}

/// Elements of a worksheet that stay right when rows move. A pane's or a
/// selection's cell is only where the cursor was; what a drawing holds has been
/// looked at before.
const SPEAK_OF_NO_ROW: &[&str] = &[
    "worksheet",
    "sheetPr",
    "tabColor",
    "outlinePr",
    "pageSetUpPr",
    "sheetViews",
    "sheetView",
    "pane",
    "selection",
    "sheetFormatPr",
    "cols",
    "col",
    "sheetData",
    "sheetCalcPr",
    "filterColumn",
    "filters",
    "filter",
    "customFilters",
    "customFilter",
    "dynamicFilter",
    "dateGroupItem",
    "top10",
    "colorFilter",
    "mergeCells",
    "cfRule",
    "colorScale",
    "dataBar",
    "iconSet",
    "cfvo",
    "color",
    "dataValidations",
    "hyperlinks",
    "printOptions",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "oddHeader",
    "oddFooter",
    "evenHeader",
    "evenFooter",
    "firstHeader",
    "firstFooter",
    "tableParts",
    "tablePart",
    "phoneticPr",
    "drawing",
];
