//! A change, held against what is there.

use tollgate_sdk::ToolError;

use crate::api::{self, Shown};
use crate::area::{Area, Corner};
use crate::cell::Cell;
use crate::grid::{self, Rows};
use crate::settings::{self, Manner};

/// New values for a rectangle, as large as it is.
pub(crate) struct Plan {
    pub(crate) area: Area,
    pub(crate) values: Rows,
    expected: Option<Rows>,
}

/// What a rectangle holds.
pub(crate) struct Seen {
    /// Formulas as they are written, dates as numbers: what can be written back.
    pub(crate) rows: Rows,
    /// The cells that are formulas, each as row and column of `rows`.
    formulas: Vec<(usize, usize)>,
}

impl Plan {
    /// Of one item of the input, which is at this pointer.
    pub(crate) fn of(
        area: Area,
        values: Rows,
        expected: Option<Rows>,
        at: &str,
    ) -> Result<Self, ToolError> {
        grid::check(&values, &area, &format!("{at}/values"))?;
        if let Some(expected) = &expected {
            grid::check(expected, &area, &format!("{at}/expected"))?;
        }
        Ok(Self {
            area,
            values,
            expected,
        })
    }

    /// Whether what is there may be replaced.
    pub(crate) fn check(&self, seen: &Seen) -> Result<(), ToolError> {
        if let Some(expected) = &self.expected
            && let Some((at, wanted, found)) = grid::difference(&self.area, expected, &seen.rows)
        {
            let sheet = &self.area.sheet;
            return Err(ToolError::conflict(format!(
                "`{sheet}` was changed since: {at} should be {wanted} and is {found}"
            ))
            .hint("read the cells again; nothing was written"));
        }
        let Some((row, column)) = seen.formulas.first() else {
            return Ok(());
        };
        if self.expected.is_some() && settings::may_enter()? {
            return Ok(());
        }
        let at = self.corner(*row, *column);
        Err(
            ToolError::conflict(format!("{at} of `{}` holds a formula", self.area.sheet)).hint(
                "write beside it; where the manifest has `entered = true`, a formula named in `expected` is replaced",
            ),
        )
    }

    /// Whether there is nothing to write. What is typed may mean something else
    /// than what is there, so it is always written.
    pub(crate) fn is_done(&self, seen: &Seen, manner: Manner) -> bool {
        manner == Manner::Raw && !seen.has_formula() && self.values == seen.rows
    }

    fn corner(&self, row: usize, column: usize) -> Corner {
        let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Corner {
            column: self.area.first.column.saturating_add(offset(column)),
            row: self.area.first.row.saturating_add(offset(row)),
        }
    }
}

impl Seen {
    /// What the cells of these changes hold now.
    pub(crate) fn look(id: &str, plans: &[Plan]) -> Result<Vec<Self>, ToolError> {
        let written = read(id, plans, Shown::Formulas)?;
        let like_formula = |rows: &Rows| rows.iter().flatten().any(Cell::looks_like_formula);
        // Text such as `=x` that was stored as text reads like a formula. Only the
        // results tell them apart, so they are read where there is doubt.
        if !written.iter().any(like_formula) {
            return Ok(written.into_iter().map(Self::plain).collect());
        }
        let results = read(id, plans, Shown::Values)?;
        let each = written.into_iter().zip(&results);
        Ok(each
            .map(|(rows, results)| Self::of(rows, results))
            .collect())
    }

    fn plain(rows: Rows) -> Self {
        let formulas = Vec::new();
        Self { rows, formulas }
    }

    fn of(rows: Rows, results: &Rows) -> Self {
        let mut formulas = Vec::new();
        for (r, (row, results)) in rows.iter().zip(results).enumerate() {
            for (c, (cell, result)) in row.iter().zip(results).enumerate() {
                if cell.looks_like_formula() && cell != result {
                    formulas.push((r, c));
                }
            }
        }
        Self { rows, formulas }
    }

    pub(crate) fn has_formula(&self) -> bool {
        !self.formulas.is_empty()
    }

    /// The rows as a person would type them: formulas as they are, and every
    /// text behind an apostrophe, which makes it text. The attack: `=x` that was
    /// stored as text and becomes a formula when it is put back.
    pub(crate) fn typed(&self) -> Rows {
        let cell = |r: usize, c: usize, cell: &Cell| match cell {
            Cell::Text(text) if !self.formulas.contains(&(r, c)) => Cell::Text(format!("'{text}")),
            other => other.clone(),
        };
        let row = |(r, row): (usize, &Vec<Cell>)| {
            let each = row.iter().enumerate();
            each.map(|(c, one)| cell(r, c, one)).collect()
        };
        self.rows.iter().enumerate().map(row).collect()
    }
}

fn read(id: &str, plans: &[Plan], shown: Shown) -> Result<Vec<Rows>, ToolError> {
    match plans {
        [plan] => Ok(vec![api::get(id, &plan.area, shown)?]),
        _ => {
            let areas: Vec<Area> = plans.iter().map(|plan| plan.area.clone()).collect();
            api::get_many(id, &areas, shown)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::{Value, json};

    use super::*;

    fn rows(value: Value) -> Rows {
        serde_json::from_value(value).unwrap()
    }

    fn plan(values: Value, expected: Option<Value>) -> Plan {
        let area = Area::of("Cases", "B2:C2", "").unwrap();
        Plan::of(area, rows(values), expected.map(rows), "").unwrap()
    }

    #[test]
    fn text_that_looks_like_a_formula_is_told_from_one() {
        let written = rows(json!([["=A1", "=x"]]));
        let seen = Seen::of(written, &rows(json!([[12, "=x"]])));
        assert_eq!(seen.formulas, [(0, 0)]);
        assert_eq!(seen.typed(), rows(json!([["=A1", "'=x"]])));
    }

    #[test]
    fn what_was_changed_since_is_a_conflict_that_names_the_cell() {
        let plan = plan(json!([["c", 2]]), Some(json!([["a", 1]])));
        assert!(plan.check(&Seen::plain(rows(json!([["a", 1.0]])))).is_ok());
        let refused = plan
            .check(&Seen::plain(rows(json!([["a", 3]]))))
            .unwrap_err();
        assert!(matches!(refused, ToolError::Conflict(_)));
        assert_eq!(
            refused.message(),
            "`Cases` was changed since: C2 should be 1 and is 3"
        );
    }

    #[test]
    fn a_formula_that_nobody_named_is_not_replaced() {
        let seen = Seen::of(rows(json!([["a", "=B1"]])), &rows(json!([["a", 7]])));
        let refused = plan(json!([["c", 2]]), None).check(&seen).unwrap_err();
        assert_eq!(refused.message(), "C2 of `Cases` holds a formula");
    }

    #[test]
    fn equal_values_are_not_written_again_unless_they_are_typed() {
        let plan = plan(json!([["a", null]]), None);
        let seen = Seen::plain(rows(json!([["a", ""]])));
        assert!(plan.is_done(&seen, Manner::Raw));
        assert!(!plan.is_done(&seen, Manner::Entered));
    }
}
