//! The pages of a real host, as a browser without script uses them.

use reqwest::header::{CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE};
use reqwest::{Response, StatusCode};
use serde_json::json;

use crate::shop::{Open, Shop, approval, http, refund};

/// A browser: keeps one cookie, says where its forms come from.
pub(crate) struct Browser<'a> {
    host: &'a Open,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// One that nobody has signed in with.
    pub(crate) fn new(host: &'a Open) -> Self {
        Self {
            host,
            cookie: String::new(),
        }
    }

    pub(crate) async fn sign_in(host: &'a Open, token: &str) -> Self {
        Self::sign_in_with(host, token, &[("token", token), ("next", "")]).await
    }

    /// Sign in with these fields, of which one is a `secret`.
    pub(crate) async fn sign_in_with(
        host: &'a Open,
        secret: &str,
        fields: &[(&str, &str)],
    ) -> Self {
        let mut browser = Self::new(host);
        let response = browser.post("/login", fields).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains(secret), "the cookie carries the secret");
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
        browser
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = http().get(format!("{}{path}", self.host.url));
        request.header("cookie", &self.cookie).send().await.unwrap()
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let policy = response.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned();
        for part in [
            "default-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["cache-control"], "no-store");
        response.text().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.post_from(&self.host.url, path, fields).await
    }

    async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Response {
        http()
            .post(format!("{}{path}", self.host.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", origin)
            .header("cookie", &self.cookie)
            .body(encoded(fields))
            .send()
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_reads_the_card_and_approves() {
    let shop = Shop::new();
    let host = shop.open();
    let words = "<script>alert(1)</script><img src=x onerror=alert(2)> pay \u{202e}00921\u{202c}";
    let call = json!({
        "connector": "database", "tool": "execute", "input": refund(12_900),
        "reason": words, "trigger": "\"><b>mail</b>", "case": "ticket-1",
    });
    let held = host.post(&shop.people.agent, "/v1/calls", &call).await.body;
    let card = format!("/approvals/{}", approval(&held));

    let stranger = http()
        .get(format!("{}{card}", host.url))
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status(), StatusCode::SEE_OTHER);
    assert!(
        stranger.headers()[LOCATION]
            .to_str()
            .unwrap()
            .starts_with("/login")
    );

    let mira = Browser::sign_in(&host, &shop.people.mira).await;
    let inbox = mira.page("/").await;
    assert!(
        inbox.contains("Refund 12900 cents for order 1042"),
        "{inbox}"
    );
    assert!(inbox.contains(&format!("href=\"{card}\"")), "{inbox}");
    let page = mira.page(&card).await;
    for markup in ["<script", "<img", "<b>mail"] {
        assert!(!page.contains(markup), "{markup} reached the page");
    }
    assert!(
        !page.contains('\u{202e}'),
        "text can still turn itself around"
    );
    assert!(page.contains("⟨U+202E⟩"), "{page}");
    assert!(page.contains("Unverified, written by the agent"));

    let (word, digest) = (hidden(&page, "word"), hidden(&page, "digest"));
    let approve = format!("{card}/approve");
    let fields = [("word", word.as_str()), ("digest", digest.as_str())];
    for forged in [
        mira.post_from("https://attacker.test", &approve, &fields)
            .await,
        mira.post(&approve, &[("word", "guess"), ("digest", &digest)])
            .await,
        mira.post(&approve, &[("digest", &digest)]).await,
    ] {
        assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    }
    let bare = http()
        .post(format!("{}{approve}", host.url))
        .header("cookie", &mira.cookie);
    let bare = bare
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encoded(&fields));
    assert_eq!(bare.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let other = mira
        .post(&approve, &[("word", &word), ("digest", "sha256:0")])
        .await;
    assert_eq!(other.status(), StatusCode::CONFLICT);
    assert_eq!(shop.refunds(), 0);

    let done = mira.post(&approve, &fields).await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    assert_eq!(done.headers()[LOCATION], card.as_str());
    let after = mira.page(&card).await;
    assert!(after.contains("The run is complete."), "{after}");
    assert!(!after.contains("Approve this call"), "{after}");
    assert_eq!(
        mira.post(&approve, &fields).await.status(),
        StatusCode::CONFLICT
    );
    assert_eq!(shop.refunds(), 1);
    assert!(mira.page("/").await.contains("Nothing waits for you."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_denies_with_a_reason() {
    let shop = Shop::new();
    let host = shop.open();
    let held = host.hold(&shop.people.agent, 12_900).await;
    let card = format!("/approvals/{}", approval(&held));
    let mira = Browser::sign_in(&host, &shop.people.mira).await;
    let page = mira.page(&card).await;
    let (word, digest) = (hidden(&page, "word"), hidden(&page, "digest"));
    let deny = format!("{card}/deny");
    let fields = |reason| {
        [
            ("word", word.clone()),
            ("digest", digest.clone()),
            ("reason", reason),
        ]
    };
    let said = |reason: &str| fields(reason.to_owned());
    let without = said(" ");
    let without: Vec<_> = without
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(
        mira.post(&deny, &without).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let with = said("the order was never paid");
    let with: Vec<_> = with
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(
        mira.post(&deny, &with).await.status(),
        StatusCode::SEE_OTHER
    );
    assert!(mira.page(&card).await.contains("the order was never paid"));
    assert_eq!(shop.refunds(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_token_does_not_sign_in_and_a_session_ends() {
    let shop = Shop::new();
    let host = shop.open();
    let nobody = Browser::new(&host);
    for (token, status) in [
        (shop.people.agent.as_str(), StatusCode::FORBIDDEN),
        (&shop.people.service, StatusCode::FORBIDDEN),
        ("tgt_nothing", StatusCode::UNAUTHORIZED),
    ] {
        let response = nobody.post("/login", &[("token", token)]).await;
        assert_eq!(response.status(), status);
        assert!(!response.headers().contains_key(SET_COOKIE));
    }
    let mira = Browser::sign_in(&host, &shop.people.mira).await;
    let word = hidden(&mira.page("/").await, "word");
    assert_eq!(
        mira.post("/logout", &[("word", &word)]).await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(mira.get("/").await.status(), StatusCode::SEE_OTHER);
    // A session opens the pages and nothing else.
    let mira = Browser::sign_in(&host, &shop.people.mira).await;
    assert_eq!(
        mira.get("/v1/approvals").await.status(),
        StatusCode::UNAUTHORIZED
    );
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page
        .split(&start)
        .nth(1)
        .unwrap_or_else(|| panic!("no field {name} in {page}"));
    rest.split('"').next().unwrap().to_owned()
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    let pair = |(name, value): &(&str, &str)| {
        format!("{name}={}", value.bytes().map(byte).collect::<String>())
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}
