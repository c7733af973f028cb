//! Six small plots of one workflow as one SVG: what a person looks at first.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use thiserror::Error;

use crate::{Figures, Rate, WorkflowFigures};

/// Pixels of the whole.
const SIZE: (u32, u32) = (1_080, 660);

/// Weeks shown: the newest. More would be narrower than a line.
const WEEKS_MAX: usize = 53;

/// Colours that people who see fewer of them tell apart (M. Okabe, K. Ito, "Color
/// Universal Design", 2008).
const GREEN: RGBColor = RGBColor(0, 158, 115);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const RED: RGBColor = RGBColor(213, 94, 0);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const PURPLE: RGBColor = RGBColor(204, 121, 167);
const GREY: RGBColor = RGBColor(120, 120, 120);

/// A plot could not be drawn.
#[derive(Debug, Error)]
#[error("the plot could not be drawn: {0}")]
pub struct PlotError(String);

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A workflow's weeks as SVG text, without scripts or references to elsewhere.
///
/// # Errors
/// When the drawing library fails.
pub fn plot(workflow: &WorkflowFigures) -> Result<String, PlotError> {
    let mut svg = String::new();
    draw(workflow, &mut svg).map_err(|error| PlotError(error.to_string()))?;
    Ok(svg)
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(workflow: &WorkflowFigures, svg: &mut String) -> Drawn {
    let from = workflow.weeks.len().saturating_sub(WEEKS_MAX);
    let weeks = Weeks {
        names: workflow.weeks[from..]
            .iter()
            .map(|week| week.week.to_string())
            .collect(),
        figures: workflow.weeks[from..]
            .iter()
            .map(|week| &week.figures)
            .collect(),
    };
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.margin(6, 6, 6, 6).split_evenly((2, 3));
    let [cases, correct, response, approvals, touches, saved] = panels.as_slice() else {
        return Err("six panels were asked for".into());
    };
    weeks.cases(cases)?;
    weeks.rates(
        correct,
        "Completed correctly (with 95 % interval)",
        GREEN,
        |figures| figures.cases.correct,
    )?;
    let target = workflow
        .baseline
        .and_then(|baseline| baseline.first_response_s)
        .map(|seconds| (seconds / 60.0, "target"));
    weeks.lines(
        response,
        "First response, minutes",
        &[
            ("median", BLUE, &|f| {
                minutes(f.cases.first_response.median_s)
            }),
            ("9 of 10", ORANGE, &|f| {
                minutes(f.cases.first_response.p90_s)
            }),
        ],
        target,
    )?;
    weeks.lines(
        approvals,
        "Waiting for people, minutes (median)",
        &[
            ("approval", PURPLE, &|f| {
                minutes(f.approvals.latency.median_s)
            }),
            ("queue", ORANGE, &|f| minutes(f.queue.time.median_s)),
        ],
        None,
    )?;
    let by_hand = workflow.baseline.map(|b| (b.touches, "by hand"));
    weeks.lines(
        touches,
        "Touches of a person per completed case",
        &[("touches", BLUE, &|f| f.touches_per_completed_case)],
        by_hand,
    )?;
    weeks.saved(saved)?;
    root.present()?;
    Ok(())
}

fn minutes(seconds: Option<f64>) -> Option<f64> {
    seconds.map(|seconds| seconds / 60.0)
}

type Pick<'a> = &'a dyn Fn(&Figures) -> Option<f64>;

struct Weeks<'a> {
    names: Vec<String>,
    figures: Vec<&'a Figures>,
}

impl Weeks<'_> {
    fn across(&self) -> Range<f64> {
        -0.6..(self.names.len().max(1) as f64 - 0.4)
    }

    fn axes<'a, 'b>(
        &self,
        panel: &'b Panel<'a>,
        title: &str,
        y: Range<f64>,
        label: &dyn Fn(&f64) -> String,
    ) -> Result<Chart<'b, 'a>, Box<dyn std::error::Error>> {
        let mut chart = ChartBuilder::on(panel)
            .caption(title, ("sans-serif", 15))
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(46)
            .build_cartesian_2d(self.across(), y)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE.mix(0.0))
            .bold_line_style(GREY.mix(0.25))
            .axis_style(GREY)
            .x_labels(self.names.len().clamp(1, 6))
            .y_labels(5)
            .x_label_formatter(&|at| self.name(*at))
            .y_label_formatter(label)
            .label_style(("sans-serif", 11))
            .draw()?;
        Ok(chart)
    }

    /// A label stands at a week, never between two.
    fn name(&self, at: f64) -> String {
        let nearest = at.round();
        if nearest < 0.0 || (at - nearest).abs() > 0.05 {
            return String::new();
        }
        let name = self.names.get(nearest as usize);
        name.map(|name| name.get(5..).unwrap_or(name).to_owned())
            .unwrap_or_default()
    }

    fn cases(&self, panel: &Panel<'_>) -> Drawn {
        type Part = (&'static str, RGBColor, fn(&Figures) -> u64);
        const PARTS: [Part; 4] = [
            ("completed", GREEN, |f| f.cases.completed),
            ("escalated", ORANGE, |f| f.cases.escalated),
            ("denied or undone", PURPLE, |f| {
                f.cases.denied + f.cases.undone
            }),
            ("failed or expired", RED, |f| {
                f.cases.failed + f.cases.expired
            }),
        ];
        let most = self.figures.iter().map(|f| f.cases.ended).max();
        let top = most.unwrap_or(0).max(1) as f64 * 1.25;
        let mut chart = self.axes(panel, "Cases ended", 0.0..top, &whole)?;
        let mut below = vec![0.0; self.figures.len()];
        for (name, colour, count) in PARTS {
            let mut bars = Vec::new();
            for (at, (figures, below)) in self.figures.iter().zip(&mut below).enumerate() {
                let (x, height) = (at as f64, count(figures) as f64);
                if height > 0.0 {
                    let corners = [(x - 0.35, *below), (x + 0.35, *below + height)];
                    bars.push(Rectangle::new(corners, colour.filled()));
                }
                *below += height;
            }
            chart.draw_series(bars)?.label(name).legend(move |(x, y)| {
                Rectangle::new([(x, y - 4), (x + 10, y + 4)], colour.filled())
            });
        }
        legend(&mut chart)
    }

    fn rates(
        &self,
        panel: &Panel<'_>,
        title: &str,
        colour: RGBColor,
        rate: impl Fn(&Figures) -> Rate,
    ) -> Drawn {
        let percent = |y: &f64| format!("{:.0} %", y * 100.0);
        let mut chart = self.axes(panel, title, 0.0..1.05, &percent)?;
        for (at, figures) in self.figures.iter().enumerate() {
            let (x, rate) = (at as f64, rate(figures));
            if let (Some(share), Some((low, high))) = (rate.rate, rate.interval_95) {
                let interval = PathElement::new([(x, low), (x, high)], colour.mix(0.5));
                chart.draw_series([interval])?;
                chart.draw_series([Circle::new((x, share), 4, colour.filled())])?;
            }
        }
        Ok(())
    }

    fn lines(
        &self,
        panel: &Panel<'_>,
        title: &str,
        series: &[(&str, RGBColor, Pick<'_>)],
        mark: Option<(f64, &str)>,
    ) -> Drawn {
        let values = series
            .iter()
            .flat_map(|(_, _, pick)| self.figures.iter().filter_map(|f| pick(f)));
        let top = values.chain(mark.map(|(at, _)| at)).fold(0.0, f64::max);
        let top = if top > 0.0 { top * 1.25 } else { 1.0 };
        let mut chart = self.axes(panel, title, 0.0..top, &short)?;
        for (name, colour, pick) in series {
            let colour = *colour;
            let points: Vec<_> = self
                .figures
                .iter()
                .enumerate()
                .filter_map(|(at, figures)| Some((at as f64, pick(figures)?)))
                .collect();
            let line = LineSeries::new(points, colour.stroke_width(2)).point_size(3);
            chart
                .draw_series(line)?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], colour));
        }
        if let Some((at, name)) = mark {
            let across = self.across();
            let ends = [(across.start, at), (across.end, at)];
            chart
                .draw_series([PathElement::new(ends, GREY.stroke_width(1))])?
                .label(name)
                .legend(|(x, y)| PathElement::new([(x, y), (x + 12, y)], GREY));
        }
        legend(&mut chart)
    }

    fn saved(&self, panel: &Panel<'_>) -> Drawn {
        let saved: Vec<_> = self.figures.iter().map(|f| f.time_saved).collect();
        let hours = |minutes: f64| minutes / 60.0;
        let ends = saved.iter().flatten().flat_map(|s| [s.low, s.high]);
        let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), minutes| {
            (low.min(hours(minutes)), high.max(hours(minutes)))
        });
        let reach = if high > low { (high - low) * 0.1 } else { 1.0 };
        let y = (if low < 0.0 { low - reach } else { 0.0 })..(high + reach);
        let title = "Time saved, hours (with its range)";
        let mut chart = self.axes(panel, title, y, &short)?;
        for (at, saved) in saved.iter().enumerate() {
            let Some(saved) = saved else {
                continue;
            };
            let x = at as f64;
            let bar = [(x - 0.35, 0.0), (x + 0.35, hours(saved.minutes))];
            let range = [(x, hours(saved.low)), (x, hours(saved.high))];
            chart.draw_series([Rectangle::new(bar, GREEN.mix(0.7).filled())])?;
            chart.draw_series([PathElement::new(range, BLACK)])?;
        }
        Ok(())
    }
}

type Chart<'b, 'a> = ChartContext<
    'b,
    SVGBackend<'a>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn legend<'b, 'a: 'b>(chart: &mut Chart<'b, 'a>) -> Drawn {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 11))
        .draw()?;
    Ok(())
}

/// Of a count, whole numbers alone.
fn whole(y: &f64) -> String {
    match (y - y.round()).abs() < 1e-6 {
        true => format!("{y:.0}"),
        false => String::new(),
    }
}

/// Without digits that nobody needs.
fn short(y: &f64) -> String {
    match y.abs() {
        size if size >= 10.0 => format!("{y:.0}"),
        size if size >= 1.0 => format!("{y:.1}"),
        0.0 => "0".to_owned(),
        size if size < 0.01 => format!("{y:.0e}"),
        _ => format!("{y:.2}"),
    }
}
