//! Secrets of the home: set, listed, removed. A value goes in and never out.

use std::io::{self, IsTerminal as _, Read as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;
use tollgate_runtime::{Host, Role, SECRET_BYTES_MAX};
use zeroize::Zeroizing;

use crate::arguments::{Home, OneSecret, SecretCommand, SecretVerb};
use crate::exit::Exit;
use crate::{output, serve};

pub(crate) async fn secret(
    home: &Home,
    command: &SecretCommand,
    as_json: bool,
) -> anyhow::Result<Exit> {
    // A home may be given its secrets before it is served for the first time.
    let options = match command.verb {
        SecretVerb::Set(_) => serve::options(home, Role::Operate)?,
        _ => serve::existing(home)?,
    };
    let named = match &command.verb {
        SecretVerb::Set(of) => Some(of),
        _ => None,
    };
    // Asked before anything is opened, which may take a moment.
    let value = named.map(|of| value_of(&format!("value of `{}`", of.name), SECRET_BYTES_MAX));
    let value = value.transpose()?;
    let host = Host::open(options).await?;
    let done = carry_out(&host, &command.verb, value, as_json).await;
    host.shutdown().await;
    done
}

async fn carry_out(
    host: &Host,
    verb: &SecretVerb,
    value: Option<Zeroizing<Vec<u8>>>,
    as_json: bool,
) -> anyhow::Result<Exit> {
    match verb {
        SecretVerb::Set(OneSecret { name, tenant }) => {
            let value = value.unwrap_or_default();
            host.sealed_secrets().set(tenant, name, value)?;
            if as_json {
                output::json(&json!({ "name": name, "tenant": tenant, "set": true }));
            } else {
                output::note(format!("the secret `{name}` of `{tenant}` is set"));
            }
            let all = host.secrets().await;
            let mut known = all.iter().filter(|one| one.source == "sealed in the home");
            if !known.any(|one| one.name == *name && one.tenant == *tenant) {
                output::note(
                    "nothing uses it yet: add a [[secret]] with `store = true` to tollgate.toml",
                );
            }
            Ok(Exit::Success)
        }
        SecretVerb::List => {
            let all = host.secrets().await;
            if as_json {
                output::json(&json!({ "secrets": all }));
            } else {
                output::secrets::table(&all);
            }
            Ok(match all.iter().any(|one| one.problem.is_some()) {
                true => Exit::Failure,
                false => Exit::Success,
            })
        }
        SecretVerb::Remove(OneSecret { name, tenant }) => {
            let removed = host.sealed_secrets().remove(tenant, name)?;
            anyhow::ensure!(
                removed,
                "tenant `{}` has no value named `{}` in this home",
                tollgate_policy::visible(tenant),
                tollgate_policy::visible(name)
            );
            if as_json {
                output::json(&json!({ "name": name, "tenant": tenant, "removed": true }));
            } else {
                output::note(format!("the secret `{name}` of `{tenant}` is removed"));
            }
            Ok(Exit::Success)
        }
    }
}

/// What Ctrl-C types. It ends the question, not the process, which would leave the
/// terminal blind.
const INTERRUPT: u8 = 3;

/// The value from standard input, to its end; in a terminal one line, unseen.
pub(crate) fn value_of(what: &str, bytes_max: usize) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let stdin = io::stdin();
    let mut value = Zeroizing::new(Vec::with_capacity(bytes_max + 4));
    if stdin.is_terminal() {
        output::note(format!(
            "{} (it is not shown):",
            tollgate_policy::visible(what)
        ));
        let _unseen = Unseen::new()?;
        // By bytes: a buffered reader would keep a copy.
        let mut byte = [0];
        while value.len() <= bytes_max && stdin.lock().read(&mut byte)? == 1 {
            anyhow::ensure!(byte[0] != INTERRUPT, "stopped; nothing was set");
            if byte[0] == b'\n' {
                break;
            }
            value.push(byte[0]);
        }
    } else {
        let most = bytes_max as u64 + 3;
        stdin.lock().take(most).read_to_end(&mut value)?;
    }
    Ok(value)
}

/// The terminal does not show what is typed while this lives.
struct Unseen(Termios);

impl Unseen {
    fn new() -> anyhow::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        tcsetattr(io::stdin(), OptionalActions::Now, &self.0).ok();
    }
}
