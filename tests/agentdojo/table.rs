//! The figures as they stand in README.md.

use std::collections::BTreeSet;

use crate::figures::Figures;
use crate::judged::Suite;

/// Print them.
#[expect(
    clippy::print_stdout,
    reason = "a measurement is for whoever runs the test"
)]
pub(crate) fn tell(suites: &[Suite], measured: &[Figures]) {
    let tasks = &suites[0].tasks;
    println!(
        "agentdojo {}, benchmark {}\n",
        tasks.package, tasks.benchmark
    );
    println!("{}\n\n{}", user_tasks(measured), attacks(measured));
    for suite in suites {
        let (name, tasks) = (&suite.name, &suite.tasks);
        for task in tasks.injection_tasks.iter().filter(|task| task.calls == 0) {
            println!("not judged, no calls: {name} {}: {:?}", task.id, task.goal);
        }
        let all = tasks.user_tasks.len() * tasks.injection_tasks.len();
        let read = all - tasks.unread.len();
        println!("{name}: in {read} of {all} pairs a call of the task reads the attack");
    }
    for Figures {
        suite,
        rules,
        held_by,
        through,
        ..
    } in measured
    {
        println!("{suite} {rules}: held {held_by:?}");
        let attacks: BTreeSet<&str> = through.iter().map(|(_, attack)| attack.as_str()).collect();
        if !attacks.is_empty() {
            println!("{suite} {rules}: goes through: {attacks:?}");
        }
    }
}

fn user_tasks(measured: &[Figures]) -> String {
    let head = [
        "suite",
        "rules",
        "tasks",
        "calls",
        "allowed",
        "held",
        "second look",
        "denied",
        "approvals a task",
        "tasks without",
        "denied under attack",
    ];
    let row = |figures: &Figures| {
        let Figures {
            alone, attacked, ..
        } = figures;
        vec![
            figures.suite.clone(),
            figures.rules.to_owned(),
            figures.user_tasks.to_string(),
            alone.all().to_string(),
            alone.allowed.to_string(),
            alone.held.to_string(),
            alone.second_looks.to_string(),
            alone.denied.to_string(),
            hundredths(alone.held, figures.user_tasks),
            figures.tasks_without_approval.to_string(),
            format!("{} of {}", attacked.denied, attacked.all()),
        ]
    };
    markdown(&head, measured.iter().map(row))
}

fn attacks(measured: &[Figures]) -> String {
    let head = [
        "suite",
        "rules",
        "pairs",
        "calls",
        "allowed",
        "held",
        "second look",
        "denied",
        "pairs marked",
        "pairs all allowed",
    ];
    let row = |figures: &Figures| {
        let calls = &figures.injected;
        vec![
            figures.suite.clone(),
            figures.rules.to_owned(),
            figures.pairs.to_string(),
            calls.all().to_string(),
            calls.allowed.to_string(),
            calls.held.to_string(),
            calls.second_looks.to_string(),
            calls.denied.to_string(),
            figures.marked.to_string(),
            figures.through.len().to_string(),
        ]
    };
    markdown(&head, measured.iter().map(row))
}

fn hundredths(part: usize, of: usize) -> String {
    let hundredths = (part * 100 + of / 2) / of;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn markdown(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let rule = vec!["---".to_owned(); head.len()];
    let rows = [head, rule].into_iter().chain(rows);
    rows.map(|row| line(&row)).collect::<Vec<_>>().join("\n")
}
