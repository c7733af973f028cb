//! The figures of one tenant.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::{Standing, label};

/// Most pairs of connector and tool that a tenant has series of. A pair has about 30
/// series, most of them the histogram's.
pub const SERIES_MAX: usize = 500;

/// What stands for the pairs beyond that.
const OTHER: &str = "other";

/// Seconds of a call: from one that only reads to one that reaches its deadline.
const OF_A_CALL: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Seconds of an append: from a batch in memory to a disk in trouble.
const OF_AN_APPEND: [f64; 12] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

/// How an execution of a tool call ended. A call that is held has one such end, and
/// another one when it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an output.
    Done,
    /// With a failure.
    Failed,
    /// By a rule's or a person's no.
    Denied,
    /// It waits for people.
    Held,
    /// Whether its effect happened is not known.
    InDoubt,
    /// It goes on elsewhere or later, or its end could not be recorded.
    Open,
}

impl Outcome {
    const ALL: [Self; 6] = [
        Self::Done,
        Self::Failed,
        Self::Denied,
        Self::Held,
        Self::InDoubt,
        Self::Open,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Held => "held",
            Self::InDoubt => "in_doubt",
            Self::Open => "open",
        }
    }
}

/// Labels by the names of their values: a list of fixed names, so that nobody can
/// add one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Labels<const N: usize>([(&'static str, String); N]);

impl<const N: usize> EncodeLabelSet for Labels<N> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        for pair in &self.0 {
            prometheus_client::encoding::EncodeLabel::encode(
                &(pair.0, pair.1.as_str()),
                encoder.encode_label(),
            )?;
        }
        Ok(())
    }
}

type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges = Family<Labels<1>, Gauge<u64, AtomicU64>>;
type Lengths = Family<Labels<2>, Histogram, fn() -> Histogram>;

/// The series of one tool: found once, then only added to.
struct Tool {
    outcomes: [Counter; Outcome::ALL.len()],
    duration: Histogram,
    fuel: Counter,
}

/// The tools of one connector, by name.
type Tools = HashMap<String, Arc<Tool>>;

/// The figures of one tenant.
pub struct Tenant {
    registry: Registry,
    tools: RwLock<HashMap<String, Tools>>,
    calls: Counters<3>,
    durations: Lengths,
    fuel: Counters<2>,
    refusals: Counters<1>,
    decisions: Counters<2>,
    appends: Histogram,
    approvals_pending: Gauges,
    queue_items_open: Gauges,
    journal_records: Gauge<u64, AtomicU64>,
    /// One at a time sets what is counted when it is asked for.
    asked: Mutex<()>,
}

impl Tenant {
    pub(crate) fn new(tenant: &str) -> Self {
        let mut registry = Registry::with_prefix_and_labels(
            "tollgate",
            [("tenant".into(), label(tenant).into())].into_iter(),
        );
        let calls = Counters::default();
        let of_a_call: fn() -> Histogram = || Histogram::new(OF_A_CALL);
        let durations = Family::new_with_constructor(of_a_call);
        let (fuel, refusals, decisions) = (
            Counters::default(),
            Counters::default(),
            Counters::default(),
        );
        let appends = Histogram::new(OF_AN_APPEND);
        let (approvals_pending, queue_items_open) = (Gauges::default(), Gauges::default());
        let journal_records = Gauge::default();
        registry.register(
            "calls",
            "Executions of tool calls by how they ended; a held one counts again when it goes on",
            calls.clone(),
        );
        registry.register_with_unit(
            "call_duration",
            "How long an execution of a tool call took on this host",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register(
            "guest_fuel_used",
            "Fuel that connectors used: the engine's measure of computation",
            fuel.clone(),
        );
        registry.register(
            "refusals",
            "Requests of callers that became no run, by the kind of refusal",
            refusals.clone(),
        );
        registry.register(
            "approval_decisions",
            "Decisions of people on held calls",
            decisions.clone(),
        );
        registry.register_with_unit(
            "journal_append_duration",
            "Until records were durable",
            Unit::Seconds,
            appends.clone(),
        );
        registry.register(
            "approvals_pending",
            "Calls that wait for people now, on all hosts of the store",
            approvals_pending.clone(),
        );
        registry.register(
            "queue_items_open",
            "Work that waits for people now, on all hosts of the store",
            queue_items_open.clone(),
        );
        registry.register(
            "journal_records",
            "Records in the journal",
            journal_records.clone(),
        );
        Self {
            registry,
            tools: RwLock::default(),
            calls,
            durations,
            fuel,
            refusals,
            decisions,
            appends,
            approvals_pending,
            queue_items_open,
            journal_records,
            asked: Mutex::default(),
        }
    }

    /// An execution of an installed tool ended.
    pub fn call(&self, connector: &str, tool: &str, outcome: Outcome, took: Duration, fuel: u64) {
        let series = self.tool(connector, tool);
        series.outcomes[outcome as usize].inc();
        series.duration.observe(took.as_secs_f64());
        series.fuel.inc_by(fuel);
    }

    /// A request became no run. `kind` is a word of a closed list.
    pub fn refused(&self, kind: &'static str) {
        let labels = Labels([("kind", kind.to_owned())]);
        self.refusals.get_or_create(&labels).inc();
    }

    /// People decided on a held call, for an approval of an installed manifest.
    pub fn decided(&self, approval: &str, decision: &'static str) {
        let labels = Labels([
            ("approval", label(approval)),
            ("decision", decision.to_owned()),
        ]);
        self.decisions.get_or_create(&labels).inc();
    }

    /// Records became durable.
    pub fn appended(&self, took: Duration) {
        self.appends.observe(took.as_secs_f64());
    }

    /// Everything as OpenMetrics text.
    #[must_use]
    pub fn text(&self, standing: &Standing) -> String {
        let _alone = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        for (gauges, name, counts) in [
            (
                &self.approvals_pending,
                "approval",
                &standing.approvals_pending,
            ),
            (&self.queue_items_open, "queue", &standing.queue_items_open),
        ] {
            // What waits no more has no series, not one that stands still.
            gauges.clear();
            for (value, count) in counts.iter().take(SERIES_MAX) {
                let labels = Labels([(name, label(value))]);
                gauges.get_or_create(&labels).inc_by(*count);
            }
        }
        self.journal_records.set(standing.journal_records);
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing into a string does not fail.
            Err(std::fmt::Error) => String::new(),
        }
    }

    fn tool(&self, connector: &str, tool: &str) -> Arc<Tool> {
        let known = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(connector).and_then(|tools| tools.get(tool)) {
            return Arc::clone(found);
        }
        let full = known.values().map(HashMap::len).sum::<usize>() >= SERIES_MAX;
        drop(known);
        let (connector, tool) = match full {
            true => (OTHER, OTHER),
            false => (connector, tool),
        };
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        let tools = tools.entry(connector.to_owned()).or_default();
        let series = tools.entry(tool.to_owned());
        Arc::clone(series.or_insert_with(|| Arc::new(self.series(connector, tool))))
    }

    fn series(&self, connector: &str, tool: &str) -> Tool {
        let (connector, tool) = (label(connector), label(tool));
        let outcome = |outcome: Outcome| {
            let labels = Labels([
                ("connector", connector.clone()),
                ("tool", tool.clone()),
                ("outcome", outcome.as_str().to_owned()),
            ]);
            self.calls.get_or_create_owned(&labels)
        };
        let labels = Labels([("connector", connector.clone()), ("tool", tool.clone())]);
        Tool {
            outcomes: Outcome::ALL.map(outcome),
            duration: self.durations.get_or_create_owned(&labels),
            fuel: self.fuel.get_or_create_owned(&labels),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> impl Iterator<Item = &str> {
        text.lines().filter(|line| !line.starts_with('#'))
    }

    #[test]
    fn what_was_counted_is_told_under_its_names() {
        let tenant = Tenant::new("acme");
        tenant.call("bank", "pay", Outcome::Held, Duration::from_millis(2), 100);
        tenant.call("bank", "pay", Outcome::Done, Duration::from_millis(2), 150);
        tenant.refused("unknown_tool");
        tenant.decided("finance", "approved");
        tenant.appended(Duration::from_micros(300));
        let text = tenant.text(&Standing {
            approvals_pending: vec![("finance".to_owned(), 3)],
            queue_items_open: vec![("desk".to_owned(), 2)],
            journal_records: 17,
        });
        for line in [
            "tollgate_calls_total{tenant=\"acme\",connector=\"bank\",tool=\"pay\",outcome=\"done\"} 1",
            "tollgate_calls_total{tenant=\"acme\",connector=\"bank\",tool=\"pay\",outcome=\"held\"} 1",
            "tollgate_call_duration_seconds_count{tenant=\"acme\",connector=\"bank\",tool=\"pay\"} 2",
            "tollgate_guest_fuel_used_total{tenant=\"acme\",connector=\"bank\",tool=\"pay\"} 250",
            "tollgate_refusals_total{tenant=\"acme\",kind=\"unknown_tool\"} 1",
            "tollgate_approval_decisions_total{tenant=\"acme\",approval=\"finance\",decision=\"approved\"} 1",
            "tollgate_journal_append_duration_seconds_count{tenant=\"acme\"} 1",
            "tollgate_approvals_pending{tenant=\"acme\",approval=\"finance\"} 3",
            "tollgate_queue_items_open{tenant=\"acme\",queue=\"desk\"} 2",
            "tollgate_journal_records{tenant=\"acme\"} 17",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        // What waits no more is gone.
        let later = tenant.text(&Standing::default());
        assert!(!lines(&later).any(|line| line.starts_with("tollgate_approvals_pending")));
    }

    /// The attack: names that end a label, a line or the whole.
    #[test]
    fn no_name_writes_a_line_of_its_own() {
        let tenant = Tenant::new("acme\"} 1\n# EOF\n");
        let bad = "pay\"} 1\ntollgate_calls_total{tenant=\"zeta\",tool=\"x\\";
        tenant.call(bad, bad, Outcome::Done, Duration::ZERO, 1);
        tenant.decided(bad, "denied");
        let text = tenant.text(&Standing {
            approvals_pending: vec![(bad.to_owned(), 1)],
            queue_items_open: vec![(bad.to_owned(), 1)],
            journal_records: 0,
        });
        assert_eq!(text.matches("# EOF").count(), 1);
        for line in lines(&text) {
            assert!(line.starts_with("tollgate_"), "{line}");
            assert!(!line.contains("\"zeta\"") && !line.contains('\\'), "{line}");
            assert_eq!(line.matches('{').count(), 1, "{line}");
        }
    }

    /// The attack: a connector is installed again and again with other tools, until
    /// what collects the figures has no memory left.
    #[test]
    fn the_number_of_series_is_bounded() {
        let tenant = Tenant::new("acme");
        for number in 0..3 * SERIES_MAX {
            let tool = format!("tool-{number}");
            tenant.call("bank", &tool, Outcome::Done, Duration::ZERO, 1);
        }
        let text = tenant.text(&Standing {
            approvals_pending: (0..3 * SERIES_MAX).map(|n| (n.to_string(), 1)).collect(),
            ..Standing::default()
        });
        let count = |name: &str| lines(&text).filter(|line| line.starts_with(name)).count();
        let fuel = count("tollgate_guest_fuel_used_total");
        assert!((SERIES_MAX..=SERIES_MAX + 1).contains(&fuel), "{fuel}");
        assert_eq!(count("tollgate_approvals_pending"), SERIES_MAX);
        let other = format!("tool=\"{OTHER}\"}} {}", 2 * SERIES_MAX);
        assert!(text.contains(&other));
    }
}
