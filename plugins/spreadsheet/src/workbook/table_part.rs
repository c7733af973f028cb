//! The extent of a sheet's tables.
//!
//! A table is a part of its own that names the cells it covers. A row appended
//! right below a table belongs to it, as it would if a person had typed it.

use quick_xml::events::Event;

use super::package::Changes;
use super::xml::{Walker, attribute, local, splice, value_range};
use crate::problem::Problem;
use crate::reference::Area;
use crate::table::Table;

/// The tables of one sheet.
#[derive(Debug)]
pub(super) struct Tables(pub(super) Vec<TablePart>);

/// One table.
#[derive(Debug)]
pub(super) struct TablePart {
    part: String,
    text: String,
    area: Area,
    has_totals: bool,
}

impl TablePart {
    pub(super) fn read(part: String, text: String) -> Result<Self, Problem> {
        let mut walker = Walker::new(&part, &text);
        while let Some(step) = walker.next()? {
            if let Event::Start(e) = step.event
                && local(&e) == "table"
            {
                let area = attribute(&e, "ref").and_then(|text| Area::parse(&text));
                let area = area.ok_or_else(|| walker.broken("its table covers no cells"))?;
                let has_totals = attribute(&e, "totalsRowCount").is_some_and(|count| count != "0");
                return Ok(Self {
                    part,
                    text,
                    area,
                    has_totals,
                });
            }
        }
        Err(Problem::Corrupt(format!("the part `{part}` has no table")))
    }

    fn rows(&self) -> u32 {
        self.area.bottom - self.area.top
    }

    /// The part with every area changed: the table's own, its filter's and its
    /// order's.
    fn with_areas(&self, change: impl Fn(Area) -> Area) -> (String, String) {
        let mut walker = Walker::new(&self.part, &self.text);
        let mut edits = Vec::new();
        while let Ok(Some(step)) = walker.next() {
            let (Event::Start(e) | Event::Empty(e)) = &step.event else {
                continue;
            };
            if !matches!(
                local(e),
                "table" | "autoFilter" | "sortState" | "sortCondition"
            ) {
                continue;
            }
            let area = attribute(e, "ref").and_then(|text| Area::parse(&text));
            let range = value_range(&self.text[step.span.clone()], step.span.start, "ref");
            edits.extend(range.zip(area.map(|area| change(area).to_string())));
        }
        (self.part.clone(), splice(&self.text, edits))
    }
}

impl Tables {
    /// The tables that must reach one row further, because a row is written
    /// right below them.
    pub(super) fn grow(&self, table: &Table, row: u32) -> Result<Changes, Problem> {
        let mut changes = Changes::new();
        for part in self.0.iter().filter(|t| t.area.top == table.header_row) {
            let below = part.area.bottom + 1 == row;
            if part.has_totals && (below || part.area.bottom == row) {
                return Err(Problem::Unsupported {
                    what: format!(
                        "the table of sheet `{}` ends with a row of totals",
                        table.sheet
                    ),
                    advice: "switch the row of totals off, or add the row by hand",
                });
            }
            if !below {
                continue;
            }
            let bottom = part.area.bottom;
            changes.extend([part.with_areas(|area| Area {
                bottom: if area.bottom == bottom {
                    bottom + 1
                } else {
                    area.bottom
                },
                ..area
            })]);
        }
        Ok(changes)
    }

    /// The tables that end with this row end one row earlier.
    pub(super) fn shrink(&self, row: u32) -> Changes {
        let ends = self
            .0
            .iter()
            .filter(|t| t.area.bottom == row && t.rows() > 1);
        ends.map(|table| table.with_areas(|area| area.without_row(row).unwrap_or(area)))
            .collect()
    }

    /// The row is gone and all below it moved up.
    pub(super) fn close_gap(&self, row: u32) -> Changes {
        let touched = self.0.iter().filter(|t| t.area.bottom >= row);
        touched
            .map(|table| table.with_areas(|area| area.without_row(row).unwrap_or(area)))
            .collect()
    }

    /// Whether a table could not do without this row: its header, its totals,
    /// or the one row that it must have.
    pub(super) fn needs(&self, row: u32) -> bool {
        self.0.iter().any(|t| {
            let within = (t.area.top..=t.area.bottom).contains(&row);
            within
                && (row == t.area.top
                    || t.rows() <= 1
                    || (t.has_totals && (row == t.area.bottom || t.rows() <= 2)))
        })
    }
}
