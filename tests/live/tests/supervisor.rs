//! A server ends with the process that started it, in whatever way that ends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tollgate_live::{live, until};

live! {
    "live: needs MailDev from npm",
    async fn a_killed_test_leaves_no_server_and_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Command::new(env!("CARGO_BIN_EXE_tollgate-live"))
            .arg("mail-sink")
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let said = keeper.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut line).unwrap();
        let server: Value = serde_json::from_str(&line).unwrap();
        let address = server["origin"].as_str().unwrap().replace("http://", "");
        let is_up = || std::net::TcpStream::connect(&address).is_ok();
        let is_empty = || folder.path().read_dir().unwrap().next().is_none();
        assert!(is_up() && !is_empty());
        // SIGKILL: nothing of the process runs any more.
        keeper.kill().unwrap();
        keeper.wait().unwrap();
        // No process of ours is left that could say when it has ended.
        let gone = async || (!is_up() && is_empty()).then_some(());
        let gone = until(Duration::from_secs(20), gone).await;
        assert!(gone.is_some(), "still there: {address}");
        Ok(())
    }
}
