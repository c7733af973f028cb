#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn queue(name: &str, classes: &[FailureClass]) -> Queue {
    Queue {
        name: name.to_owned(),
        owner: Approver::Group("support".to_owned()),
        classes: classes.to_vec(),
        deliveries: Vec::new(),
    }
}

#[test]
fn the_default_has_an_owner_for_every_class() {
    let queues = Queues::default();
    for class in FailureClass::ALL {
        let queue = queues.of_class(*class).unwrap();
        assert_eq!(queue.owner.to_string(), "group:operators", "{class}");
        assert_eq!(class.as_str().parse(), Ok(*class));
    }
}

#[test]
fn a_class_without_a_queue_is_named_with_the_line_to_add() {
    for missing in FailureClass::ALL {
        let others: Vec<_> = FailureClass::ALL
            .iter()
            .copied()
            .filter(|class| class != missing)
            .collect();
        let error = Queues::new(vec![queue("rest", &others)], &[]).unwrap_err();
        assert_eq!(error, MappingError::Unmapped(*missing));
        assert!(
            error.to_string().contains(&format!("\"{missing}\"")),
            "{error}"
        );
        let mapped = Queues::new(vec![queue("rest", &others)], &[*missing]).unwrap();
        assert_eq!(mapped.of_class(*missing), None);
        assert_eq!(mapped.nobodys().collect::<Vec<_>>(), [*missing]);
    }
    let twice = [
        queue("a", FailureClass::ALL),
        queue("b", &[FailureClass::Limited]),
    ];
    let error = Queues::new(twice.to_vec(), &[]).unwrap_err();
    assert_eq!(error, MappingError::Twice(FailureClass::Limited));
}

#[test]
fn what_is_somebodys_work_cannot_be_nobodys() {
    let nobodys: Vec<_> = FailureClass::ALL
        .iter()
        .filter(|class| class.may_be_nobodys())
        .map(|class| class.as_str())
        .collect();
    assert_eq!(nobodys, ["denied", "not_found", "invalid_input"]);
}

#[test]
fn an_unknown_class_is_answered_with_what_there_is() {
    let error = "expired".parse::<FailureClass>().unwrap_err();
    assert!(
        error.contains("`approval_expired`, `case_expired`"),
        "{error}"
    );
    let error = "".parse::<FailureClass>().unwrap_err();
    assert!(error.contains("`in_doubt`"), "{error}");
}

#[test]
fn a_template_is_filled_with_values_that_are_only_text() {
    let template = InputTemplate::new(json!({
        "text": "{class} in {case}: {{see}} {id}",
        "tags": ["queue", "{queue}"],
        "priority": 3,
    }))
    .unwrap();
    let value = |field| match field {
        ItemField::Case => "<!channel> *ok* <https://evil|click>\n@here".to_owned(),
        ItemField::Id => "x".repeat(1_000),
        field => field.as_str().to_owned(),
    };
    let filled = template.render(value);
    let text = filled["text"].as_str().unwrap();
    let hostile = "class in __channel___ok___https:__evil_click___here: {see}} xxx";
    assert!(text.starts_with(hostile), "{text}");
    assert!(
        !text.contains(['<', '>', '!', '|', '*', '@', '\n']),
        "{text}"
    );
    assert!(text.len() < 400, "{text}");
    assert_eq!(filled["tags"], json!(["queue", "queue"]));
    assert_eq!(filled["priority"], 3);
}

#[test]
fn an_approvals_template_has_a_link_as_it_is_and_nothing_that_a_guest_wrote() {
    let written = json!({ "text": "{link} for {case}" });
    let template = InputTemplate::<ApprovalField>::new(written).unwrap();
    assert!(template.uses(ApprovalField::Link) && !template.uses(ApprovalField::Run));
    let filled = template.render(|field| match field {
        ApprovalField::Link => "https://gate.example/approvals/apr-1".to_owned(),
        _ => "<https://evil|click>".to_owned(),
    });
    let expected = "https://gate.example/approvals/apr-1 for _https:__evil_click_";
    assert_eq!(filled["text"], expected);
    for sealed in ["input", "title", "reason", "rendering", "destination"] {
        let written = json!({ "text": format!("{{{sealed}}}") });
        assert!(InputTemplate::<ApprovalField>::new(written).is_err());
    }
    let near = InputTemplate::<ApprovalField>::new(json!("{decide_bye}")).unwrap_err();
    assert_eq!(
        near,
        "an approval has no such field; did you mean `decide_by`?"
    );
}

#[test]
fn announcements_are_of_an_approval_by_name_or_of_all() {
    let one = |name: &str, approval: Option<&str>| Notification {
        approval: approval.map(str::to_owned),
        delivery: Delivery {
            name: name.to_owned(),
            connector: "chat".to_owned(),
            tool: "post".to_owned(),
            input: InputTemplate::new(json!({ "text": "{approval}" })).unwrap(),
            attempts: 3,
            standing: None,
        },
    };
    let all = Notifications::new(vec![one("money", Some("finance")), one("watch", None)]);
    let names = |approval| all.of_approval(approval).collect::<Vec<_>>();
    assert_eq!(names("finance"), ["notify:money", "notify:watch"]);
    assert_eq!(names("boss"), ["notify:watch"]);
    assert!(all.named("notify:money").is_some());
    assert!(all.named("money").is_none() && all.named("notify:other").is_none());
}

#[test]
fn a_template_with_an_unknown_field_is_none() {
    for wrong in ["{why}", "{", "{id", "{}", "{arguments.amount}"] {
        let error = InputTemplate::<ItemField>::new(json!({ "text": wrong })).unwrap_err();
        assert!(!error.is_empty(), "{wrong}");
    }
    let mut deep = json!("x");
    for _ in 0..20 {
        deep = json!([deep]);
    }
    assert!(InputTemplate::<ItemField>::new(deep).is_err());
}

#[test]
fn another_template_is_another_approval() {
    let delivery = |text: &str, destination: &str| Delivery {
        name: "chat".to_owned(),
        connector: "chat".to_owned(),
        tool: "post".to_owned(),
        input: InputTemplate::<ItemField>::new(json!({ "text": text })).unwrap(),
        attempts: ATTEMPTS,
        standing: Some(Standing {
            by: Approver::Person("mira".to_owned()),
            call: "http.send".to_owned(),
            destination: destination.to_owned(),
        }),
    };
    let one = delivery("{id}", "chat");
    assert_eq!(one.digest(), one.clone().digest());
    assert_ne!(one.digest(), delivery("{id}.", "chat").digest());
    assert_ne!(one.digest(), delivery("{id}", "desk").digest());
}
