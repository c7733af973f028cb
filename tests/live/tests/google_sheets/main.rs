//! The connector `google-sheets` with its sample manifest, through a real host and
//! through Prism, which refuses each request and each answer that does not fit
//! Google's own description of the Sheets API.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

mod cells;

use cells::Cells;
use serde_json::{Value, json};
use tollgate_live::{Prism, google_sheets, live, tell};
use tollgate_tests::installed::{Installed, Secret, at};

/// An input with the document and the sheet.
fn of(more: Value) -> Value {
    let mut input = json!({ "document": "tracker", "sheet": "Cases" });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

live! {
    "live: needs Prism from npm",
    async fn each_request_fits_google_s_description_and_each_write_is_taken_back() {
        let store = Cells::default();
        for (cell, value) in [("A1", json!("case")), ("B1", json!("status")), ("A2", json!("t-1")), ("B2", json!("open"))] {
            store.set(cell, value);
        }
        let prism = Prism::proxy(&google_sheets().await?, &store.serve().await).await?;
        let secret = Secret {
            name: "google-token",
            base_url: prism.origin(),
            place: "header = \"authorization\"",
            value: "live-test-token",
        };
        let house = Installed::open("google-sheets", "manifest.toml", |manifest, home| {
            secret.keep(home);
            at(manifest, "sheets", &format!("{}/v4", prism.origin()));
        }).await;

        let (_, listed) = house.done("sheets", json!({ "document": "tracker" })).await;
        assert_eq!(listed["sheets"][0]["name"], "Cases");
        let (_, read) = house.done("read_range", of(json!({ "cells": "A1:C3" }))).await;
        assert_eq!(read["rows"], json!([["case", "status", null], ["t-1", "open", null], [null, null, null]]));
        let ranges = json!([{ "sheet": "Cases", "cells": "A2" }, { "sheet": "Cases", "cells": "B1:B2" }]);
        let (_, read) = house.done("read_ranges", json!({ "document": "tracker", "ranges": ranges })).await;
        assert_eq!(read["ranges"][0]["rows"], json!([["t-1"]]));
        assert_eq!(read["ranges"][1]["rows"], json!([["status"], ["open"]]));

        // Append, refuse the key, take back, and refuse where rows moved.
        let append = |case: &str| of(json!({ "table": "A1:B1", "key": "A", "rows": [[case, "=1+1"]] }));
        let (appended, added) = house.done("append_rows", append("t-2")).await;
        assert_eq!(added["cells"], "A3:B3");
        assert_eq!((store.get("A3"), store.get("B3")), (json!("t-2"), json!("=1+1")));
        assert_eq!(house.fails("append_rows", append("t-2")).await.0, "conflict");
        assert_eq!(house.undo(&appended).await, "undone");
        assert_eq!((store.get("A3"), store.get("B3")), (Value::Null, Value::Null));
        let (moved, _) = house.done("append_rows", append("t-3")).await;
        store.set("A3", json!("somebody else's"));
        assert_eq!(house.undo(&moved).await, "conflict");
        assert_eq!(store.get("A3"), "somebody else's");

        // Update, take back, and refuse where somebody wrote since.
        let update = |status: &str| of(json!({ "cells": "B2", "values": [[status]], "expected": [["open"]] }));
        let (updated, _) = house.done("update_range", update("@closed")).await;
        assert_eq!(store.get("B2"), "@closed");
        assert_eq!(house.fails("update_range", update("x")).await.0, "conflict");
        assert_eq!(house.undo(&updated).await, "undone");
        assert_eq!(store.get("B2"), "open");
        let (stale, _) = house.done("update_range", update("closed")).await;
        store.set("B2", json!("reopened"));
        assert_eq!(house.undo(&stale).await, "conflict");
        assert_eq!(store.get("B2"), "reopened");

        // Several ranges at once.
        let ranges = json!([{ "sheet": "Cases", "cells": "A2", "values": [[1.5]] },
            { "sheet": "Cases", "cells": "B2:C2", "values": [[true, null]] }]);
        let both = json!({ "document": "tracker", "ranges": ranges });
        let (both, _) = house.done("update_ranges", both).await;
        assert_eq!((store.get("A2"), store.get("B2")), (json!(1.5), json!(true)));
        assert_eq!(house.undo(&both).await, "undone");
        assert_eq!((store.get("A2"), store.get("B2")), (json!("t-1"), json!("reopened")));

        let what = format!("Google Sheets v4 by Prism {}", prism.version());
        tell(&what, &house.proved(), Some(prism.needs()));
        house.close().await;
        Ok(())
    }
}
