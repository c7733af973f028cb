//! Where the credentials of desk and CRM are not.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tollgate_runtime::{Host, LogFilter, LogPlace, Tenant};

use super::story::Story;

impl Story<'_> {
    /// The attack: a credential that a connector, a server's answer or a mistake of
    /// the host's puts into a record. Looked for in every value that the log can
    /// open, and in the files that are handed out.
    pub(super) async fn look_for_secrets(&self) -> anyhow::Result<Value> {
        let lines = every_line(self.host).await?;
        let exported = self.folder.join("journal");
        self.host
            .export(&Tenant::default(), &exported, &mut |_| ())
            .await?;
        let files = contents(&exported)?;
        let is_in = |what: &str| {
            let in_files = files.iter().any(|file| holds(file, what.as_bytes()));
            in_files || lines.iter().any(|line| line.contains(what))
        };
        let found: Vec<&str> = self
            .systems
            .secrets()
            .into_iter()
            .filter(|(_, value)| is_in(value))
            .map(|(name, _)| name)
            .collect();
        // A search that finds nothing at all would find no secret either.
        let subject = lines
            .iter()
            .filter(|line| line.contains("arrived broken"))
            .count();
        self.steps.say(format!(
            "The credentials of desk and CRM are in {} of {} records and {} exported files",
            if found.is_empty() { "none" } else { "SOME" },
            lines.len(),
            files.len()
        ));
        self.steps.more(format!(
            "(the same search finds the customer's “arrived broken” in {subject} records)"
        ));
        Ok(json!({
            "ok": found.is_empty() && subject > 0,
            "found": found,
            "records": lines.len(),
            "files": files.len(),
            "records_with_the_subject": subject,
        }))
    }
}

/// Every record with every value, as the log prints it.
async fn every_line(host: &Host) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut filter = LogFilter::default();
    loop {
        let page = host.log_page(&Tenant::default(), &filter).await?;
        for line in &page.lines {
            lines.push(serde_json::to_string(line)?);
        }
        match page.next {
            Some(LogPlace::After(place)) => filter.after = Some(place),
            _ => return Ok(lines),
        }
    }
}

/// What is in the files below a folder.
fn contents(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(contents(&path)?);
        } else {
            found.push(fs::read(&path)?);
        }
    }
    Ok(found)
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
