//! What an intent says of the way back: by whom a write is taken back, and until
//! when. Both are facts of the record, so that a later manifest, or a later version
//! of the connector, changes neither.

use std::time::Duration;

use tollgate_policy::UndoDecl;

use super::{Door, Operation, Prior, WayBack};

/// How a write is taken back, and until when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UndoFacts {
    /// `inverse`, `restore`, `compensate` or `none`; nothing for what is no write.
    pub(super) way: Option<&'static str>,
    /// Unix milliseconds by this host's clock.
    pub(super) until_ms: Option<u64>,
}

impl Door {
    /// The way back of a write, and its window: the shorter one of what the
    /// operator's row and the tool say.
    pub(super) fn undo_facts<O: Operation>(
        &self,
        plan: &O::Plan,
        prior: Option<&Prior>,
    ) -> UndoFacts {
        let tool = &self.run.tool;
        let captured = prior.is_some() && self.extensions().can_restore(O::CALL);
        let by_host = self
            .run
            .undoes
            .as_ref()
            .is_some_and(|undoes| undoes.by_host);
        let way = match (&tool.undo, O::way_back(plan)) {
            _ if by_host && captured => UndoDecl::Restore.as_str(),
            (UndoDecl::Inverse(_) | UndoDecl::Compensate(_), _) => tool.undo.as_str(),
            (_, WayBack::Captured) if captured => UndoDecl::Restore.as_str(),
            _ => UndoDecl::None.as_str(),
        };
        let own = tool.terms.window_s.map(Duration::from_secs);
        let windows = [own, O::undo_window(plan)];
        let window = windows.into_iter().flatten().min();
        let until_ms = window.map(|window| {
            let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
            self.journal.now_ms().saturating_add(window)
        });
        UndoFacts {
            way: Some(way),
            until_ms,
        }
    }
}
