//! People who sign in at a real provider of OpenID Connect, over TLS with a certificate
//! that the settings name, and decide on a held call at the pages of a real host.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use reqwest::{Certificate, Client, Response, StatusCode, Url, header, redirect};
use serde_json::json;
use tokio::net::TcpListener;
use tollgate_live::{OAuthServer, live, tell};
use tollgate_runtime::{
    LogFilter, Principal, PrincipalKind, Registration, RunState, SETTINGS_FILE, Tenant,
};
use tollgate_server::{FaceOptions, router, serve};
use tollgate_tests::installed::Installed;
use tollgate_tests::named;

/// What a browser does that matters here: cookies by origin, and no redirect unseen.
struct Browser {
    client: Client,
    cookies: HashMap<String, HashMap<String, String>>,
}

impl Browser {
    fn new(root: &str) -> Self {
        let root = Certificate::from_pem(root.as_bytes()).unwrap();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .tls_certs_only([root])
            .no_proxy();
        Self {
            client: client.build().unwrap(),
            cookies: HashMap::new(),
        }
    }

    async fn send(&mut self, url: &Url, form: Option<&[(&str, &str)]>) -> Response {
        let origin = url.origin().ascii_serialization();
        let jar = self.cookies.entry(origin.clone()).or_default();
        let cookies: Vec<_> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = match form {
            None => self.client.get(url.clone()),
            Some(fields) => {
                let body = Url::parse_with_params("http://form.example", fields).unwrap();
                let sent = self.client.post(url.clone()).header(header::ORIGIN, origin);
                sent.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(body.query().unwrap_or_default().to_owned())
            }
        };
        let request = request.header(header::COOKIE, cookies.join("; "));
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            jar.insert(name.to_owned(), value.to_owned());
        }
        response
    }

    /// Sign in at the provider by this name, as its pages want it, and come back: the
    /// host's last page.
    async fn sign_in(&mut self, gate: &Url, name: &str) -> (Url, Response) {
        let mut at = gate.join("/login/oidc?next=").unwrap();
        let mut response = self.send(&at, None).await;
        for _ in 0..20 {
            if let Some(to) = response.headers().get(header::LOCATION) {
                at = at.join(to.to_str().unwrap()).unwrap();
                response = self.send(&at, None).await;
                continue;
            }
            if at.origin() == gate.origin() {
                return (at, response);
            }
            let page = response.text().await.unwrap();
            let prompt = if page.contains("value=\"login\"") {
                "login"
            } else {
                "consent"
            };
            let typed = [("prompt", prompt), ("login", name), ("password", "any")];
            response = self.send(&at, Some(&typed)).await;
        }
        panic!("no end at {at}");
    }

    async fn page(&mut self, url: &Url) -> String {
        self.send(url, None).await.text().await.unwrap()
    }
}

/// The settings of a home whose people sign in at this provider.
fn settings(home: &Path, server: &OAuthServer, gate: &Url) {
    let (origin, issuer) = (server.origin(), server.origin());
    let own = gate.origin().ascii_serialization();
    let text = format!(
        "public_url = \"{own}\"\n\
         [[secret]]\nname = \"sign-in\"\norigin = \"{origin}\"\noauth = true\n\
         resource = \"{own}\"\nfile = \"secret\"\n\
         [oidc]\nissuer = \"{issuer}\"\nclient_id = \"gate\"\nclient_secret = \"sign-in\"\n\
         scopes = [\"groups\"]\ngroups_claim = \"groups\"\naddresses = [\"127.0.0.1\"]\n\
         roots = \"roots.pem\"\n[oidc.groups]\noffice = \"gate-office\"\n"
    );
    for (file, text) in [
        ("roots.pem", server.root()),
        ("secret", server.secret()),
        (SETTINGS_FILE, text.as_str()),
    ] {
        std::fs::write(home.join(file), text).unwrap();
        std::fs::set_permissions(home.join(file), Permissions::from_mode(0o600)).unwrap();
    }
}

/// The connector `spreadsheet`, whose new files a person of the office looks at.
async fn opened(server: &OAuthServer, gate: &Url) -> Installed {
    Installed::open("spreadsheet", "manifest.toml", |manifest, home| {
        std::fs::create_dir_all(home.join("data/tracker")).unwrap();
        let rule = "name = \"new-files\"\ntool = \"create\"\nthen = { require = \"files\" }\n\
                    reason = \"a person looks\"";
        let rule: toml::Table = rule.parse().unwrap();
        manifest["rule"].as_array_mut().unwrap().push(rule.into());
        let approval = "[files]\napprovers = [\"group:office\"]\ndecide_within = \"1h\"\n\
                        execute_within = \"1h\"";
        let approval: toml::Table = approval.parse().unwrap();
        manifest.insert("approval".to_owned(), approval.into());
        settings(home, server, gate);
    })
    .await
}

fn person(name: &str) -> Principal {
    Principal {
        identified: Default::default(),
        tenant: named("default"),
        name: name.to_owned(),
        kind: PrincipalKind::Person,
        groups: vec!["office".to_owned()],
    }
}

/// What a page's form carries beside its buttons.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

live! {
    "live: needs oidc-provider from npm",
    async fn a_person_signs_in_at_the_provider_and_decides() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = format!("http://{}", listener.local_addr().unwrap());
        let server = OAuthServer::start_for(&format!("{gate}/login/oidc/callback")).await?;
        let gate: Url = gate.parse().unwrap();
        let house = opened(&server, &gate).await;
        let host = house.host().clone();
        for (name, subject) in [("mira", "mira-at-the-provider"), ("noor", "noor")] {
            let with = Registration { oidc: Some(subject), ..Registration::default() };
            host.register(&person(name), &with).await.unwrap();
        }
        let faces = FaceOptions::at(gate.as_str());
        let routes = router(Arc::new(host.clone()), &faces).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(serve(listener, routes, async { drop(stopped.await) }));

        let create = json!({ "file": "cases.xlsx", "columns": [{ "name": "case" }] });
        let held = house.call("create", create).await;
        assert_eq!(held.state, RunState::Held, "{held:?}");
        let approval = held.pending.as_ref().unwrap().approval.clone();
        let card = gate.join(&format!("/approvals/{approval}")).unwrap();
        let inbox = gate.join("/").unwrap();

        // Whom the operator does not know is nobody, whatever the provider says.
        let mut stranger = Browser::new(server.root());
        let (_, page) = stranger.sign_in(&gate, "stranger").await;
        assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
        assert!(page.text().await.unwrap().contains("sub:stranger"));
        // Whom the provider has taken out of the group may look, and not decide.
        let mut noor = Browser::new(server.root());
        noor.sign_in(&gate, "noor").await;
        assert!(!noor.page(&inbox).await.contains(&approval));

        let mut mira = Browser::new(server.root());
        let (callback, page) = mira.sign_in(&gate, "mira-at-the-provider").await;
        assert_eq!(page.status(), StatusCode::OK, "{}", page.text().await.unwrap());
        let answer: HashMap<_, _> = callback.query_pairs().into_owned().collect();
        assert_eq!(answer["iss"], server.origin(), "it announces RFC 9207");
        assert!(mira.page(&inbox).await.contains(&approval));
        let page = mira.page(&card).await;
        let (word, digest) = (hidden(&page, "word"), hidden(&page, "digest"));
        // Her own answer does not open a second session, and nobody else's browser one.
        let again = mira.send(&callback, None).await;
        assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
        let elsewhere = Browser::new(server.root()).send(&callback, None).await;
        assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED);

        let approve = gate.join(&format!("/approvals/{approval}/approve")).unwrap();
        let said = [("word", word.as_str()), ("digest", digest.as_str()), ("reason", "")];
        let decided = mira.send(&approve, Some(&said)).await;
        assert_eq!(decided.status(), StatusCode::SEE_OTHER, "{}", decided.text().await.unwrap());
        let done = host.run(&person("mira"), &held.run).await.unwrap();
        assert_eq!(done.state, RunState::Done, "{done:?}");
        let lines = host.log(&named("default"), LogFilter::default()).await.unwrap();
        let decision = lines.iter().find(|line| line.stage == "approval.decided").unwrap();
        let by = format!("oidc:{}", server.origin());
        assert_eq!(decision.facts["identified"], by.as_str());

        // The session is no longer than its person.
        host.revoke_principal(&Tenant::default(), "mira").await.unwrap();
        let page = mira.send(&inbox, None).await;
        assert_eq!(page.headers()[header::LOCATION], "/login");
        let (_, page) = mira.sign_in(&gate, "mira-at-the-provider").await;
        assert_eq!(page.status(), StatusCode::UNAUTHORIZED);

        tell(&format!("oidc-provider {}", server.version()), "sign-in over TLS, and a decision", Some(server.needs()));
        stop.send(()).unwrap();
        serving.await.unwrap().unwrap();
        house.close().await;
        Ok(())
    }
}
