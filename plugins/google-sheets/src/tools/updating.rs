//! Writing cells that exist, and taking it back by writing what was there.

use tollgate_sdk::prelude::*;

use super::{check_count, check_size};
use crate::api;
use crate::area::Area;
use crate::grid::Rows;
use crate::plan::{Plan, Seen};
use crate::settings::{self, Manner};

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateRange {
    /// The document, by its name in the manifest.
    pub(super) document: String,
    /// The sheet, by its name; `sheets` lists them.
    pub(super) sheet: String,
    /// The cells, both corners: `B2:D3`, or `B2` for one cell.
    pub(super) cells: String,
    /// Rows of cells, as many as `cells` has; null empties a cell. Text stays
    /// text, also where it begins with `=`, `+`, `-` or `@`.
    pub(super) values: Rows,
    /// What the cells must hold for the change to happen, as `read_range` shows
    /// it with `formulas`. Formulas are replaced only where this names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Rows>,
    /// Understand the values as if a person had typed them: text can become a
    /// date or a formula. Only where the manifest allows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) entered: bool,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateRanges {
    /// The document, by its name in the manifest.
    document: String,
    /// The changes: all are made, or none. They may not overlap, and have
    /// together at most 10000 cells.
    #[schemars(length(min = 1, max = 20))]
    ranges: Vec<Patch>,
    /// Understand the values as if a person had typed them. Only where the
    /// manifest allows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    entered: bool,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    /// The sheet, by its name.
    sheet: String,
    /// The cells, both corners: `B2:D3`, or `B2` for one cell.
    cells: String,
    /// Rows of cells, as many as `cells` has; null empties a cell.
    values: Rows,
    /// What the cells must hold for the change to happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Rows>,
}

/// What was changed in one range.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Written {
    /// The sheet.
    sheet: String,
    /// The cells.
    cells: String,
    /// What the cells held, formulas as they were written, dates as numbers.
    before: Rows,
    /// What they hold now, by Google's answer to the write.
    after: Rows,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WrittenRanges {
    /// In the order that was asked for.
    ranges: Vec<Written>,
}

/// Writes cells. Give `expected` to write only if they hold what you have read.
/// Google cannot do both in one step: who changes the same cells between the
/// look and the write loses that change. A formula is not replaced. Undone by
/// writing back what was there, if the cells still hold what this call wrote.
#[tool(title = "Write cells", effect = "write", undo = "update_range")]
pub(crate) fn update_range(
    input: UpdateRange,
) -> Result<Undoable<Written, UpdateRange>, ToolError> {
    let UpdateRange {
        document,
        sheet,
        cells,
        values,
        expected,
        entered,
    } = input;
    let area = Area::of(&sheet, &cells, "")?;
    let plans = [Plan::of(area, values, expected, "")?];
    let change = change(&document, &plans, entered)?;
    let mut written = change.written.into_iter();
    let output = written.next().ok_or_else(nothing)?;
    let back = change
        .back
        .and_then(|mut back| back.ranges.pop().map(|one| (one, back.entered)));
    Ok(match back {
        None => Undoable::unchanged(output),
        Some((one, entered)) => Undoable::new(
            output,
            UpdateRange {
                document,
                sheet: one.sheet,
                cells: one.cells,
                values: one.values,
                expected: one.expected,
                entered,
            },
        ),
    })
}

/// Writes several ranges of one document, all or none. Otherwise like
/// `update_range`.
#[tool(
    title = "Write several ranges",
    effect = "write",
    undo = "update_ranges"
)]
pub(crate) fn update_ranges(
    input: UpdateRanges,
) -> Result<Undoable<WrittenRanges, UpdateRanges>, ToolError> {
    check_count(input.ranges.len())?;
    let plans = plans(input.ranges)?;
    let change = change(&input.document, &plans, input.entered)?;
    let output = WrittenRanges {
        ranges: change.written,
    };
    Ok(match change.back {
        None => Undoable::unchanged(output),
        Some(back) => Undoable::new(output, back),
    })
}

fn plans(patches: Vec<Patch>) -> Result<Vec<Plan>, ToolError> {
    let mut plans: Vec<Plan> = Vec::with_capacity(patches.len());
    for (i, patch) in patches.into_iter().enumerate() {
        let at = format!("/ranges/{i}");
        let area = Area::of(&patch.sheet, &patch.cells, &at)?;
        if let Some(other) = plans.iter().find(|plan| plan.area.overlaps(&area)) {
            let message = format!("shares cells with {}", other.area);
            return Err(ToolError::invalid_input(at, message));
        }
        plans.push(Plan::of(area, patch.values, patch.expected, &at)?);
    }
    Ok(plans)
}

/// What a change came to, and its way back unless nothing was changed.
struct Change {
    written: Vec<Written>,
    back: Option<UpdateRanges>,
}

fn change(document: &str, plans: &[Plan], entered: bool) -> Result<Change, ToolError> {
    let id = settings::document(document)?;
    let manner = Manner::asked(entered)?;
    let areas: Vec<&Area> = plans.iter().map(|plan| &plan.area).collect();
    check_size(&areas, "the call")?;
    let before = Seen::look(&id, plans)?;
    for (plan, seen) in plans.iter().zip(&before) {
        plan.check(seen)?;
    }
    let mut pairs = plans.iter().zip(&before);
    let is_same = pairs.all(|(plan, seen)| plan.is_done(seen, manner));
    let after = match plans {
        _ if is_same => before.iter().map(|seen| seen.rows.clone()).collect(),
        [plan] => vec![api::update(&id, &plan.area, &plan.values, manner)?],
        _ => {
            let pairs: Vec<_> = plans
                .iter()
                .map(|plan| (&plan.area, &plan.values))
                .collect();
            api::update_many(&id, &pairs, manner)?
        }
    };
    let entered = before.iter().any(|seen| seen.has_formula());
    let (mut written, mut back) = (Vec::new(), Vec::new());
    for ((plan, before), after) in plans.iter().zip(before).zip(after) {
        let (sheet, cells) = (plan.area.sheet.clone(), plan.area.cells());
        back.push(Patch {
            sheet: sheet.clone(),
            cells: cells.clone(),
            values: if entered {
                before.typed()
            } else {
                before.rows.clone()
            },
            expected: Some(after.clone()),
        });
        written.push(Written {
            sheet,
            cells,
            before: before.rows,
            after,
        });
    }
    let back = (!is_same).then(|| UpdateRanges {
        document: document.to_owned(),
        ranges: back,
        entered,
    });
    Ok(Change { written, back })
}

fn nothing() -> ToolError {
    ToolError::failed("nothing came of the write")
}
