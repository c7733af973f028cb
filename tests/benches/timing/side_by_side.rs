//! Timing side by side: rate and median of a work, in a table beside a bare one
//! of the same run. Both benchmarks include this file.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long each figure is measured, after a tenth of it to warm up.
const MEASURED: Duration = Duration::from_secs(4);

/// One line of the table. `against` is the rate this one is compared with.
pub(crate) fn line(name: &str, rate: f64, p50: Duration, against: Option<f64>) {
    let ratio = against.map_or(String::new(), |bare| format!("{:.2}", rate / bare));
    println!("{name:<62} {rate:>12.0} {p50:>12.1?} {ratio:>8}");
}

/// Rate and median of `work`, with so many of it going on at once.
pub(crate) async fn rate<W, F>(concurrent: usize, work: W) -> (f64, Duration)
where
    W: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let work = Arc::new(work);
    let number = Arc::new(AtomicU64::new(0));
    during(concurrent, MEASURED / 10, &work, &number).await;
    during(concurrent, MEASURED, &work, &number).await
}

async fn during<W, F>(
    concurrent: usize,
    time: Duration,
    work: &Arc<W>,
    number: &Arc<AtomicU64>,
) -> (f64, Duration)
where
    W: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let begin = Instant::now();
    let tasks: Vec<_> = (0..concurrent)
        .map(|_| {
            let (work, number) = (Arc::clone(work), Arc::clone(number));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begin.elapsed() < time {
                    let started = Instant::now();
                    work(number.fetch_add(1, Ordering::Relaxed)).await;
                    times.push(started.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let elapsed = begin.elapsed();
    times.sort_unstable();
    (
        times.len() as f64 / elapsed.as_secs_f64(),
        times[times.len() / 2],
    )
}

/// The table's first line.
pub(crate) fn heading() {
    println!(
        "{:<62} {:>12} {:>12} {:>8}",
        "figure", "per second", "p50", "ratio"
    );
}

/// Whether the caller asked for figures of this name; all where it named none.
pub(crate) fn wanted(name: &str) -> bool {
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .peekable();
    words.peek().is_none() || words.any(|word| name.contains(word.as_str()))
}
