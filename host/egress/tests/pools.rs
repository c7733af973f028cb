//! Whose connections are whose, how many, and how fast.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{Server, get, ok, pool};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tollgate_egress::{
    Destination, Egress, EgressError, Limits, Outgoing, Pool, SystemResolver, retry_after,
};

#[tokio::test]
async fn one_pool_uses_its_connection_again() {
    let server = Server::answering(ok("x")).await;
    let egress = Egress::new();
    for _ in 0..5 {
        egress
            .send(&server.destination(), &pool(), get("/"))
            .await
            .unwrap();
    }
    assert_eq!(server.requests().len(), 5);
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn no_connection_is_shared_across_pools() {
    let server = Server::answering(ok("x")).await;
    let to = server.destination();
    let other = |text: &str| text.to_owned();
    let pools = [
        pool(),
        Pool {
            tenant: other("globex"),
            ..pool()
        },
        Pool {
            connector: other("crm"),
            ..pool()
        },
        Pool {
            destination: other("second"),
            ..pool()
        },
        Pool {
            credential: other("second-token").into(),
            ..pool()
        },
        Pool {
            credential: None,
            ..pool()
        },
    ];
    let egress = Egress::new();
    for round in 0..2 {
        for (number, pool) in pools.iter().enumerate() {
            egress.send(&to, pool, get("/")).await.unwrap();
            let expected = if round == 0 { number + 1 } else { pools.len() };
            assert_eq!(server.accepted(), expected, "{pool:?}");
        }
    }
    // Nor with what an earlier manifest said of the same destination.
    let narrower = Destination {
        addresses: vec!["127.0.0.0/8".parse().unwrap()],
        ..to.clone()
    };
    egress.send(&narrower, &pools[0], get("/")).await.unwrap();
    assert_eq!(server.accepted(), pools.len() + 1);
    let without = Destination {
        addresses: Vec::new(),
        ..to
    };
    let refused = egress
        .send(&without, &pools[0], get("/"))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, EgressError::Forbidden { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_connection_with_unread_content_is_not_used_again() {
    let server = Server::answering(ok(&"x".repeat(1000))).await;
    let egress = Egress::new();
    for expected in 1..=2 {
        let request = Outgoing {
            max_response: 10,
            ..get("/")
        };
        let answer = egress.send(&server.destination(), &pool(), request).await;
        assert!(answer.unwrap().truncated);
        assert!(server.accepted() <= expected);
    }
}

#[tokio::test]
async fn no_more_connections_than_granted() {
    let free = Arc::new(Notify::new());
    let gate = Arc::clone(&free);
    let server = Server::script(move |_, mut stream, requests| {
        let gate = Arc::clone(&gate);
        async move {
            while requests.read(&mut stream).await? {
                gate.notified().await;
                stream.write_all(ok("x").as_bytes()).await?;
            }
            Ok(())
        }
    })
    .await;
    let to = Destination {
        connections: 1,
        ..server.destination()
    };
    let egress = Arc::new(Egress::new());
    let first = tokio::spawn({
        let (egress, to) = (Arc::clone(&egress), to.clone());
        async move { egress.send(&to, &pool(), get("/first")).await }
    });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    // The wait for a place is part of the request's time.
    let request = Outgoing {
        within: Duration::from_millis(100),
        ..get("/second")
    };
    let refused = egress.send(&to, &pool(), request).await.unwrap_err();
    assert!(matches!(refused, EgressError::Busy { .. }), "{refused}");
    // And what must begin by then does not wait for longer.
    let late = Outgoing {
        begin_within: Some(Duration::from_millis(50)),
        ..get("/late")
    };
    let refused = egress.send(&to, &pool(), late).await.unwrap_err();
    assert!(matches!(refused, EgressError::Busy { .. }), "{refused}");
    assert_eq!(server.requests().len(), 1);
    // Another pool has places of its own.
    let other = Pool {
        tenant: "globex".to_owned(),
        ..pool()
    };
    free.notify_one();
    first.await.unwrap().unwrap();
    free.notify_one();
    egress.send(&to, &other, get("/third")).await.unwrap();
    let targets: Vec<String> = server
        .requests()
        .iter()
        .filter_map(|request| request.split(' ').nth(1).map(str::to_owned))
        .collect();
    assert_eq!(targets, ["/first", "/third"]);
}

#[tokio::test]
async fn no_more_requests_than_granted() {
    let server = Server::answering(ok("x")).await;
    let to = Destination {
        rate: Some((2, Duration::from_secs(60))),
        ..server.destination()
    };
    let egress = Egress::new();
    for _ in 0..2 {
        egress.send(&to, &pool(), get("/")).await.unwrap();
    }
    match egress.send(&to, &pool(), get("/")).await.unwrap_err() {
        EgressError::Busy { after } => {
            assert!(after > Duration::from_secs(50) && after <= Duration::from_secs(60));
        }
        other => panic!("{other}"),
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn retry_after_holds_back_what_follows_for_minutes_at_most() {
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let server = Server::answering(format!(
            "HTTP/1.1 {status}\r\nretry-after: 31536000\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        let to = server.destination();
        let egress = Egress::new();
        let answer = egress.send(&to, &pool(), get("/")).await.unwrap();
        let asked = retry_after(&answer).unwrap();
        assert_eq!(asked, Duration::from_secs(24 * 60 * 60), "a day at most");
        match egress.send(&to, &pool(), get("/")).await.unwrap_err() {
            EgressError::Busy { after } => assert!(after <= Duration::from_secs(300)),
            other => panic!("{other}"),
        }
        assert_eq!(server.requests().len(), 1);
        // It is this pool that was asked to wait.
        let other = Pool {
            tenant: "globex".to_owned(),
            ..pool()
        };
        egress.send(&to, &other, get("/")).await.unwrap();
    }
}

#[tokio::test]
async fn other_answers_hold_nothing_back() {
    let server =
        Server::answering("HTTP/1.1 404 No\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n").await;
    let egress = Egress::new();
    for _ in 0..2 {
        let answer = egress.send(&server.destination(), &pool(), get("/")).await;
        assert_eq!(answer.unwrap().status, 404);
    }
}

#[tokio::test]
async fn the_pool_unused_for_longest_goes_but_never_its_limits() {
    let server = Server::answering(ok("x")).await;
    let limits = Limits {
        pools: 2,
        ..Limits::default()
    };
    let egress = Egress::with(limits, Arc::new(SystemResolver));
    let of = |tenant: &str| Pool {
        tenant: tenant.to_owned(),
        ..pool()
    };
    let free = server.destination();
    for tenant in ["a", "b", "a", "c", "a"] {
        egress.send(&free, &of(tenant), get("/")).await.unwrap();
    }
    assert_eq!(server.accepted(), 3, "c took the place of b");
    egress.send(&free, &of("b"), get("/")).await.unwrap();
    assert_eq!(server.accepted(), 4);

    // A client goes, and the rate that it was used at stays.
    let rated = Destination {
        rate: Some((1, Duration::from_secs(60))),
        ..free.clone()
    };
    egress.send(&rated, &of("a"), get("/")).await.unwrap();
    for tenant in ["b", "c", "d"] {
        egress.send(&free, &of(tenant), get("/")).await.unwrap();
    }
    let refused = egress.send(&rated, &of("a"), get("/")).await.unwrap_err();
    assert!(matches!(refused, EgressError::Busy { .. }), "{refused}");
}

/// The attack: a tenant with more destinations than the host keeps pools, each held
/// back by its server, so that nobody else gets one.
#[tokio::test]
async fn one_tenant_does_not_use_up_the_pools_of_another() {
    let server =
        Server::answering("HTTP/1.1 429 Too Many\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n")
            .await;
    let limits = Limits {
        pools: 3,
        tenant_pools: 2,
        ..Limits::default()
    };
    let egress = Egress::with(limits, Arc::new(SystemResolver));
    let of = |tenant: &str, destination: &str| Pool {
        tenant: tenant.to_owned(),
        destination: destination.to_owned(),
        ..pool()
    };
    let to = server.destination();
    for destination in ["one", "two"] {
        let pool = of("greedy", destination);
        assert_eq!(egress.send(&to, &pool, get("/")).await.unwrap().status, 429);
    }
    let third = of("greedy", "three");
    let refused = egress.send(&to, &third, get("/")).await.unwrap_err();
    assert!(matches!(refused, EgressError::Busy { .. }), "{refused}");
    assert_eq!(server.requests().len(), 2);
    // Others have what they may have, also beyond what the host keeps.
    for tenant in ["globex", "initech"] {
        for destination in ["one", "two"] {
            let pool = of(tenant, destination);
            assert_eq!(egress.send(&to, &pool, get("/")).await.unwrap().status, 429);
        }
    }
    // And what was asked of the first one is not forgotten for them.
    let held = egress.send(&to, &of("greedy", "one"), get("/")).await;
    assert!(matches!(held.unwrap_err(), EgressError::Busy { .. }));
}
