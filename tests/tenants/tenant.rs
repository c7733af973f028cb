//! One tenant: its people and agents, and everything that any of them is shown, which
//! is searched for the other tenant's words before anything else is done with it.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::sync::Mutex;

use serde::Serialize;
use tollgate_runtime::{Host, Principal, PrincipalKind, RunReport};
use tollgate_tests::named;

use crate::canary::{Canaries, Detector, Kind};

/// Names that are kept to be asked for again.
const KEPT: usize = 2_000;

pub(crate) struct Tenant {
    pub(crate) words: Canaries,
    pub(crate) agent: Principal,
    /// An agent that works inside a workflow.
    pub(crate) clerk: Principal,
    pub(crate) mira: Principal,
    pub(crate) noor: Principal,
    pub(crate) agent_token: String,
    pub(crate) mira_token: String,
    /// What this tenant must never see.
    foreign: Detector,
    own: Detector,
    seen: Mutex<Seen>,
    pub(crate) known: Mutex<Known>,
}

/// What was searched, and what was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Bytes searched, by where they were shown.
    pub(crate) bytes: BTreeMap<&'static str, u64>,
    pub(crate) crossings: Vec<String>,
    /// Where the tenant's own words were seen: what shows that the search would have
    /// found others' there.
    pub(crate) own: BTreeMap<Kind, &'static str>,
}

/// Names that the host gave, to be asked for again and by the wrong tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) runs: Vec<String>,
    pub(crate) writes: Vec<String>,
    pub(crate) approvals: Vec<(String, String)>,
    pub(crate) cases: Vec<String>,
    pub(crate) items: Vec<String>,
}

pub(crate) fn keep<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if list.len() < KEPT && !list.contains(&one) {
        list.push(one);
    }
}

impl Tenant {
    pub(crate) async fn enter(host: &Host, all: &[Canaries], number: usize) -> Self {
        let words = all[number].clone();
        let principal = |name: &str, kind, groups: &[&str]| Principal {
            identified: Default::default(),
            tenant: named(words.of(Kind::Name)),
            name: name.to_owned(),
            kind,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        };
        let agent = principal("agent-7", PrincipalKind::Agent, &[]);
        let clerk = principal("clerk", PrincipalKind::Agent, &[]);
        let mira = principal("mira", PrincipalKind::Person, &["boss", "operators"]);
        let noor = principal("noor", PrincipalKind::Person, &["boss", "operators"]);
        let agent_token = host.add_principal(&agent).await.unwrap();
        let mira_token = host.add_principal(&mira).await.unwrap();
        // A credential is nobody's to see, its own tenant's neither.
        let is_foreign = |whose, kind| whose != number || kind == Kind::Credential;
        Self {
            foreign: Detector::new(all, is_foreign),
            own: Detector::new(all, |whose, kind| !is_foreign(whose, kind)),
            words,
            agent,
            clerk,
            mira,
            noor,
            agent_token,
            mira_token,
            seen: Mutex::default(),
            known: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &tollgate_runtime::Tenant {
        &self.agent.tenant
    }

    /// Text that this tenant is shown.
    pub(crate) fn reads(&self, place: &'static str, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let found = self.foreign.first(text).cloned();
        let mut seen = self.seen.lock().unwrap();
        *seen.bytes.entry(place).or_default() += text.len() as u64;
        for own in self.own.all(text) {
            seen.own.entry(own.kind).or_insert(place);
        }
        if let Some(found) = found {
            let text: String = String::from_utf8_lossy(text).chars().take(4_000).collect();
            seen.crossings
                .push(format!("{place}: {found:?} in: {text}"));
        }
    }

    /// A value that this tenant is shown, as programs and as debuggers write it.
    pub(crate) fn is_shown<T: Serialize + Debug, E: Display + Debug>(
        &self,
        place: &'static str,
        result: &Result<T, E>,
    ) {
        match result {
            Ok(value) => self.reads(place, serde_json::to_vec(value).unwrap()),
            Err(error) => self.reads(place, format!("{error} {error:?}")),
        }
    }

    pub(crate) fn remembers(&self, report: &RunReport) {
        let mut known = self.known.lock().unwrap();
        keep(&mut known.runs, report.run.clone());
        keep(&mut known.cases, report.case.clone());
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn known(&self) -> Known {
        self.known.lock().unwrap().clone()
    }
}
