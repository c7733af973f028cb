//! A workflow's figures as rows of words, for a terminal and a page alike.

use crate::{ApprovalFigures, Figures, Load, Rate, Spread, WorkflowFigures};

/// One figure over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// The whole time, then the newest weeks, oldest first.
    pub cells: Vec<String>,
}

/// A workflow's figures: the whole time and the newest `weeks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What stands above the cells.
    pub columns: Vec<String>,
    /// The figures.
    pub rows: Vec<Row>,
}

type Say = fn(&Figures) -> String;

const ROWS: [(&str, Say); 17] = [
    ("cases ended", |f| f.cases.ended.to_string()),
    ("completed correctly", |f| with_interval(f.cases.correct)),
    ("completed, not checked", |f| f.cases.unchecked.to_string()),
    ("escalated", |f| share(f.cases.escalation)),
    ("first response", |f| spread(f.cases.first_response)),
    ("first response in time", |f| share(f.cases.within_target)),
    ("tool calls: done / failed / denied", |f| {
        let runs = &f.runs;
        format!("{} / {} / {}", runs.done, runs.failed, runs.denied)
    }),
    ("taken back", |f| share(f.runs.undone)),
    ("in doubt", |f| share(f.runs.in_doubt)),
    ("approved / denied / expired", |f| {
        let approvals = &f.approvals;
        format!(
            "{} / {} / {}",
            approvals.approved, approvals.denied, approvals.expired
        )
    }),
    ("time to decide", |f| spread(f.approvals.latency)),
    ("decided in under 3 s", |f| share(f.approvals.under_3_s)),
    ("approvals per done call", |f| {
        number(f.approvals.per_done_run)
    }),
    ("exceptions", |f| f.approvals.exceptions.to_string()),
    ("time in queues", |f| spread(f.queue.time)),
    ("errors caught before release", |f| f.caught.to_string()),
    ("touches per completed case", |f| {
        number(f.touches_per_completed_case)
    }),
];

type SayOfLoad = fn(&Load) -> String;

const OF_APPROVAL: [(&str, SayOfLoad); 6] = [
    ("asked for", |load| load.requested.to_string()),
    ("approved / denied / changed / expired", |load| {
        format!(
            "{} / {} / {} / {}",
            load.approved, load.denied, load.edited, load.expired
        )
    }),
    ("time to decide", |load| spread(load.latency)),
    ("decided in under 3 s", |load| share(load.under_3_s)),
    ("asked for, per done call", |load| number(load.per_done_run)),
    ("drills: sent / caught / missed", |load| {
        let drills = &load.drills;
        match drills.sent {
            0 => NONE.to_owned(),
            sent => format!("{sent} / {} / {}", drills.caught, drills.missed),
        }
    }),
];

impl ApprovalFigures {
    /// The figures as a table: the whole time and the newest `weeks`.
    #[must_use]
    pub fn table(&self, weeks: usize) -> Table {
        let newest = &self.weeks[self.weeks.len().saturating_sub(weeks)..];
        let names = newest.iter().map(|week| week.week.to_string());
        let all = || std::iter::once(&self.total).chain(newest.iter().map(|week| &week.load));
        let rows = OF_APPROVAL.iter().map(|(name, say)| Row {
            name,
            cells: all().map(say).collect(),
        });
        Table {
            columns: std::iter::once("all".to_owned()).chain(names).collect(),
            rows: rows.collect(),
        }
    }
}

impl WorkflowFigures {
    /// The figures as a table.
    #[must_use]
    pub fn table(&self, weeks: usize) -> Table {
        let from = self.weeks.len().saturating_sub(weeks);
        let newest = &self.weeks[from..];
        let names = newest.iter().map(|week| week.week.to_string());
        let all: Vec<&Figures> = std::iter::once(&self.total)
            .chain(newest.iter().map(|week| &week.figures))
            .collect();
        let cells = |say: Say| all.iter().map(|figures| say(figures)).collect();
        let mut rows: Vec<Row> = ROWS
            .iter()
            .map(|(name, say)| Row {
                name,
                cells: cells(*say),
            })
            .collect();
        if self.baseline.is_some() {
            rows.push(Row {
                name: "time saved (from – to)",
                cells: cells(saved),
            });
        }
        Table {
            columns: std::iter::once("all".to_owned()).chain(names).collect(),
            rows,
        }
    }
}

/// What stands for a figure of nothing.
const NONE: &str = "–";

fn share(rate: Rate) -> String {
    rate.rate.map_or_else(
        || NONE.to_owned(),
        |share| format!("{:.0} % of {}", share * 100.0, rate.of),
    )
}

fn with_interval(rate: Rate) -> String {
    match rate.interval_95 {
        Some((low, high)) => format!(
            "{} ({:.0} – {:.0} %)",
            share(rate),
            low * 100.0,
            high * 100.0
        ),
        None => NONE.to_owned(),
    }
}

fn spread(spread: Spread) -> String {
    match (spread.median_s, spread.p90_s) {
        (Some(median), Some(p90)) => format!("{}, 9 of 10: {}", time(median), time(p90)),
        _ => NONE.to_owned(),
    }
}

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| NONE.to_owned(), |number| format!("{number:.1}"))
}

fn saved(figures: &Figures) -> String {
    figures.time_saved.map_or_else(
        || NONE.to_owned(),
        |saved| {
            let time = |minutes: f64| match minutes < 0.0 {
                true => format!("−{}", time(-minutes * 60.0)),
                false => time(minutes * 60.0),
            };
            format!(
                "{} ({} – {})",
                time(saved.minutes),
                time(saved.low),
                time(saved.high)
            )
        },
    )
}

/// A length of time in the unit that a person would use.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.095 => format!("{:.0} ms", s * 1_000.0),
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        for (seconds, said) in [
            (0.004, "4 ms"),
            (1.25, "1.2 s"),
            (59.6, "60 s"),
            (600.0, "10 min"),
            (9_000.0, "2.5 h"),
            (259_200.0, "3.0 d"),
        ] {
            assert_eq!(time(seconds), said);
        }
    }

    #[test]
    fn of_nothing_nothing_is_said() {
        let empty = WorkflowFigures {
            workflow: "w".to_owned(),
            baseline: None,
            total: Figures::default(),
            weeks: Vec::new(),
        };
        let table = empty.table(4);
        assert_eq!(table.columns, ["all"]);
        let correct = table
            .rows
            .iter()
            .find(|row| row.name == "completed correctly");
        assert_eq!(
            correct.map(|row| row.cells.clone()),
            Some(vec![NONE.to_owned()])
        );
    }
}
