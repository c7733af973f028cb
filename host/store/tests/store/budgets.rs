//! Who takes from a budget has counted everything that was taken before.

use tollgate_store::{Change, Rejected};

use crate::support::{Bench, named, on_each_store, submission};

fn take(budget: &str, seen: u64) -> Change {
    Change::TakeFromBudget {
        budget: budget.into(),
        seen,
    }
}

async fn each_turn_is_taken_once(bench: Bench) {
    let taken = async |budget: &str| {
        bench
            .store
            .budget_taken(&named("acme"), budget)
            .await
            .unwrap()
    };
    assert_eq!(taken("pay.daily").await, 0);
    bench.change(take("pay.daily", 0)).await.unwrap();
    bench.change(take("pay.daily", 1)).await.unwrap();
    assert_eq!(taken("pay.daily").await, 2);
    assert_eq!(taken("pay.weekly").await, 0, "each has turns of its own");
    let other = bench.store.budget_taken(&named("other"), "pay.daily").await;
    assert_eq!(other.unwrap(), 0, "and each tenant");
    for seen in [0, 1, 3] {
        let refused = bench.change(take("pay.daily", seen)).await.unwrap_err();
        let expected = Rejected::BudgetMoved("pay.daily".into());
        assert_eq!(refused.rejected(), Some(&expected), "{seen}");
    }
    let unknown = bench.change(take("pay.weekly", 1)).await.unwrap_err();
    assert!(matches!(unknown.rejected(), Some(Rejected::BudgetMoved(_))));
}

/// The attack: many at once, who all counted before any took.
async fn of_many_who_saw_the_same_one_takes(bench: Bench) {
    bench.change(take("b", 0)).await.unwrap();
    let takes = async |seen| {
        let changes = vec![take("b", seen)];
        bench.store.append(submission(Vec::new(), changes)).await
    };
    let all = tokio::join!(takes(1), takes(1), takes(1), takes(1), takes(2));
    let took = [&all.0, &all.1, &all.2, &all.3].into_iter();
    assert_eq!(took.filter(|one| one.is_ok()).count(), 1);
    let expected = 2 + u64::from(all.4.is_ok());
    assert_eq!(
        bench.store.budget_taken(&named("acme"), "b").await.unwrap(),
        expected
    );
}

on_each_store! {
    each_turn_is_taken_once,
    of_many_who_saw_the_same_one_takes,
}
