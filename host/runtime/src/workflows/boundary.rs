//! In which workflow a call happens, and whether it may at all.
//!
//! The attacks: an agent names no workflow, or another one, to get at a tool outside
//! of its own; it finds out by the words of a refusal what else there is; it works
//! on in a case that is over, or in one of another workflow.

use std::sync::Arc;

use tollgate_policy::workflow::Workflow;
use tollgate_store::CaseRow;

use super::Known;
use crate::api::{Principal, PrincipalKind, ToolCall};
use crate::connectors::closest;
use crate::error::CallError;
use crate::host::Inner;
use crate::triggers::HOOK;

/// The workflow that a call happens in, and the case where it was opened before.
pub(crate) struct Within {
    pub(crate) workflow: Arc<Workflow>,
    pub(crate) case: Option<CaseRow>,
    /// The trigger whose delivery this is.
    pub(crate) trigger: Option<String>,
}

/// What a principal may see.
pub(super) enum Sight<'k> {
    /// Everything that manifests grant.
    All,
    /// The tools of these workflows.
    Only(Vec<&'k Arc<Workflow>>),
}

impl Sight<'_> {
    pub(super) fn has(&self, connector: &str, tool: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(workflows) => workflows.iter().any(|one| one.has_tool(connector, tool)),
        }
    }
}

impl Known {
    pub(super) fn sight<'k>(&'k self, who: &'k Principal) -> Sight<'k> {
        let bound: Vec<_> = self.binding(&who.name).collect();
        match bound.is_empty() {
            // Whom a workflow binds that cannot be read is not known.
            true if !self.broken.is_empty() && who.kind != PrincipalKind::Person => {
                Sight::Only(Vec::new())
            }
            true => Sight::All,
            false => Sight::Only(bound),
        }
    }
}

impl Inner {
    /// Whether a tool exists for a principal.
    pub(crate) fn sees(&self, who: &Principal, connector: &str, tool: &str) -> bool {
        match self.workflows_known(&who.tenant) {
            Some(known) => known.sight(who).has(connector, tool),
            // Nobody asked the store yet: whom its workflows bind is not known.
            None => who.kind == PrincipalKind::Person,
        }
    }

    /// The workflow that a call happens in. Nothing: in none, and its caller is
    /// bound to none. Not for an undo, which takes back what was done inside.
    pub(crate) async fn within(
        &self,
        who: &Principal,
        call: &ToolCall,
    ) -> Result<Option<Within>, CallError> {
        let known = self.workflows_of(&who.tenant).await?;
        if known.is_empty() && call.workflow.is_none() {
            return Ok(None);
        }
        let sight = known.sight(who);
        if !sight.has(&call.connector, &call.tool) {
            return Err(self.unknown(who, call));
        }
        let case = match &call.case {
            Some(case) => self.journal.store.case(&who.tenant, case).await?,
            None => None,
        };
        let trigger = call.trigger.as_deref().and_then(trigger_of);
        let visible = visible(&known, who, &sight, trigger);
        let named = call.workflow.as_deref();
        let own_case = case.as_ref().map(|case| case.workflow.as_str());
        let name = match (named.or(own_case), &sight) {
            (Some(name), _) => name,
            (None, Sight::All) => return Ok(None),
            (None, Sight::Only(bound)) => match bound.as_slice() {
                [only] => only.name.as_str(),
                many => return Err(which(many)),
            },
        };
        let workflow = visible
            .iter()
            .find(|workflow| workflow.name == name)
            .ok_or_else(|| CallError::UnknownWorkflow {
                name: name.to_owned(),
                suggestion: closest(name, visible.iter().map(|one| one.name.clone())),
            })?;
        if own_case.is_some_and(|own| own != workflow.name) {
            let case = call.case.as_deref().unwrap_or_default();
            return Err(CallError::NotAllowed(format!(
                "the case `{case}` is of another workflow"
            )));
        }
        if !workflow.has_tool(&call.connector, &call.tool) {
            return Err(self.unknown(who, call));
        }
        Ok(Some(Within {
            workflow: Arc::clone(workflow),
            case,
            trigger: trigger.map(str::to_owned),
        }))
    }
}

/// The trigger that a delivery was verified for. Nobody else can say such words.
fn trigger_of(words: &str) -> Option<&str> {
    let (name, _) = words.strip_prefix(HOOK)?.split_once('/')?;
    Some(name)
}

/// The workflows that a principal may name: an agent its own, a delivery those that
/// its trigger starts, a person all.
pub(super) fn visible<'k>(
    known: &'k Known,
    who: &Principal,
    sight: &Sight<'k>,
    trigger: Option<&str>,
) -> Vec<&'k Arc<Workflow>> {
    match (sight, trigger) {
        (_, Some(trigger)) => {
            let starts = |one: &&Arc<Workflow>| one.starts.triggers.iter().any(|t| t == trigger);
            known.all().filter(starts).collect()
        }
        (Sight::Only(bound), None) => bound.clone(),
        (Sight::All, None) if who.kind == PrincipalKind::Person => known.all().collect(),
        (Sight::All, None) => Vec::new(),
    }
}

fn which(bound: &[&Arc<Workflow>]) -> CallError {
    let names: Vec<&str> = bound.iter().map(|one| one.name.as_str()).collect();
    CallError::InvalidInput {
        pointer: String::new(),
        message: match names.as_slice() {
            [] => "this caller may work in no workflow".to_owned(),
            names => format!(
                "say in which workflow this is (`workflow`): `{}`",
                names.join("`, `")
            ),
        },
    }
}
