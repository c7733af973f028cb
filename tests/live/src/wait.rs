//! The one place where somebody is asked again and again.
//!
//! Programs of other people do not say when they have taken what they were sent, or
//! when the last of their processes is gone: there is no event to wait for, so they
//! are asked. Whatever can be an event (the end of a process, a line on a pipe) is
//! waited for as one.

use std::time::Duration;

/// How often.
const PAUSE: Duration = Duration::from_millis(50);

/// Ask until there is an answer; nothing if there was none in time. One question
/// that hangs counts as well.
pub async fn until<T>(within: Duration, ask: impl AsyncFn() -> Option<T>) -> Option<T> {
    let asking = async {
        let mut ticks = tokio::time::interval(PAUSE);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(within, asking).await.ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn it_is_asked_until_it_answers_and_not_for_ever() {
        let asked = Cell::new(0);
        let ask = async || {
            asked.set(asked.get() + 1);
            (asked.get() == 3).then_some("there")
        };
        assert_eq!(until(Duration::from_secs(30), ask).await, Some("there"));
        assert_eq!(asked.get(), 3);
        let hangs = async || std::future::pending::<Option<()>>().await;
        assert_eq!(until(Duration::from_millis(1), hangs).await, None);
    }
}
