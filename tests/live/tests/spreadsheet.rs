//! The connector `spreadsheet` with its sample manifest, through a real host; what
//! it wrote is judged by LibreOffice Calc, which opens every workbook.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::path::{Path, PathBuf};

use serde_json::json;
use tollgate_live::{live, sheets, tell};
use tollgate_tests::installed::Installed;

/// The one sheet of a workbook, as Calc reads it, line by line.
async fn calc(workbook: &Path) -> tollgate_live::Result<Vec<String>> {
    let opened = sheets(workbook).await?;
    let [sheet] = opened.as_slice() else {
        panic!("{opened:?}");
    };
    Ok(sheet.csv.lines().map(str::to_owned).collect())
}

live! {
    "live: needs LibreOffice Calc from Debian",
    async fn calc_reads_what_the_connector_wrote_and_what_its_undo_put_back() {
        let create = json!({ "file": "cases.xlsx", "columns": [{ "name": "case" }] });
        let house = Installed::open("spreadsheet", "manifest.toml", |_, home| {
            std::fs::create_dir_all(home.join("data/tracker")).unwrap();
        }).await;
        // The sample has no rule for it.
        assert_eq!(house.fails("create", create).await.0, "denied");
        house.close().await;

        let mut book = PathBuf::new();
        let house = Installed::open("spreadsheet", "manifest.toml", |manifest, home| {
            book = home.join("data/tracker/cases.xlsx");
            std::fs::create_dir_all(home.join("data/tracker")).unwrap();
            let rule = "name = \"new-files\"\ntool = \"create\"\nthen = \"allow\"";
            let rule: toml::Table = rule.parse().unwrap();
            manifest["rule"].as_array_mut().unwrap().push(rule.into());
        }).await;
        assert!(!book.exists());
        let columns = json!([{ "name": "case" }, { "name": "status" }, { "name": "amount" }, { "name": "due" }]);
        let create = json!({ "file": "cases.xlsx", "columns": columns });
        let (made, _) = house.done("create", create.clone()).await;
        assert!(book.exists());
        assert_eq!(house.undo(&made).await, "undone");
        assert!(!book.exists());
        let (made, _) = house.done("create", create).await;
        assert_eq!(calc(&book).await?, ["case,status,amount,due"]);

        // Every kind of value, and text that must not become a formula.
        let append = |case: &str, status: &str, amount: serde_json::Value| json!({
            "file": "cases.xlsx", "key": "case",
            "values": { "case": case, "status": status, "amount": amount, "due": "2026-11-22" },
        });
        house.done("append_row", append("t-1", "open", json!(12.5))).await;
        let hostile = "=HYPERLINK(\"http://evil.example\",\"x\")";
        let (second, _) = house.done("append_row", append("t-2", hostile, json!(-3))).await;
        house.done("append_row", append("+49 <&> \u{fc}", "@SUM(1+1)", json!(true))).await;
        let lines = calc(&book).await?;
        assert_eq!(lines[0], "case,status,amount,due");
        assert_eq!(lines[1], "t-1,open,12.5,2026-11-22");
        // Calc would show the result of a formula; text stays as it was sent.
        assert_eq!(lines[2], "t-2,\"=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",-3,2026-11-22");
        assert_eq!(lines[3], "+49 <&> \u{fc},@SUM(1+1),TRUE,2026-11-22");
        assert_eq!(lines.len(), 4);

        // An update, and its undo.
        let close = json!({ "file": "cases.xlsx", "key": "case", "key_value": "t-1", "values": { "status": "closed" } });
        let (updated, _) = house.done("update_row", close).await;
        assert_eq!(calc(&book).await?[1], "t-1,closed,12.5,2026-11-22");
        assert_eq!(house.undo(&updated).await, "undone");
        assert_eq!(calc(&book).await?[1], "t-1,open,12.5,2026-11-22");

        // The undo of an append in the middle closes the gap.
        assert_eq!(house.undo(&second).await, "undone");
        let lines = calc(&book).await?;
        assert_eq!(lines.len(), 3);
        assert!(lines[2].starts_with("+49"), "{lines:?}");

        // Removed by the tool, restored by the host.
        let remove = json!({ "file": "cases.xlsx", "key": "case",
            "values": { "case": "t-1", "status": "open", "amount": 12.5, "due": "2026-11-22" } });
        let (removed, _) = house.done("remove_row", remove).await;
        assert_eq!(calc(&book).await?.len(), 2);
        assert_eq!(house.undo(&removed).await, "undone");
        assert_eq!(calc(&book).await?, lines);

        // What it reads itself is what Calc reads.
        let (_, read) = house.done("read_rows", json!({ "file": "cases.xlsx" })).await;
        assert_eq!(read["rows"].as_array().map(Vec::len), Some(2), "{read}");
        let (_, files) = house.done("list_files", json!({})).await;
        assert_eq!(files["files"].as_array().map(Vec::len), Some(1), "{files}");
        house.done("sheets", json!({ "file": "cases.xlsx" })).await;
        // Others have changed the file since it was made: it is not taken away.
        assert_eq!(house.undo(&made).await, "conflict");
        assert!(book.exists());
        tell("LibreOffice 7.4", &house.proved(), None);
        house.close().await;
        Ok(())
    }
}
