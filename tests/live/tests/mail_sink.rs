//! The harness and the judge of the mail sink.

use tollgate_live::{Error, MailSink, MailSinkClient, live};

/// Sends by Python's own client.
const SEND: &str = "
import smtplib, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as smtp:
    if len(sys.argv) > 2: smtp.login(*sys.argv[2:])
    smtp.sendmail('desk@example.com', ['carol@example.net'],
        'From: desk@example.com\\r\\nTo: carol@example.net\\r\\nSubject: Your order\\r\\n\\r\\nOn its way')
";

async fn send(server: &MailSink, login: &[&str]) -> Result<bool, Error> {
    let mut python = tokio::process::Command::new("python3");
    python
        .args(["-c", SEND, &server.smtp().to_string()])
        .args(login);
    let done = python.output().await;
    let done = done.unwrap_or_else(|error| panic!("python3: {error}"));
    Ok(done.status.success())
}

async fn subjects(judge: &MailSinkClient) -> Result<Vec<String>, Error> {
    let all = judge.messages().await?;
    let subjects = all
        .iter()
        .map(|mail| mail["subject"].as_str().unwrap_or_default());
    Ok(subjects.map(str::to_owned).collect())
}

live! {
    "live: needs MailDev from npm",
    async fn the_judge_reads_what_arrived() {
        let server = MailSink::start().await?;
        let judge = server.client()?;
        assert!(send(&server, &[]).await?);
        assert_eq!(subjects(&judge).await?, ["Your order"]);
        let mail = judge.messages().await?.remove(0);
        assert_eq!(mail["envelope"]["to"][0]["address"], "carol@example.net");
        assert!(judge.source(&mail).await?.contains("On its way"));
        server.needs().print("MailDev", server.version());
        Ok(())
    }
}

live! {
    "live: needs MailDev from npm",
    async fn without_the_password_nothing_is_taken() {
        let server = MailSink::start_with(Some(("desk", "live-test-password"))).await?;
        let judge = server.client()?;
        assert!(!send(&server, &[]).await?);
        assert!(!send(&server, &["desk", "wrong"]).await?);
        assert!(subjects(&judge).await?.is_empty());
        assert!(send(&server, &["desk", "live-test-password"]).await?);
        assert_eq!(subjects(&judge).await?.len(), 1);
        Ok(())
    }
}
