//! An item is its owner's, and the operators'; for everybody else it does not exist.

use tollgate_policy::queue::FailureClass;
use tollgate_runtime::{Principal, PrincipalKind, Resolution};
use tollgate_tests::named;

use super::{STANDING, end, house, of, only};
use crate::house::{agent, principal};

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_own_a_queue_sees_and_settles_nothing_of_it() {
    let (house, _desk) = house(STANDING).await;
    end(&house, "failed").await;
    let item = only(&house.host, "support", FailureClass::Failed).await;
    assert_eq!(item.owner, "group:support");
    let elsewhere = Principal {
        identified: Default::default(),
        tenant: named("other"),
        ..of("support")
    };
    let service = principal("sam", PrincipalKind::Service, &["support", "operators"]);
    let nobody = [
        of("finance"),
        of("postmasters"),
        elsewhere,
        service,
        agent(),
    ];
    for who in nobody {
        let listed = house.host.queue(&who, true).await;
        assert!(listed.is_err() || listed.unwrap().is_empty(), "{who:?}");
        let shown = house.host.queue_item(&who, &item.id).await;
        let error = shown.unwrap_err();
        assert!(!error.to_string().contains("support"), "{error}");
        let note = "it is nothing";
        let resolved = house
            .host
            .resolve(&who, &item.id, Resolution::NotDone, note, None);
        assert!(resolved.await.is_err(), "{who:?}");
        let queues = house.host.queues(&who).await;
        let seen = queues.unwrap_or_default();
        assert!(seen.iter().all(|queue| queue.open == 0), "{who:?}");
    }
    for who in [of("support"), of("operators")] {
        assert_eq!(house.host.queue(&who, false).await.unwrap().len(), 1);
        house.host.queue_item(&who, &item.id).await.unwrap();
    }
}
