//! What counting adds to a call: nanoseconds for one execution of a known tool, with
//! one thread and with two that count the same tool. A call through the door is
//! measured by `tests/benches/throughput`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tollgate_metrics::{Metrics, Outcome};

const TIMES: u32 = 1_000_000;

fn count(metrics: &Metrics) {
    let took = Duration::from_micros(40);
    for _ in 0..TIMES {
        let tenant = metrics.of(black_box("default"));
        tenant.call(
            black_box("bank"),
            black_box("pay"),
            Outcome::Done,
            took,
            4_210,
        );
        tenant.appended(took);
    }
}

fn main() {
    let metrics = Metrics::default();
    count(&metrics);
    for threads in [1_u32, 2] {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| count(&metrics));
            }
        });
        let each = begun.elapsed() / TIMES;
        println!(
            "metrics/call+append threads={threads} ns_a_call={}",
            each.as_nanos()
        );
    }
}
