//! What is killed in the middle: each kind of effect alone, several in a row,
//! held calls, undos, and lives that begin with what a crash left.

use crate::arrivals;
use crate::job::{Action, Cards, Doubts, Schedule, Step, Tool};
use crate::points::{Blow, Strike};

/// A schedule, and the lives before the one that is judged.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What happens.
    pub schedule: Schedule,
    /// How the lives before ended.
    pub before: Vec<Strike>,
    /// How what fails is delivered.
    pub delivers: Vec<&'static str>,
}

/// Every kind of effect.
const KINDS: [&str; 5] = ["idempotent", "readable", "conditional", "blind", "note"];

/// All but those in which something is delivered.
#[must_use]
pub fn all() -> Vec<Scene> {
    let mut scenes = Vec::new();
    let read = [Step::new("read", "a", ""), Step::new("read", "b", "")];
    scenes.push(scene("read", [Action::Call(Tool::Look, read.to_vec())]));
    for kind in KINDS {
        let make = |step| [Action::Call(Tool::Make, vec![step])];
        scenes.push(scene(kind, make(Step::new(kind, "a", "1"))));
        if kind == "note" {
            continue;
        }
        // The living host does not get an answer.
        let lost = make(Step::lost(kind, "a"));
        scenes.push(scene(&format!("{kind}-lost"), lost));
        let unsent = make(Step::unsent(kind, "a"));
        scenes.push(scene(&format!("{kind}-unsent"), unsent));
        // The host dies on either side of the effect.
        for point in ["effect::before", "effect::after"] {
            let name = format!("{kind}-{}", point.replace("effect::", "killed-"));
            let scene = scene(&name, make(Step::new(kind, "a", "1")));
            scenes.push(scene.after(point, 1));
        }
    }
    let row: Vec<Step> = KINDS
        .iter()
        .map(|kind| Step::new(kind, kind, "1"))
        .chain([Step::new("read", "blind", "")])
        .collect();
    scenes.push(scene("row", [Action::Call(Tool::Make, row.clone())]));
    let pair = vec![
        Step::new("idempotent", "a", "1"),
        Step::new("blind", "a", "2"),
    ];
    let ask = || Action::Call(Tool::Ask, pair.clone());
    scenes.push(scene("held", [ask(), Action::Approve(0)]));
    scenes.push(scene("held-denied", [ask(), Action::Deny(0)]).said(Cards::Deny));
    scenes.push(scene("held-left", [ask()]).said(Cards::Leave));
    let doubted = scene("held-doubted", [ask()]).left(Doubts::Leave);
    scenes.push(doubted.after("effect::after", 2));
    let undone = |name: &str, steps: &[Step]| {
        let call = Action::Call(Tool::Make, steps.to_vec());
        scene(name, [call, Action::Undo(0)])
    };
    scenes.push(undone("undo", &pair));
    scenes.push(undone("undo-note", &[Step::new("note", "a", "1")]));
    scenes.push(undone("undo-killed", &pair).after("effect::after", 3));
    let agreed = [
        ask(),
        Action::Approve(0),
        Action::Approve(0),
        Action::Undo(0),
    ];
    scenes.push(scene("undo-held", agreed));
    scenes
}

/// A failure that is sent to where its owner looks, in each way that an answer which
/// got lost can be found out, or not.
#[must_use]
pub fn deliveries() -> Vec<Scene> {
    let fails = || [Action::Call(Tool::Fail, vec![Step::new("note", "a", "1")])];
    let mut scenes = Vec::new();
    for kind in arrivals::KINDS {
        let one = scene(&format!("delivered-{kind}"), fails()).delivered(&[kind]);
        // Its claim is a dead host's, before and after it arrived.
        for point in ["queue::claimed", "queue::sent"] {
            let name = format!("{}-{}", one.schedule.name, point.replace("queue::", ""));
            let mut again = one.clone().after(point, 1);
            again.schedule.name = name;
            scenes.push(again);
        }
        scenes.push(one);
    }
    let all = scene("delivered-everywhere", fails()).delivered(&arrivals::KINDS);
    scenes.push(all);
    scenes
}

fn scene(name: &str, actions: impl Into<Vec<Action>>) -> Scene {
    Scene {
        schedule: Schedule {
            name: name.to_owned(),
            actions: actions.into(),
            asks_again: true,
            cards: Cards::Approve,
            doubts: Doubts::Settle,
        },
        before: Vec::new(),
        delivers: Vec::new(),
    }
}

impl Scene {
    fn after(mut self, point: &str, hit: u32) -> Self {
        self.before.push(Strike {
            point: point.to_owned(),
            hit,
            blow: Blow::Kill,
        });
        self
    }

    fn delivered(mut self, kinds: &[&'static str]) -> Self {
        self.delivers = kinds.to_vec();
        self
    }

    fn said(mut self, cards: Cards) -> Self {
        self.schedule.cards = cards;
        self
    }

    fn left(mut self, doubts: Doubts) -> Self {
        self.schedule.doubts = doubts;
        self
    }
}
