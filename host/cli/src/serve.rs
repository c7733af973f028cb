//! Running a host, and giving out tokens.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use tokio::net::TcpListener;
use tollgate_runtime::{
    Compiler, Host, HostOptions, PASSWORD_BYTES_MAX, Principal, PrincipalKind, Registration, Role,
    Settings,
};
use tollgate_server::{FaceOptions, Gatekeeper, router, serve as serve_faces, serve_stdio};
use zeroize::Zeroizing;

use crate::arguments::{
    Home, Kind, NewPrincipal, OnePrincipal, PrincipalCommand, PrincipalVerb, Serve,
};
use crate::exit::Exit;
use crate::output;
use crate::secret;
use crate::signing;

/// Components are compiled by this program, in a process of its own.
pub(crate) fn compiler() -> anyhow::Result<Compiler> {
    let program = std::env::current_exe().context("this program's own file is not known")?;
    Ok(Compiler::Child {
        program,
        arguments: vec!["compile-component".to_owned()],
    })
}

/// A host in this home that compiles components with this very program. What is
/// said on the command line or in the environment counts before the home's
/// settings.
pub(crate) fn options(home: &Home, role: Role) -> anyhow::Result<HostOptions> {
    let compiler = compiler()?;
    let mut settings = Settings::of(&home.home)?;
    if let Some(store) = &home.store {
        settings.store.default = Some(store.location()?);
    }
    Ok(HostOptions {
        store: settings.store,
        retention: settings.retention,
        secrets: settings.secrets,
        triggers: settings.triggers,
        callbacks: settings.callbacks,
        queues: settings.queues,
        oidc: settings.oidc,
        databases: settings.databases,
        ..HostOptions::new(&home.home, compiler, role)
    })
}

/// The same for a folder that must be a host's already. A mistyped folder would
/// otherwise become a new host, whose empty journal verifies.
pub(crate) fn existing(home: &Home) -> anyhow::Result<HostOptions> {
    let options = options(home, Role::Operate)?;
    // A store elsewhere says nothing about the folder; its keys do.
    let is_home = match options.store.default {
        None => home.home.join("tollgate.db").is_file(),
        Some(_) => home.home.join("keys").is_dir(),
    };
    anyhow::ensure!(
        is_home,
        "{} is no home of a host; name it with --home or TOLLGATE_HOME",
        home.home.display()
    );
    Ok(options)
}

pub(crate) async fn serve(home: &Home, serve: &Serve) -> anyhow::Result<Exit> {
    let listener = TcpListener::bind(serve.listen)
        .await
        .with_context(|| format!("cannot listen on {}", serve.listen))?;
    let address = listener.local_addr()?;
    let url = serve
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let mut options = options(home, Role::Serve)?;
    options.retention = serve.retain.or(options.retention);
    let host = Host::open(options).await?;
    let mut faces = FaceOptions::at(&url);
    faces
        .allowed_hosts
        .extend(serve.allow_hosts.iter().cloned());
    let gatekeeper: Arc<dyn Gatekeeper> = Arc::new(host.clone());
    let routes = router(Arc::clone(&gatekeeper), &faces)?;
    // Before anybody is told: whoever reads that line may send the signal.
    let stopped = stop_signal()?;
    output::note(format!(
        "tollgate serves {url}  (MCP at {url}/mcp, approvals at {url}/)"
    ));
    let served = match (&serve.principal, serve.stdio) {
        (Some(name), true) => {
            let agent = Principal {
                identified: Default::default(),
                tenant: serve.tenant.clone(),
                name: name.clone(),
                kind: PrincipalKind::Agent,
                groups: Vec::new(),
            };
            let (end, ended) = tokio::sync::oneshot::channel();
            let web = tokio::spawn(serve_faces(listener, routes, async {
                let _ = ended.await;
            }));
            let spoken = tokio::select! {
                spoken = serve_stdio(gatekeeper, agent) => spoken,
                () = stopped => Ok(()),
            };
            // The client went away, or should: the pages go too.
            let _ = end.send(());
            let _ = web.await;
            spoken
        }
        _ => serve_faces(listener, routes, stopped).await,
    };
    host.shutdown().await;
    served?;
    Ok(Exit::Success)
}

/// Listens for a request to stop from now on; the answer resolves when one came.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let listening = |kind| signal(kind).context("cannot listen for signals");
    let mut interrupted = listening(SignalKind::interrupt())?;
    let mut terminated = listening(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// The longest name of a principal, bytes. People read it on every card.
const NAME_BYTES_MAX: usize = 64;

/// The attack: a name that looks like another's, or rewrites the line it is in.
fn named(name: &str) -> anyhow::Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@');
    anyhow::ensure!(
        (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits),
        "`{}` cannot be a name; use 1 to {NAME_BYTES_MAX} of a-z A-Z 0-9 - _ . @",
        tollgate_policy::visible(name)
    );
    Ok(())
}

pub(crate) async fn principal(
    home: &Home,
    command: &PrincipalCommand,
    as_json: bool,
) -> anyhow::Result<Exit> {
    match (&command.verb, &command.new) {
        (Some(PrincipalVerb::Password(one)), _) => password(home, one, as_json).await,
        (Some(PrincipalVerb::Revoke(one)), _) => revoke(home, one, as_json).await,
        (None, Some(new)) => register(home, new, as_json).await,
        (None, None) => anyhow::bail!("name a principal; see tollgate principal --help"),
    }
}

async fn password(home: &Home, one: &OnePrincipal, as_json: bool) -> anyhow::Result<Exit> {
    let OnePrincipal { name, tenant } = one;
    let options = existing(home)?;
    let typed = secret::value_of(&format!("the password of {name}"), PASSWORD_BYTES_MAX)?;
    let typed = std::str::from_utf8(&typed).context("a password is text, in UTF-8")?;
    // The end of a line belongs to the pipe, or to the file, that it came from.
    let typed = typed.strip_suffix('\n').unwrap_or(typed);
    let typed = typed.strip_suffix('\r').unwrap_or(typed);
    let host = Host::open(options).await?;
    let set = host.set_password(tenant, name, Zeroizing::new(typed.to_owned()));
    let set = set.await;
    host.shutdown().await;
    set?;
    said(one, "password_set", "has a password", as_json);
    Ok(Exit::Success)
}

async fn revoke(home: &Home, one: &OnePrincipal, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let revoked = host.revoke_principal(&one.tenant, &one.name).await;
    host.shutdown().await;
    revoked?;
    said(one, "revoked", "is revoked", as_json);
    Ok(Exit::Success)
}

fn said(one: &OnePrincipal, what: &str, words: &str, as_json: bool) {
    if as_json {
        output::json(&json!({ "name": one.name, "tenant": one.tenant, what: true }));
    } else {
        let (name, tenant) = (&one.name, &one.tenant);
        output::note(format!("`{name}` of `{tenant}` {words}"));
    }
}

async fn register(home: &Home, new: &NewPrincipal, as_json: bool) -> anyhow::Result<Exit> {
    named(&new.name)?;
    new.groups.iter().try_for_each(|group| named(group))?;
    let key = new.key.as_deref().map(signing::public_key).transpose()?;
    let host = Host::open(options(home, Role::Operate)?).await?;
    let principal = Principal {
        identified: Default::default(),
        tenant: new.tenant.clone(),
        name: new.name.clone(),
        kind: match new.kind {
            Kind::Person => PrincipalKind::Person,
            Kind::Agent => PrincipalKind::Agent,
            Kind::Service => PrincipalKind::Service,
        },
        groups: new.groups.clone(),
    };
    let with = Registration {
        key: key.as_ref(),
        oidc: new.oidc_subject.as_deref(),
    };
    let token = host.register(&principal, &with).await;
    host.shutdown().await;
    let token = token?;
    if as_json {
        output::json(&json!({ "principal": principal, "token": token }));
    } else {
        output::line(&token);
        output::note(format!(
            "this is the only time that the token of {} is shown",
            new.name
        ));
    }
    Ok(Exit::Success)
}
