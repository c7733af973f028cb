//! Lines from the connector, for the operator. They are the connector's words, and
//! may be a tenant's data: they go to the run's records, which are the tenant's. The
//! host's own log is one for all tenants and usually leaves the machine: it says that
//! there was a line, of which run, and how long.

use serde_json::json;
use tollgate_policy::Effect;
use wasmtime::component::{ComponentType, Lift, Lower};

use super::Backends;
use crate::door::{
    Described, Immediate, Imported, Next, Operation, Performed, Prior, Refusal, Scope,
};

/// Longest line, bytes; what is longer is cut.
const LINE_BYTES_MAX: usize = 4096;

#[expect(dead_code, reason = "guests make these values; they arrive by lifting")]
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Level {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A line that is about to be written.
pub(crate) struct Line {
    level: Level,
    message: String,
}

pub(crate) struct Emit;

impl Operation for Emit {
    const CALL: &'static str = "log.emit";
    type Arguments = (Level, String);
    type Reply = ();
    type Plan = Line;

    fn describe((level, mut message): (Level, String), scope: &Scope<'_>) -> Described<Line, ()> {
        cut(&mut message);
        Described {
            destination: "log".into(),
            identity: "log".into(),
            effect: Effect::Read,
            arguments: json!({ "level": level.as_str(), "message": message }),
            next: if scope.manifest.grant.log {
                Next::Perform(Line { level, message })
            } else {
                Next::Refuse(Refusal::outside("the manifest does not grant the log"))
            },
        }
    }

    fn refuse(_: Refusal) {}

    async fn perform(
        line: Line,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<()> {
        Self::perform_now(line, scope, backends);
        Performed::answered(())
    }
}

impl Immediate for Emit {
    fn perform_now(line: Line, scope: &Scope<'_>, _: &Backends) {
        // The attack, or the accident: a connector logs a customer's data, and it is
        // read by whoever reads the host's log (CWE-532), or forges a line of it
        // (CWE-117).
        let (tenant, run, connector) = (scope.tenant, scope.run, scope.connector);
        let bytes = line.message.len();
        match line.level {
            Level::Debug => tracing::debug!(%tenant, run, connector, bytes, "a connector's line"),
            Level::Info => tracing::info!(%tenant, run, connector, bytes, "a connector's line"),
            Level::Warn => tracing::warn!(%tenant, run, connector, bytes, "a connector's line"),
            Level::Error => tracing::error!(%tenant, run, connector, bytes, "a connector's line"),
        }
    }
}

impl Imported for Emit {
    const INTERFACE: &'static str = "tollgate:connector/log@0.1.0";
    const FUNCTION: &'static str = "emit";
    type Results = ();
    fn results((): ()) {}
}

/// A guest's last words. Always granted: without them an operator sees only
/// that an instruction trapped.
pub(crate) struct Panic;

impl Operation for Panic {
    const CALL: &'static str = "log.panic";
    type Arguments = (String, String);
    type Reply = ();
    type Plan = (String, String);

    fn describe(
        (mut message, mut place): (String, String),
        _: &Scope<'_>,
    ) -> Described<(String, String), ()> {
        cut(&mut message);
        cut(&mut place);
        Described {
            destination: "log".into(),
            identity: "log".into(),
            effect: Effect::Read,
            arguments: json!({ "message": message, "place": place }),
            next: Next::Perform((message, place)),
        }
    }

    fn refuse(_: Refusal) {}

    async fn perform(
        (message, _): (String, String),
        _: Option<&Prior>,
        scope: &Scope<'_>,
        _: &Backends,
    ) -> Performed<()> {
        let (tenant, run, connector) = (scope.tenant, scope.run, scope.connector);
        let bytes = message.len();
        tracing::error!(%tenant,
            run,
            connector,
            bytes,
            "a connector panicked; its records say how"
        );
        Performed::answered(())
    }
}

impl Imported for Panic {
    const INTERFACE: &'static str = "tollgate:connector/log@0.1.0";
    const FUNCTION: &'static str = "panic";
    type Results = ();
    fn results((): ()) {}
}

fn cut(text: &mut String) {
    if text.len() > LINE_BYTES_MAX {
        let end = text.floor_char_boundary(LINE_BYTES_MAX);
        text.truncate(end);
    }
}
