//! A connector whose credential is a token by OAuth client credentials, through a real
//! host and a real token server, over TLS with a certificate that the grant names.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use serde_json::json;
use tollgate_live::{OAuthServer, live, tell};
use tollgate_tests::installed::{Installed, Secret, at};

/// The connector `chat`, whose look-up of people is a plain read, with a client's
/// secret and with or without the server's certificate.
async fn opened(server: &OAuthServer, secret: &str, trusted: bool) -> Installed {
    let base_url = format!("{}/api", server.origin());
    let place = format!("oauth = true\nresource = {:?}", server.origin());
    let secret = Secret {
        name: "slack-token",
        base_url: &base_url,
        place: &place,
        value: secret,
    };
    Installed::open("chat", "manifest.toml", |manifest, home| {
        secret.keep(home);
        at(manifest, "chat", &base_url);
        let grant = manifest["grant"]["http"]["chat"].as_table_mut().unwrap();
        let oauth = format!(
            "secret = \"slack-token\"\n[oauth]\ntoken_url = \"{}/token\"\nclient_id = \"tollgate\"\nscopes = [\"users:read\"]",
            server.origin()
        );
        grant.insert("credential".to_owned(), toml::Value::Table(oauth.parse().unwrap()));
        if trusted {
            std::fs::write(home.join("roots.pem"), server.root()).unwrap();
            grant.insert("roots".to_owned(), "roots.pem".into());
        }
    })
    .await
}

live! {
    "live: needs oidc-provider from npm",
    async fn tokens_are_bought_kept_and_bought_again_when_they_are_refused() {
        let server = OAuthServer::start().await?;
        let house = opened(&server, server.secret(), true).await;
        let ask = || json!({ "email": "carol@example.com" });
        for _ in 0..2 {
            let (_, found) = house.done("find_user", ask()).await;
            assert_eq!(found["people"][0]["id"], "U0CAROL0001");
        }
        assert_eq!((server.said("issued for users:read"), server.said("api 200")), (1, 2));
        // The API takes the token no more; the next call has another one.
        assert_eq!(house.fails("find_user", ask()).await.0, "denied");
        let (_, found) = house.done("find_user", ask()).await;
        assert_eq!(found["people"][0]["id"], "U0CAROL0001");
        assert_eq!((server.said("issued"), server.said("api 401")), (2, 1));
        tell(&format!("oidc-provider {}", server.version()), "client credentials over TLS", Some(server.needs()));
        house.close().await;
        Ok(())
    }
}

live! {
    "live: needs oidc-provider from npm",
    async fn a_wrong_secret_buys_nothing_and_an_unknown_certificate_is_not_spoken_to() {
        let server = OAuthServer::start().await?;
        let ask = || json!({ "email": "carol@example.com" });
        let wrong = "another-secret-of-the-client";
        let house = opened(&server, wrong, true).await;
        let (kind, message) = house.fails("find_user", ask()).await;
        assert!(!message.contains(wrong), "{kind}: {message}");
        house.close().await;
        let house = opened(&server, server.secret(), false).await;
        house.fails("find_user", ask()).await;
        house.close().await;
        assert_eq!((server.said("issued"), server.said("api")), (0, 0));
        assert_eq!(server.said("refused: invalid_client"), 1, "the one with the certificate");
        Ok(())
    }
}
