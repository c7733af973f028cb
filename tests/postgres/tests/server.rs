//! What a private server promises to tests.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sqlx::{Connection, PgConnection};
use tollgate_test_postgres::{PrivatePostgres, execute};

async fn count(url: &str) -> Result<i64, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let select = "SELECT count(*) FROM kept";
    sqlx::query_scalar(select).fetch_one(&mut connection).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_refuses_and_has_its_data_when_it_is_back() {
    let Some(server) = PrivatePostgres::start().await else {
        return;
    };
    let url = server.create_database().await;
    execute(&url, "CREATE TABLE kept (n INT)").await;
    execute(&url, "INSERT INTO kept VALUES (1), (2)").await;
    server.stop().await;
    assert!(count(&url).await.is_err());
    server.resume().await;
    assert_eq!(count(&url).await.unwrap(), 2);
    server.restart().await;
    assert_eq!(count(&url).await.unwrap(), 2);
    let other = server.create_database().await;
    assert!(count(&other).await.is_err(), "databases are apart");
}
