//! A server that goes away, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tollgate_store::{
    EventKind, Location, ManualClock, PostgresOptions, PostgresStore, PrincipalKind, PrincipalRow,
    RecordFilter, RoutedStore, Store, StoreError, Unavailable, open_store,
};
use tollgate_test_postgres::{PrivatePostgres, execute};

use crate::support::{Bench, NOW, named, postgres_options, records, submission};

async fn private() -> Option<(PrivatePostgres, String, Arc<dyn Store>)> {
    let server = PrivatePostgres::start().await?;
    let url = server.create_database().await;
    let options = PostgresOptions {
        settle_within: Duration::from_secs(2),
        ..postgres_options(&Arc::new(ManualClock::at(NOW)))
    };
    let store = PostgresStore::open(&url, options).await.unwrap();
    Some((server, url, Arc::new(store)))
}

/// More than a store has connections: each of them is found dead once.
const ASKS: usize = 64;

fn is_unavailable(error: &StoreError) -> bool {
    error.is_unavailable()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_said_to_be_and_service_resumes_by_itself() {
    let Some((server, _, store)) = private().await else {
        return;
    };
    let append = || store.append(submission(records("acme", "r", 3), vec![]));
    append().await.unwrap();
    let mut events = store.events();
    server.stop().await;
    let refused = append().await.unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::Unavailable {
                why: Unavailable::Io,
                ..
            }
        ),
        "{refused}"
    );
    assert!(is_unavailable(&store.heads().await.unwrap_err()));
    assert!(is_unavailable(
        &store.claim_lapsed("h", 1_000, 1).await.unwrap_err()
    ));
    server.resume().await;
    assert_eq!(append().await.unwrap().first_seq, 3);
    assert_eq!(
        store.verify(&named("acme")).await.unwrap().unwrap().count,
        6
    );
    assert_eq!(events.recv().await.unwrap().what, EventKind::Missed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_two_calls_is_not_noticed() {
    let Some((server, _, store)) = private().await else {
        return;
    };
    for round in 0..3 {
        let appended = store.append(submission(records("acme", "r", 2), vec![]));
        assert_eq!(appended.await.unwrap().first_seq, round * 2);
        assert_eq!(store.heads().await.unwrap().len(), 1);
        server.restart().await;
    }
    assert_eq!(store.heads().await.unwrap().len(), 1);
}

/// What every appender was told holds: who heard "kept" is there once, who heard
/// "not kept" is not there, also where the server went away during a commit.
#[tokio::test(flavor = "multi_thread")]
async fn restarts_in_the_middle_of_appends_leave_nothing_half_kept_and_no_wrong_answer() {
    let Some((server, url, store)) = private().await else {
        return;
    };
    let appenders = (0..12).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            let (mut kept, mut lost, mut open) = (Vec::new(), Vec::new(), 0);
            let mut round = 0;
            // Enough rounds that every restart falls among them.
            while round < 150 {
                let run = format!("run-{task}-{round}");
                match store
                    .append(submission(records("acme", &run, 2), vec![]))
                    .await
                {
                    Ok(_) => kept.push(run),
                    Err(StoreError::Unsettled { .. }) => open += 1,
                    Err(error) => {
                        assert!(error.is_unavailable(), "{error}");
                        lost.push(run);
                    }
                }
                round += 1;
            }
            (kept, lost, open)
        })
    });
    let appenders: Vec<_> = appenders.collect();
    for _ in 0..4 {
        let before = store_count(&url).await;
        // Not before some more were kept, so that it falls among appends.
        while store_count(&url).await < before + 40 && appenders.iter().any(|a| !a.is_finished()) {
            tokio::task::yield_now().await;
        }
        server.restart().await;
    }
    let (mut kept, mut lost, mut open) = (Vec::new(), Vec::new(), 0);
    for appender in appenders {
        let (mine, gone, unknown) = appender.await.unwrap();
        kept.extend(mine);
        lost.extend(gone);
        open += unknown;
    }
    let verified = store.verify(&named("acme")).await.unwrap().unwrap();
    let count = async |run: &str| {
        let filter = RecordFilter {
            run: Some(run.to_owned()),
            ..RecordFilter::default()
        };
        store.records(&named("acme"), &filter).await.unwrap().len()
    };
    for run in &kept {
        assert_eq!(count(run).await, 2, "{run} was acknowledged");
    }
    for run in &lost {
        assert_eq!(count(run).await, 0, "{run} was said not to be kept");
    }
    let known = 2 * kept.len() as u64;
    assert!((known..=known + 2 * open).contains(&verified.count));
}

async fn store_count(url: &str) -> u64 {
    use sqlx::Connection;
    let Ok(mut connection) = sqlx::PgConnection::connect(url).await else {
        return 0;
    };
    let select = "SELECT coalesce(max(count), 0) FROM tenants";
    let count: Result<i64, _> = sqlx::query_scalar(select).fetch_one(&mut connection).await;
    u64::try_from(count.unwrap_or(0)).unwrap()
}

/// The connection is cut exactly while the commit waits for its answer: the
/// commit waits for a lock that another session holds, and is then let go.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_looked_up_and_not_made_twice() {
    let Some((_server, url, store)) = private().await else {
        return;
    };
    let append = |run: &str| store.append(submission(records("acme", run, 1), vec![]));
    append("first").await.unwrap();
    // The commit itself runs this, and waits in it while the lock is held.
    execute(
        &url,
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON records
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();",
    )
    .await;
    use sqlx::{Connection, Executor};
    for (killed, kept) in [(true, "second"), (false, "third")] {
        let mut holder = sqlx::PgConnection::connect(&url).await.unwrap();
        holder.execute("SELECT pg_advisory_lock(7)").await.unwrap();
        let appending = tokio::spawn({
            let store = store.clone();
            let records = records("acme", kept, 1);
            async move { store.append(submission(records, vec![])).await }
        });
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&mut holder)
            .await
            .unwrap()
            == 0
        {
            tokio::task::yield_now().await;
        }
        if killed {
            let kill = "SELECT pg_terminate_backend(pid) FROM pg_locks
                        WHERE locktype = 'advisory' AND NOT granted";
            holder.execute(kill).await.unwrap();
        }
        holder.close().await.unwrap();
        // Ended before its commit: it is undone, looked up, and made once more.
        assert_eq!(appending.await.unwrap().unwrap().count, 1);
    }
    let verified = store.verify(&named("acme")).await.unwrap().unwrap();
    assert_eq!(verified.count, 3);
}

/// The commit of two is kept and waits for a standby that never comes; there the
/// server goes away for longer than its fate is asked for.
#[tokio::test]
async fn a_commit_whose_fate_is_not_known_is_not_written_again_one_by_one() {
    let Some((server, url, store)) = private().await else {
        return;
    };
    let append = |run: &str| store.append(submission(records("acme", run, 1), vec![]));
    append("first").await.unwrap();
    execute(
        &url,
        "ALTER SYSTEM SET synchronous_standby_names = 'nobody'",
    )
    .await;
    execute(&url, "SELECT pg_reload_conf()").await;
    use sqlx::{Connection, Executor};
    let mut looking = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut waiting = async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        let waiting = sqlx::query_scalar::<_, i64>(waiting);
        waiting.fetch_one(&mut looking).await.unwrap()
    };
    // The setting counts from the first commit on that waits.
    let mut probe = sqlx::PgConnection::connect(&url).await.unwrap();
    let probe =
        tokio::spawn(
            async move { while probe.execute("SELECT pg_current_xact_id()").await.is_ok() {} },
        );
    while waiting().await == 0 {
        tokio::task::yield_now().await;
    }
    // On one thread both are asked for before the writer gets its turn.
    let stopping = async {
        while waiting().await < 2 {
            tokio::task::yield_now().await;
        }
        server.stop().await;
    };
    let (second, third, ()) = tokio::join!(append("second"), append("third"), stopping);
    for answer in [second, third] {
        let error = answer.unwrap_err();
        assert!(matches!(error, StoreError::Unsettled { .. }), "{error}");
    }
    probe.await.unwrap();
    server.resume().await;
    assert_eq!(
        store.verify(&named("acme")).await.unwrap().unwrap().count,
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stopped_in_the_middle_of_a_transaction_blocks_others_only_briefly() {
    let Some((_server, url, store)) = private().await else {
        return;
    };
    let append = || store.append(submission(records("acme", "r", 1), vec![]));
    append().await.unwrap();
    use sqlx::{Connection, Executor};
    let mut paused = sqlx::PgConnection::connect(&url).await.unwrap();
    // As the store sets its own connections up.
    paused
        .execute("SET idle_in_transaction_session_timeout = 2000; BEGIN")
        .await
        .unwrap();
    paused
        .execute("SELECT * FROM tenants FOR UPDATE")
        .await
        .unwrap();
    assert_eq!(append().await.unwrap().first_seq, 1);
    let woken = paused.execute("UPDATE tenants SET count = 99").await;
    assert!(
        woken.is_err(),
        "its locks are gone, so it may write nothing"
    );
    assert_eq!(
        store.verify(&named("acme")).await.unwrap().unwrap().count,
        2
    );
}

/// Between a store and its server; what it was told to swallow is swallowed, in
/// both directions and without a word, as by a network that drops packets.
struct Wire {
    folder: tempfile::TempDir,
    /// Connections with a smaller number are swallowed.
    swallowed: tokio::sync::watch::Sender<u64>,
    made: Arc<AtomicU64>,
}

impl Wire {
    fn to(url: &str) -> (Self, String) {
        let (rest, server) = url.split_once("?host=").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("{rest}?host={}", folder.path().display());
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let server = std::path::Path::new(server).join(".s.PGSQL.5432");
        let (swallowed, swallowing) = tokio::sync::watch::channel(0);
        let made = Arc::new(AtomicU64::new(0));
        let numbers = made.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = numbers.fetch_add(1, Ordering::SeqCst);
                let far = UnixStream::connect(&server).await.unwrap();
                let (near_out, near_in) = near.into_split();
                let (far_out, far_in) = far.into_split();
                tokio::spawn(pass(near_out, far_in, number, swallowing.clone()));
                tokio::spawn(pass(far_out, near_in, number, swallowing.clone()));
            }
        });
        let wire = Self {
            folder,
            swallowed,
            made,
        };
        (wire, url)
    }

    fn cut(&self) {
        self.swallowed.send_replace(u64::MAX);
    }

    /// New connections reach the server. What was swallowed stays so.
    fn heal(&self) {
        let made = self.made.load(Ordering::SeqCst);
        self.swallowed.send_replace(made);
        assert!(self.folder.path().exists());
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    mut swallowing: tokio::sync::watch::Receiver<u64>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let open = swallowing
            .wait_for(|before| *before <= number)
            .await
            .is_ok();
        if !open || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_vanished_without_a_word_holds_up_leases_and_looks_only_briefly() {
    let Some(server) = PrivatePostgres::shared().await else {
        return;
    };
    let (wire, url) = Wire::to(&server.create_database().await);
    let store = PostgresStore::open(&url, PostgresOptions::default()).await;
    let store = store.unwrap();
    store
        .append(submission(records("acme", "r", 1), vec![]))
        .await
        .unwrap();
    let ask = async || {
        tokio::join!(
            store.heads(),
            store.due_approvals(9),
            store.claim_lapsed("h", 1_000, 1),
            store.renew_leases("h", 1_000),
        )
    };
    assert!(ask().await.0.is_ok());
    wire.cut();
    // Some of these find connections that stood a moment ago, some find none.
    // They end by the store's own limits; here only whether they end at all.
    let asked = tokio::time::timeout(Duration::from_secs(120), ask());
    let (heads, due, claimed, renewed) = asked.await.unwrap();
    let failed = [heads.err(), due.err(), claimed.err(), renewed.err()];
    for error in failed {
        assert!(is_unavailable(&error.unwrap()));
    }
    wire.heal();
    // What will never be answered is dropped: its place is free for another. How
    // many asks that takes depends on which connections they are given.
    let mut back = None;
    for _ in 0..ASKS {
        let (heads, due, claimed, renewed) = ask().await;
        if let (Ok(heads), Ok(_), Ok(_), Ok(_)) = (heads, due, claimed, renewed) {
            back = Some(heads);
            break;
        }
    }
    assert_eq!(back.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_one_database_knows_does_not_wait_for_another_that_vanished() {
    let Some(server) = PrivatePostgres::shared().await else {
        return;
    };
    let (wire, url) = Wire::to(&server.create_database().await);
    let options = postgres_options(&Arc::new(ManualClock::at(NOW)));
    let vanished = Arc::new(PostgresStore::open(&url, options).await.unwrap());
    let bench = Bench::new().await;
    let person = PrincipalRow {
        id: "person:mira".into(),
        tenant: named("acme"),
        name: "Mira".into(),
        kind: PrincipalKind::Person,
        groups: vec![],
        token_hash: [1; 32],
        created_ms: NOW,
        revoked_ms: None,
        public_key: None,
        oidc: None,
        password: None,
    };
    bench.store.put_principal(person).await.unwrap();
    let placed: [(String, Arc<dyn Store>); 1] = [("beta".into(), vanished.clone())];
    let routed = RoutedStore::new(bench.store.clone(), placed.into());
    wire.cut();
    tokio::select! {
        biased;
        found = routed.principal_by_token_hash(&[1; 32]) => {
            assert_eq!(found.unwrap().unwrap().tenant, "acme");
        }
        _ = vanished.heads() => panic!("the token was known all the time"),
    }
    // Whether this one counts, the other database might know.
    let unknown = routed.principal_by_token_hash(&[2; 32]).await;
    assert!(is_unavailable(&unknown.unwrap_err()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let Some(bench) = Bench::on_postgres().await else {
        return;
    };
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (99, 'later', TRUE, '\\x00', 0)";
    execute(bench.url(), newer).await;
    let refused = PostgresStore::open(bench.url(), PostgresOptions::default()).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::SchemaTooNew {
                found: 99,
                known: 1..99,
                ..
            }
        ),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_start_together_on_an_empty_database_make_one_schema() {
    let Some(server) = PrivatePostgres::shared().await else {
        return;
    };
    let location: Location = server.create_database().await.parse().unwrap();
    let open = || {
        let location = location.clone();
        tokio::spawn(async move { open_store(&location, None).await })
    };
    for open in [open(), open(), open()] {
        let store = open.await.unwrap().unwrap();
        let append = store.append(submission(records("acme", "r", 1), vec![]));
        append.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_means_durable_also_where_the_database_says_otherwise() {
    let Some(server) = PrivatePostgres::shared().await else {
        return;
    };
    let url = server.create_database().await;
    let name = url.split(['/', '?']).nth(3).unwrap();
    execute(
        &url,
        &format!("ALTER DATABASE {name} SET synchronous_commit = off"),
    )
    .await;
    let store = PostgresStore::open(&url, PostgresOptions::default()).await;
    let store = store.unwrap();
    execute(
        &url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF current_setting('synchronous_commit') = 'off' THEN RAISE 'not durable'; END IF;
            RETURN NULL; END $$;
         CREATE TRIGGER refuse AFTER INSERT ON records EXECUTE FUNCTION refuse();",
    )
    .await;
    let append = store.append(submission(records("acme", "r", 1), vec![]));
    append.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_shows_the_password() {
    let Some(server) = PrivatePostgres::start().await else {
        return;
    };
    let url = server.url();
    let password = url.split([':', '@']).nth(2).unwrap().to_owned();
    server.stop().await;
    let refused = PostgresStore::open(&url, PostgresOptions::default()).await;
    let shown = format!("{0} {0:?}", refused.unwrap_err());
    assert!(!shown.contains(&password), "{shown}");
    let wrong = url.replace("@localhost", "@localhost:no-port");
    let refused = PostgresStore::open(&wrong, PostgresOptions::default()).await;
    let shown = format!("{0} {0:?}", refused.unwrap_err());
    assert!(!shown.contains(&password), "{shown}");
}
