//! One worksheet's XML, read once, with the place of every row and cell.
//!
//! The reader and the editor share these places, so that what an edit touches
//! is exactly what was read. A second library for reading was refused here: two
//! parsers can disagree about a hostile file, and then a check made on one
//! reading says nothing about the other.

use std::ops::Range;

use quick_xml::events::{BytesStart, Event};

use super::strings;
use super::styles::Styles;
use super::xml::{Step, Walker, attribute, attributes, local};
use crate::calendar::{self, Epoch};
use crate::cell::Cell;
use crate::limits;
use crate::problem::Problem;
use crate::reference::{Area, parse_cell};

/// What a cell's raw value needs to become a value.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    pub(super) strings: Vec<String>,
    pub(super) styles: Styles,
    pub(super) epoch: Epoch,
}

impl Meaning {
    /// A number as a reader sees it: ISO text where the style shows a date.
    pub(super) fn number(&self, number: f64, style: Option<u32>) -> Cell {
        if self.styles.is_date(style)
            && let Some(text) = calendar::to_iso(number, self.epoch)
        {
            return Cell::Text(text);
        }
        Cell::Number(number)
    }
}

/// A worksheet with the places of its rows.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) text: String,
    /// The `sheetData` element as it opens, with its prefix.
    pub(super) data: DataTag,
    pub(super) rows: Vec<RowPlace>,
    /// The `dimension` tag and what it says.
    pub(super) dimension: Option<(Range<usize>, Area)>,
    /// The styles of whole columns: first, last, style.
    pub(super) column_styles: Vec<(u32, u32, u32)>,
    pub(super) is_protected: bool,
}

/// The opening tag of `sheetData`.
#[derive(Debug, Default)]
pub(super) struct DataTag {
    pub(super) span: Range<usize>,
    pub(super) is_empty: bool,
    /// Such as `x:`, mostly nothing.
    pub(super) prefix: String,
}

/// One `row` element.
#[derive(Debug)]
pub(super) struct RowPlace {
    pub(super) number: u32,
    pub(super) span: Range<usize>,
    /// The opening tag.
    pub(super) tag: Range<usize>,
    pub(super) is_empty: bool,
    pub(super) cells: Vec<CellPlace>,
}

/// One `c` element.
#[derive(Debug)]
pub(super) struct CellPlace {
    pub(super) column: u32,
    pub(super) span: Range<usize>,
    /// The opening tag.
    pub(super) tag: Range<usize>,
    pub(super) style: Option<u32>,
    pub(super) has_formula: bool,
    pub(super) is_error: bool,
    /// Whether the position was written out, as all programs do.
    pub(super) is_named: bool,
    pub(super) is_filled: bool,
    /// Moved into the table once the sheet is read.
    value: Cell,
}

impl Sheet {
    pub(super) fn read(part: &str, text: String, meaning: &Meaning) -> Result<Self, Problem> {
        let scan = Scan::new(part, &text, meaning).run()?;
        let Scanned {
            data,
            rows,
            dimension,
            column_styles,
            is_protected,
        } = scan;
        let data =
            data.ok_or_else(|| Problem::Corrupt(format!("the part `{part}` has no rows element")))?;
        Ok(Self {
            text,
            data,
            rows,
            dimension,
            column_styles,
            is_protected,
        })
    }

    /// The values, row by row; they are handed out once.
    pub(super) fn take_values(&mut self) -> impl Iterator<Item = (u32, Vec<(u32, Cell)>)> {
        self.rows.iter_mut().map(|row| {
            let values = row
                .cells
                .iter_mut()
                .map(|cell| (cell.column, std::mem::take(&mut cell.value)));
            (row.number, values.collect())
        })
    }

    pub(super) fn row(&self, number: u32) -> Option<&RowPlace> {
        let place = self
            .rows
            .binary_search_by_key(&number, |row| row.number)
            .ok()?;
        self.rows.get(place)
    }

    /// The style that a column gives to cells which have none.
    pub(super) fn column_style(&self, column: u32) -> Option<u32> {
        self.column_styles
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&column))
            .map(|(_, _, style)| *style)
    }
}

impl RowPlace {
    pub(super) fn cell(&self, column: u32) -> Option<&CellPlace> {
        self.cells.iter().find(|cell| cell.column == column)
    }

    pub(super) fn is_blank(&self) -> bool {
        self.cells
            .iter()
            .all(|cell| !cell.is_filled && !cell.has_formula)
    }
}

#[derive(Default)]
struct Scanned {
    data: Option<DataTag>,
    rows: Vec<RowPlace>,
    dimension: Option<(Range<usize>, Area)>,
    column_styles: Vec<(u32, u32, u32)>,
    is_protected: bool,
}

/// One pass over a worksheet.
struct Scan<'a> {
    walker: Walker<'a>,
    meaning: &'a Meaning,
    cells: u64,
    text_bytes: u64,
    out: Scanned,
}

impl<'a> Scan<'a> {
    fn new(part: &'a str, text: &'a str, meaning: &'a Meaning) -> Self {
        let walker = Walker::new(part, text);
        Self {
            walker,
            meaning,
            cells: 0,
            text_bytes: 0,
            out: Scanned::default(),
        }
    }

    fn run(mut self) -> Result<Scanned, Problem> {
        while let Some(Step { event, span }) = self.walker.next()? {
            match event {
                Event::Start(e) if local(&e) == "sheetData" => {
                    self.open_data(&e, span, false)?;
                    self.rows()?;
                }
                Event::Empty(e) if local(&e) == "sheetData" => self.open_data(&e, span, true)?,
                Event::Start(e) | Event::Empty(e) => self.around(&e, span),
                _ => {}
            }
        }
        Ok(self.out)
    }

    fn open_data(
        &mut self,
        e: &BytesStart<'_>,
        span: Range<usize>,
        is_empty: bool,
    ) -> Result<(), Problem> {
        if self.out.data.is_some() {
            return Err(self.walker.broken("it has two rows elements"));
        }
        let name = e.name().into_inner();
        let prefix = name
            .strip_suffix("sheetData")
            .unwrap_or_default()
            .to_owned();
        self.out.data = Some(DataTag {
            span,
            is_empty,
            prefix,
        });
        Ok(())
    }

    /// Elements beside the rows.
    fn around(&mut self, e: &BytesStart<'_>, span: Range<usize>) {
        let number = |name: &str| attribute(e, name).and_then(|v| v.parse::<u32>().ok());
        match local(e) {
            "dimension" => {
                let area = attribute(e, "ref").and_then(|text| Area::parse(&text));
                self.out.dimension = area.map(|area| (span, area));
            }
            "col" => {
                if let (Some(min @ 1..), Some(max @ 1..), Some(style)) =
                    (number("min"), number("max"), number("style"))
                {
                    self.out.column_styles.push((min - 1, max - 1, style));
                }
            }
            "sheetProtection" => {
                self.out.is_protected |=
                    attribute(e, "sheet").is_some_and(|v| v == "1" || v == "true");
            }
            _ => {}
        }
    }

    fn rows(&mut self) -> Result<(), Problem> {
        loop {
            let Step { event, span } = self.walker.inside()?;
            match event {
                Event::Start(e) if local(&e) == "row" => self.row(&e, span, false)?,
                Event::Empty(e) if local(&e) == "row" => self.row(&e, span, true)?,
                Event::Start(_) => self.walker.skip()?,
                Event::End(_) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Rows and cells must come in order, as every program writes them: places
    /// are found by halving, and a second row of the same number would be one
    /// that only some programs see.
    fn row(
        &mut self,
        e: &BytesStart<'_>,
        tag: Range<usize>,
        is_empty: bool,
    ) -> Result<(), Problem> {
        let last = self.out.rows.last().map_or(0, |row| row.number);
        let number = match attribute(e, "r") {
            Some(text) => text.parse().unwrap_or(0),
            None => last + 1,
        };
        if number <= last || number > limits::ROWS {
            return Err(self
                .walker
                .broken(&format!("row {number} after row {last}")));
        }
        let mut row = RowPlace {
            number,
            span: tag.clone(),
            tag,
            is_empty,
            cells: Vec::new(),
        };
        if !is_empty {
            row.span.end = self.cells(&mut row)?;
        }
        self.out.rows.push(row);
        Ok(())
    }

    /// The cells of a row; answers where the row ends.
    fn cells(&mut self, row: &mut RowPlace) -> Result<usize, Problem> {
        loop {
            let Step { event, span } = self.walker.inside()?;
            match event {
                Event::Start(e) if local(&e) == "c" => self.cell(&e, span, row, false)?,
                Event::Empty(e) if local(&e) == "c" => self.cell(&e, span, row, true)?,
                Event::Start(_) => self.walker.skip()?,
                Event::End(_) => return Ok(span.end),
                _ => {}
            }
        }
    }

    fn cell(
        &mut self,
        e: &BytesStart<'_>,
        tag: Range<usize>,
        row: &mut RowPlace,
        is_empty: bool,
    ) -> Result<(), Problem> {
        let [name, kind, style] = attributes(e, ["r", "t", "s"]);
        let next = row.cells.last().map_or(0, |cell| cell.column + 1);
        let column = match &name {
            Some(name) => self.column(name, row.number)?,
            None => next,
        };
        if column < next || column >= limits::COLUMNS {
            return Err(self
                .walker
                .broken(&format!("the cells of row {} are out of order", row.number)));
        }
        let kind = kind.unwrap_or_default();
        let mut cell = CellPlace {
            column,
            span: tag.clone(),
            tag,
            style: style.and_then(|style| style.parse().ok()),
            has_formula: false,
            is_error: kind == "e",
            is_named: name.is_some(),
            is_filled: false,
            value: Cell::Empty,
        };
        if !is_empty {
            self.content(&kind, &mut cell)?;
        }
        cell.is_filled = !cell.value.is_empty();
        self.count(&cell)?;
        row.cells.push(cell);
        Ok(())
    }

    fn column(&self, name: &str, row: u32) -> Result<u32, Problem> {
        match parse_cell(name) {
            Some((column, found)) if found == row => Ok(column),
            _ => Err(self
                .walker
                .broken(&format!("row {row} has a cell named `{name}`"))),
        }
    }

    fn content(&mut self, kind: &str, cell: &mut CellPlace) -> Result<(), Problem> {
        loop {
            let Step { event, span } = self.walker.inside()?;
            match event {
                Event::Start(e) => match local(&e) {
                    "v" => {
                        let raw = self.walker.text()?;
                        cell.value = self.value(kind, raw, cell.style)?;
                    }
                    "is" => cell.value = Cell::text(strings::string(&mut self.walker)?),
                    "f" => {
                        cell.has_formula = true;
                        self.walker.skip()?;
                    }
                    _ => self.walker.skip()?,
                },
                Event::Empty(e) => cell.has_formula |= local(&e) == "f",
                Event::End(_) => {
                    cell.span.end = span.end;
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn value(&self, kind: &str, raw: String, style: Option<u32>) -> Result<Cell, Problem> {
        match kind {
            "s" => {
                let string = raw
                    .trim()
                    .parse::<usize>()
                    .ok()
                    .and_then(|i| self.meaning.strings.get(i));
                let string = string.ok_or_else(|| {
                    self.walker
                        .broken("a cell names a string that is not there")
                })?;
                Ok(Cell::text(string.clone()))
            }
            "b" => Ok(Cell::Bool(matches!(raw.trim(), "1" | "true"))),
            "str" | "inlineStr" => Ok(Cell::text(strings::unescape(raw))),
            "d" | "e" => Ok(Cell::text(raw)),
            _ if raw.trim().is_empty() => Ok(Cell::Empty),
            _ => {
                let number = raw.trim().parse::<f64>().ok().filter(|n| n.is_finite());
                let number = number.ok_or_else(|| self.walker.broken("a cell's number is none"))?;
                Ok(self.meaning.number(number, style))
            }
        }
    }

    /// Amplification: one shared string may be named by every cell.
    fn count(&mut self, cell: &CellPlace) -> Result<(), Problem> {
        self.cells += 1;
        if let Cell::Text(text) = &cell.value {
            self.text_bytes += text.len() as u64;
        }
        let too_large = |what, actual, limit| {
            Err(Problem::TooLarge {
                what,
                actual,
                limit,
            })
        };
        if self.cells > limits::CELLS {
            return too_large("the sheet has too many cells", self.cells, limits::CELLS);
        }
        if self.text_bytes > limits::TEXT_BYTES {
            return too_large(
                "the sheet has too much text",
                self.text_bytes,
                limits::TEXT_BYTES,
            );
        }
        Ok(())
    }
}
