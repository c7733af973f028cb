//! Secrets, as an operator reads them: everything but their values.

use comfy_table::presets;
use tollgate_policy::visible;
use tollgate_runtime::SecretInfo;

use super::{line, new_table};

pub(crate) fn table(secrets: &[SecretInfo]) {
    if secrets.is_empty() {
        line("there are no secrets; a [[secret]] in tollgate.toml adds one");
        return;
    }
    let mut table = new_table(presets::NOTHING);
    table.set_header(["secret", "tenant", "may go to", "in", "from", "now"]);
    for one in secrets {
        let now = one.problem.as_deref().unwrap_or("can be read");
        table.add_row([
            one.name.clone(),
            one.tenant.clone(),
            visible(&one.origin),
            visible(&one.place),
            visible(&one.source),
            visible(now),
        ]);
    }
    line(table.to_string());
}
