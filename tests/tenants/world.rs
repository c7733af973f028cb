//! A host with two tenants, its faces on loopback, and the server that both use.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::{Client, Method, Response};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tollgate_policy::Place;
use tollgate_runtime::{Compiler, Host, HostOptions, Role, SecretEntry, SecretSource, Slot};
use tollgate_server::FaceOptions;
use tollgate_tests::{component, pinned};
use zeroize::Zeroizing;

use crate::canary::{Canaries, Kind};
use crate::manifests;
use crate::server::Server;
use crate::tenant::Tenant;

pub(crate) struct World {
    pub(crate) home: TempDir,
    pub(crate) host: Host,
    pub(crate) server: Server,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) client: Client,
    pub(crate) url: String,
    faces: JoinHandle<()>,
}

impl World {
    pub(crate) async fn open(all: &[Canaries]) -> Self {
        let home = TempDir::new().unwrap();
        let server = Server::open(all).await;
        let host = host(&home, all, server.address).await;
        let mut tenants = Vec::new();
        for number in 0..all.len() {
            install(&host, &home, &all[number], server.address).await;
            tenants.push(Tenant::enter(&host, all, number).await);
        }
        orders(&home, all).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let options = FaceOptions::at(url.clone());
        let router = tollgate_server::router(Arc::new(host.clone()), &options).unwrap();
        let faces = tokio::spawn(async move {
            let serving = tollgate_server::serve(listener, router, std::future::pending());
            serving.await.unwrap();
        });
        // The pages answer a sign-in with a redirection, and its cookie counts.
        let policy = reqwest::redirect::Policy::none();
        let client = Client::builder().no_proxy().redirect(policy);
        Self {
            home,
            host,
            server,
            tenants,
            client: client.build().unwrap(),
            url,
            faces,
        }
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        token: &str,
    ) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.request(method, url).bearer_auth(token)
    }

    pub(crate) fn folder(&self, tenant: &Tenant) -> PathBuf {
        self.home.path().join("data").join(tenant.name().as_str())
    }

    pub(crate) async fn close(self) {
        self.faces.abort();
        self.host.shutdown().await;
    }
}

/// Status, headers and body of an answer, without what differs by time alone.
pub(crate) async fn whole(answer: Response) -> String {
    let status = answer.status();
    let mut headers = answer.headers().clone();
    headers.remove("date");
    let body = answer.text().await.unwrap();
    format!("{status} {headers:?}\n{body}")
}

/// The same name of a secret for all; the values are sealed in the home.
async fn host(home: &TempDir, all: &[Canaries], server: SocketAddr) -> Host {
    let options = HostOptions::new(home.path(), Compiler::InProcess, Role::Operate);
    let operating = Host::open(options.clone()).await.unwrap();
    let secrets = all.iter().map(|own| {
        let value = Zeroizing::new(own.of(Kind::Credential).as_bytes().to_vec());
        let (tenant, name) = (own.of(Kind::Name), "desk-token");
        operating.sealed_secrets().set(tenant, name, value).unwrap();
        SecretEntry {
            slot: Slot {
                name: name.to_owned(),
                tenant: tenant.to_owned(),
                origin: format!("http://{server}"),
                place: Place::Header("authorization".to_owned()),
                resources: Vec::new(),
            },
            source: SecretSource::Sealed,
        }
    });
    let secrets = secrets.collect();
    operating.shutdown().await;
    let role = Role::Serve;
    let options = HostOptions {
        secrets,
        role,
        ..options
    };
    Host::open(options).await.unwrap()
}

async fn install(host: &Host, home: &TempDir, own: &Canaries, server: SocketAddr) {
    let folder = home
        .path()
        .join("data")
        .join(own.of(Kind::Name))
        .join("box");
    std::fs::create_dir_all(folder.join("folder")).unwrap();
    std::fs::write(folder.join("given.txt"), own.of(Kind::File)).unwrap();
    for (guest, manifest) in [
        ("hostile", manifests::hostile(own)),
        ("caller", manifests::caller(own, server)),
        ("handover", manifests::handover(own)),
    ] {
        let component = component(&format!("tests/guests/{guest}"));
        let manifest = pinned(&manifest, &component);
        let installed = host.install("m", &manifest, &component.bytes, "operator");
        installed.await.unwrap_or_else(|error| panic!("{error}"));
    }
    let workflow = manifests::workflow(own);
    let installed = host.install_workflow("workflow.toml", &workflow, "operator", false);
    installed.await.unwrap_or_else(|error| panic!("{error}"));
}

/// Both tenants' rows, one after the other.
async fn orders(home: &TempDir, all: &[Canaries]) {
    let path = home.path().join("data/orders.db");
    let options = SqliteConnectOptions::new().filename(path);
    let mut database = options.create_if_missing(true).connect().await.unwrap();
    let mut text = manifests::TABLE.to_owned();
    for _ in 0..5 {
        for own in all {
            let (row, tenant) = (own.of(Kind::Row), own.of(Kind::Name));
            text.push_str(&format!(
                "INSERT INTO orders (customer, status, tenant) VALUES ('{row}', 'open', '{tenant}');"
            ));
        }
    }
    let run = sqlx::raw_sql(AssertSqlSafe(text));
    run.execute(&mut database).await.unwrap();
}
