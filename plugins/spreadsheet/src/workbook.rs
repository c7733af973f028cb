//! A workbook, read and edited part by part.
//!
//! An edit replaces the one worksheet it is about, and the extent of that
//! sheet's table where it has one. Everything else in the file is copied
//! untouched. To load the whole workbook into a model and save the model was
//! refused: what the model does not know, somebody's chart or comment, is gone
//! after the first write.

mod blank;
mod edit;
mod package;
mod parts;
mod removal;
mod sheet;
mod strings;
mod styles;
mod table_part;
mod xml;

pub(crate) use blank::create;

use self::edit::{Write, set_cells};
use self::package::{Changes, Package};
use self::parts::{Index, Listed, Relation};
use self::removal::{Removal, remove_row};
use self::sheet::{Meaning, Sheet};
use self::styles::Styles;
use self::table_part::{TablePart, Tables};
use self::xml::{Edit, splice};
use crate::cell::Cell;
use crate::document::SheetSummary;
use crate::problem::Problem;
use crate::table::{Assignment, Table, closest};

/// An opened workbook.
#[derive(Debug)]
pub(crate) struct Workbook {
    package: Package,
    index: Index,
    meaning: Option<Meaning>,
}

/// One sheet of it, read.
#[derive(Debug)]
pub(crate) struct Opened {
    part: String,
    sheet: Sheet,
    table: Table,
}

impl Opened {
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }
}

impl Workbook {
    pub(crate) fn open(path: &str, bytes: Vec<u8>) -> Result<Self, Problem> {
        let mut package = Package::open(bytes)?;
        parts::refuse_macros(&mut package, path)?;
        let index = parts::read_index(&mut package)?;
        Ok(Self {
            package,
            index,
            meaning: None,
        })
    }

    pub(crate) fn summaries(&mut self) -> Result<Vec<SheetSummary>, Problem> {
        let sheets = self.index.sheets.clone();
        let summary = |listed: Listed| match self.sheet(Some(&listed.name)) {
            Ok(opened) => Ok(SheetSummary::of(&opened.table, listed.hidden)),
            Err(Problem::NoHeader { .. }) => Ok(SheetSummary::empty(&listed.name, listed.hidden)),
            Err(problem) => Err(problem),
        };
        sheets.into_iter().map(summary).collect()
    }

    /// Read a sheet: the named one, or the first that is not hidden.
    pub(crate) fn sheet(&mut self, name: Option<&str>) -> Result<Opened, Problem> {
        let listed = self.listed(name)?;
        let text = self.package.read(&listed.part)?;
        let meaning = self.meaning()?;
        let mut sheet = Sheet::read(&listed.part, text, meaning)?;
        let table = Table::build(&listed.name, sheet.take_values())?;
        Ok(Opened {
            part: listed.part,
            sheet,
            table,
        })
    }

    fn listed(&self, name: Option<&str>) -> Result<Listed, Problem> {
        let mut sheets = self.index.sheets.iter();
        let found = match name {
            Some(name) => sheets.find(|sheet| sheet.name == name),
            None => sheets.find(|sheet| !sheet.hidden),
        };
        found.cloned().ok_or_else(|| {
            let name = name.unwrap_or("that is visible").to_owned();
            let known = self
                .index
                .sheets
                .iter()
                .map(|sheet| sheet.name.clone())
                .collect::<Vec<_>>();
            Problem::UnknownSheet {
                meant: closest(&name, &known),
                name,
                known,
            }
        })
    }

    /// Write a row below everything. The answer has the values as they read.
    pub(crate) fn append(
        &mut self,
        opened: &Opened,
        values: &Assignment,
    ) -> Result<(Vec<u8>, u32, Assignment), Problem> {
        self.check_open_to_changes(opened)?;
        let row = opened.table.next_row()?;
        let like = opened.table.rows.last().map(|row| row.number);
        let mut writes = writes(&opened.table, values);
        writes.extend(looks(opened, row, like, &writes));
        let written = set_cells(&opened.sheet, self.meaning()?, row, like, &writes)?;
        let mut changes = self.tables(opened)?.grow(&opened.table, row)?;
        changes.insert(
            self.name_of(&opened.part),
            splice(&opened.sheet.text, written.edits),
        );
        Ok((
            self.package.rewrite(&changes)?,
            row,
            as_read(values, written.values),
        ))
    }

    /// Write some cells of a row. The answer has the values as they read.
    pub(crate) fn set(
        &mut self,
        opened: &Opened,
        row: u32,
        values: &Assignment,
    ) -> Result<(Vec<u8>, Assignment), Problem> {
        self.check_open_to_changes(opened)?;
        let like = opened
            .table
            .rows
            .iter()
            .rev()
            .map(|row| row.number)
            .find(|number| *number < row);
        let writes = writes(&opened.table, values);
        let written = set_cells(&opened.sheet, self.meaning()?, row, like, &writes)?;
        let bytes = self.write(opened, written.edits, Changes::new())?;
        Ok((bytes, as_read(values, written.values)))
    }

    /// Take a row out. The answer says whether an empty row stays behind.
    pub(crate) fn remove(&mut self, opened: &Opened, row: u32) -> Result<(Vec<u8>, bool), Problem> {
        self.check_open_to_changes(opened)?;
        let tables = self.tables(opened)?;
        let moves = opened
            .sheet
            .rows
            .iter()
            .any(|below| below.number > row && !below.is_blank());
        let must_stay = moves && (tables.needs(row) || self.others_speak_of_rows(opened)?);
        Ok(
            match remove_row(&opened.part, &opened.sheet, row, must_stay)? {
                Removal::Cut(edits) => (self.write(opened, edits, tables.shrink(row))?, false),
                Removal::Closed(edits) => {
                    (self.write(opened, edits, tables.close_gap(row))?, false)
                }
                Removal::Emptied(edits) => (self.write(opened, edits, Changes::new())?, true),
            },
        )
    }

    fn write(
        &mut self,
        opened: &Opened,
        edits: Vec<Edit>,
        mut changes: Changes,
    ) -> Result<Vec<u8>, Problem> {
        changes.insert(
            self.name_of(&opened.part),
            splice(&opened.sheet.text, edits),
        );
        self.package.rewrite(&changes)
    }

    fn name_of(&self, part: &str) -> String {
        self.package.find(part).unwrap_or(part).to_owned()
    }

    /// What a person has closed stays closed: a protected sheet, and a workbook
    /// whose signature any change would break.
    fn check_open_to_changes(&self, opened: &Opened) -> Result<(), Problem> {
        if self
            .package
            .names()
            .iter()
            .any(|name| name.starts_with("_xmlsignatures/"))
        {
            return Err(Problem::Protected {
                what: "the workbook is signed".to_owned(),
            });
        }
        if opened.sheet.is_protected {
            let what = format!("sheet `{}` is protected", opened.table.sheet);
            return Err(Problem::Protected { what });
        }
        Ok(())
    }

    /// Whether anything but the sheet's own plain cells may name its rows.
    fn others_speak_of_rows(&mut self, opened: &Opened) -> Result<bool, Problem> {
        let names_rows =
            |name: &String| name.starts_with("xl/charts") || name.starts_with("xl/pivot");
        if self.index.has_names || self.package.names().iter().any(names_rows) {
            return Ok(true);
        }
        for relation in parts::relations(&mut self.package, &opened.part)? {
            if !self.is_without_rows(&relation)? {
                return Ok(true);
            }
        }
        let others: Vec<String> = self
            .index
            .sheets
            .iter()
            .map(|s| s.part.clone())
            .filter(|part| *part != opened.part)
            .collect();
        for part in others {
            match self.package.read_optional(&part) {
                Ok(text) if !text.as_deref().is_some_and(has_formula) => {}
                Ok(_) | Err(Problem::TooLarge { .. }) => return Ok(true),
                Err(problem) => return Err(problem),
            }
        }
        Ok(has_formula(&opened.sheet.text))
    }

    /// Whether what a sheet refers to names no cells of it. LibreOffice gives
    /// every sheet a drawing, mostly one with nothing in it.
    fn is_without_rows(&mut self, relation: &Relation) -> Result<bool, Problem> {
        match relation.kind.as_str() {
            "hyperlink" | "table" | "printerSettings" => Ok(true),
            "drawing" => {
                let drawing = self.package.read_optional(&relation.part)?;
                Ok(drawing.is_some_and(|text| !text.contains("Anchor")))
            }
            _ => Ok(false),
        }
    }

    fn tables(&mut self, opened: &Opened) -> Result<Tables, Problem> {
        let relations = parts::relations(&mut self.package, &opened.part)?;
        let mut tables = Vec::new();
        for relation in relations
            .into_iter()
            .filter(|relation| relation.kind == "table")
        {
            let text = self.package.read(&relation.part)?;
            tables.push(TablePart::read(self.name_of(&relation.part), text)?);
        }
        Ok(Tables(tables))
    }

    /// Strings and styles are read once, with the first sheet.
    fn meaning(&mut self) -> Result<&Meaning, Problem> {
        if self.meaning.is_none() {
            let mut meaning = Meaning {
                epoch: self.index.epoch,
                ..Meaning::default()
            };
            if let Some(part) = self.index.strings.clone()
                && let Some(text) = self.package.read_optional(&part)?
            {
                meaning.strings = strings::shared_strings(&part, &text)?;
            }
            if let Some(part) = self.index.styles.clone()
                && let Some(text) = self.package.read_optional(&part)?
            {
                meaning.styles = Styles::read(&part, &text)?;
            }
            self.meaning = Some(meaning);
        }
        self.meaning
            .as_ref()
            .ok_or_else(|| Problem::Corrupt("its styles cannot be read".to_owned()))
    }
}

fn writes(table: &Table, values: &Assignment) -> Vec<Write> {
    values
        .iter()
        .map(|(place, cell)| (table.columns[*place].index, cell.clone()))
        .collect()
}

fn as_read(values: &Assignment, read: Vec<Cell>) -> Assignment {
    values.iter().map(|(place, _)| *place).zip(read).collect()
}

/// In a row that did not exist, the columns without a value look like those of
/// the row above: borders and fills go on.
fn looks(opened: &Opened, row: u32, like: Option<u32>, writes: &[Write]) -> Vec<Write> {
    if opened.sheet.row(row).is_some() {
        return Vec::new();
    }
    let Some(above) = like.and_then(|like| opened.sheet.row(like)) else {
        return Vec::new();
    };
    let is_new = |column: u32| !writes.iter().any(|(written, _)| *written == column);
    let cells = above
        .cells
        .iter()
        .filter(|cell| cell.style.is_some() && is_new(cell.column));
    cells.map(|cell| (cell.column, Cell::Empty)).collect()
}

/// Better one too many: a sheet with text that looks like a formula's tag is
/// treated as one with formulas.
fn has_formula(text: &str) -> bool {
    ["<f>", "<f ", "<f/", ":f>", ":f ", ":f/"]
        .iter()
        .any(|tag| text.contains(tag))
}
