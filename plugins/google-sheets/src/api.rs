//! The requests, and what Google answers (Sheets API v4, resources
//! `spreadsheets` and `spreadsheets.values`). Paths are below `/v4`.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tollgate_sdk::http::{Request, Response};
use tollgate_sdk::prelude::*;

use crate::area::{Area, whole_column};
use crate::cell::Cell;
use crate::grid::{self, Rows};
use crate::settings::Manner;

/// The destination, a name under `[grant.http]`.
const DESTINATION: &str = "sheets";

/// What is asked for of a document: nothing of its cells.
const OVERVIEW: &str = "properties.title,sheets.properties(title,index,hidden,sheetType,gridProperties(rowCount,columnCount))";

/// How values are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    /// Numbers as numbers, results of formulas, dates as text.
    #[default]
    Values,
    /// Everything as text, as a person sees it.
    Formatted,
    /// Formulas as they are written, dates as numbers of days.
    Formulas,
}

impl Shown {
    const fn values(self) -> &'static str {
        match self {
            Self::Values => "UNFORMATTED_VALUE",
            Self::Formatted => "FORMATTED_VALUE",
            Self::Formulas => "FORMULA",
        }
    }

    /// What is compared must be what is written back: a date is a number then.
    const fn dates(self) -> &'static str {
        match self {
            Self::Values | Self::Formatted => "FORMATTED_STRING",
            Self::Formulas => "SERIAL_NUMBER",
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Overview {
    #[serde(default)]
    pub(crate) properties: Titled,
    #[serde(default)]
    pub(crate) sheets: Vec<OverviewSheet>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Titled {
    #[serde(default)]
    pub(crate) title: String,
}

#[derive(Deserialize)]
pub(crate) struct OverviewSheet {
    pub(crate) properties: SheetProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SheetProperties {
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) hidden: bool,
    #[serde(default)]
    pub(crate) grid_properties: GridProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GridProperties {
    #[serde(default)]
    pub(crate) row_count: u32,
    #[serde(default)]
    pub(crate) column_count: u32,
}

#[derive(Default, Deserialize)]
struct ValueRange {
    #[serde(default)]
    range: String,
    #[serde(default)]
    values: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchGet {
    #[serde(default)]
    value_ranges: Vec<ValueRange>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    #[serde(default)]
    updated_data: ValueRange,
}

#[derive(Deserialize)]
struct BatchUpdated {
    #[serde(default)]
    responses: Vec<Updated>,
}

#[derive(Deserialize)]
struct Appended {
    updates: Updated,
}

/// `spreadsheets.get` with a field mask.
pub(crate) fn overview(id: &str) -> Result<Overview, ToolError> {
    let request = http::get(DESTINATION, ["spreadsheets", id]).query("fields", OVERVIEW);
    request.send()?.success()?.json()
}

/// `spreadsheets.values.get`.
pub(crate) fn get(id: &str, area: &Area, shown: Shown) -> Result<Rows, ToolError> {
    let path = ["spreadsheets", id, "values", &area.to_string()];
    let found: ValueRange = rendered(http::get(DESTINATION, path), shown)
        .send()?
        .success()?
        .json()?;
    Ok(grid::filled(area, found.values))
}

/// The cells of one whole column, from the first row on.
pub(crate) fn get_column(id: &str, sheet: &str, column: u32) -> Result<Vec<Cell>, ToolError> {
    let path = ["spreadsheets", id, "values", &whole_column(sheet, column)];
    let found: ValueRange = rendered(http::get(DESTINATION, path), Shown::Formulas)
        .send()?
        .success()?
        .json()?;
    let first = |row: Vec<Value>| {
        row.into_iter()
            .next()
            .map_or(Cell::Empty, Cell::from_google)
    };
    Ok(found.values.into_iter().map(first).collect())
}

fn rendered(request: Request, shown: Shown) -> Request {
    request
        .query("valueRenderOption", shown.values())
        .query("dateTimeRenderOption", shown.dates())
}

/// Several ranges in one answer, `spreadsheets.values.batchGet`. Google answers in
/// the order in which they were asked for.
pub(crate) fn get_many(id: &str, areas: &[Area], shown: Shown) -> Result<Vec<Rows>, ToolError> {
    let path = ["spreadsheets", id, "values:batchGet"];
    let request = http::get(DESTINATION, path)
        .query("valueRenderOption", shown.values())
        .query("dateTimeRenderOption", shown.dates());
    let each = areas.iter().map(ToString::to_string);
    let request = each.fold(request, |request, range| request.query("ranges", range));
    let answer = request.send()?;
    let found: BatchGet = answer.success()?.json()?;
    if found.value_ranges.len() != areas.len() {
        let (came, asked) = (found.value_ranges.len(), areas.len());
        let words = format!("Google's answer has {came} ranges, and {asked} were asked for");
        return Err(ToolError::failed(words));
    }
    let each = areas.iter().zip(found.value_ranges);
    Ok(each
        .map(|(area, range)| grid::filled(area, range.values))
        .collect())
}

/// `spreadsheets.values.update`; what is there afterwards, as Google says in the
/// same answer.
pub(crate) fn update(
    id: &str,
    area: &Area,
    rows: &Rows,
    manner: Manner,
) -> Result<Rows, ToolError> {
    let range = area.to_string();
    let content = json!({
        "range": range, "majorDimension": "ROWS", "values": grid::to_google(rows),
    });
    let path = ["spreadsheets", id, "values", &range];
    let request = http::put(DESTINATION, path)
        .query("valueInputOption", manner.option())
        .query("includeValuesInResponse", true)
        .query("responseValueRenderOption", Shown::Formulas.values())
        .query("responseDateTimeRenderOption", Shown::Formulas.dates());
    let answer: Updated = written(request.json(&content).send()?)?;
    Ok(grid::filled(area, answer.updated_data.values))
}

/// `spreadsheets.values.batchUpdate`: all ranges or none.
pub(crate) fn update_many(
    id: &str,
    changes: &[(&Area, &Rows)],
    manner: Manner,
) -> Result<Vec<Rows>, ToolError> {
    let data: Vec<Value> = changes
        .iter()
        .map(|(area, rows)| {
            json!({ "range": area.to_string(), "majorDimension": "ROWS", "values": grid::to_google(rows) })
        })
        .collect();
    let content = json!({
        "valueInputOption": manner.option(),
        "data": data,
        "includeValuesInResponse": true,
        "responseValueRenderOption": Shown::Formulas.values(),
        "responseDateTimeRenderOption": Shown::Formulas.dates(),
    });
    let path = ["spreadsheets", id, "values:batchUpdate"];
    let answer = http::post(DESTINATION, path).json(&content).send()?;
    let answer: BatchUpdated = written(answer)?;
    if answer.responses.len() != changes.len() {
        return Err(unreadable("it speaks of another number of ranges"));
    }
    let each = changes.iter().zip(answer.responses);
    Ok(each
        .map(|((area, _), one)| grid::filled(area, one.updated_data.values))
        .collect())
}

/// `spreadsheets.values.append`; where the rows are, and what is there.
pub(crate) fn append(
    id: &str,
    table: &Area,
    rows: &Rows,
    manner: Manner,
) -> Result<(Area, Rows), ToolError> {
    let content = json!({ "majorDimension": "ROWS", "values": grid::to_google(rows) });
    let last = format!("{table}:append");
    let path = ["spreadsheets", id, "values", &last];
    // INSERT_ROWS: what stands below the table is moved down, never replaced.
    let request = http::post(DESTINATION, path)
        .query("valueInputOption", manner.option())
        .query("insertDataOption", "INSERT_ROWS")
        .query("includeValuesInResponse", true)
        .query("responseValueRenderOption", Shown::Formulas.values())
        .query("responseDateTimeRenderOption", Shown::Formulas.dates());
    let answer: Appended = written(request.json(&content).send()?)?;
    let data = answer.updates.updated_data;
    let area = Area::from_google(&data.range)
        .filter(|area| area.rows() as usize == rows.len())
        .ok_or_else(|| unreadable("it does not say where the rows are"))?;
    let now = grid::filled(&area, data.values);
    Ok((area, now))
}

/// The answer to a write that was accepted.
fn written<T: DeserializeOwned>(answer: Response) -> Result<T, ToolError> {
    let answer = answer.success()?;
    answer.json().map_err(|error| unreadable(error.message()))
}

/// The write is done, and what came of it is not known.
fn unreadable(why: &str) -> ToolError {
    ToolError::failed(format!(
        "Google accepted the write, and its answer cannot be used: {why}"
    ))
    .hint("the cells are changed; read them before you write again")
}
