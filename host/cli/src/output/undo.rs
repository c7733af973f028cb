//! One call of an undo, or of its plan, in words.

use tollgate_policy::visible;
use tollgate_runtime::UndoStep;

use super::{line, one_line};

/// What becomes of a call, why, and with which values.
pub(super) fn step(step: &UndoStep) {
    let call = step.position.map(|position| format!("call {position}, "));
    let call = call.unwrap_or_default();
    line(format!(
        "  {}: {call}{}",
        step.outcome,
        visible(&step.action)
    ));
    let said = [
        ("undone by", step.undone_by.clone()),
        ("waits for", waits(step)),
        ("rule", step.rule.clone()),
        ("until", step.until.clone()),
        ("only where", step.precondition.clone()),
        ("note", step.note.clone()),
    ];
    for (name, words) in said {
        if let Some(words) = words {
            line(format!("    {name}: {}", visible(&words)));
        }
    }
    for field in &step.fields {
        let values = [
            ("before", &field.before),
            ("written", &field.written),
            ("now", &field.now),
        ];
        let values = values.into_iter().filter_map(|(name, value)| {
            value
                .as_ref()
                .map(|value| format!("{name} {}", one_line(value)))
        });
        let values: Vec<_> = values.collect();
        line(format!(
            "    {} {}: {}",
            field.outcome,
            visible(&field.pointer),
            values.join(", ")
        ));
    }
    if let Some(three) = &step.conflict {
        line(format!("    before:  {}", one_line(&three.before)));
        line(format!("    written: {}", one_line(&three.written)));
        line(format!("    now:     {}", one_line(&three.now)));
    }
}

fn waits(step: &UndoStep) -> Option<String> {
    let approval = step.held_by.as_ref()?;
    Some(format!("{approval} ({})", step.approvers.join(", ")))
}
