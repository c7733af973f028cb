//! The judge of workbooks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use tollgate_live::{Sheet, live, sheets};

live! {
    "live: needs LibreOffice Calc from Debian",
    async fn calc_opens_a_workbook_and_refuses_a_corrupt_one() {
        let folder = tempfile::tempdir().unwrap();
        let book = folder.path().join("book.csv");
        std::fs::write(&book, "name,sum\nlamp,=1+2\n").unwrap();
        let opened = sheets(&book).await?;
        let [Sheet { csv, .. }] = opened.as_slice() else {
            panic!("{opened:?}");
        };
        assert_eq!(csv.lines().next(), Some("name,sum"));
        let corrupt = folder.path().join("corrupt.xlsx");
        std::fs::write(&corrupt, b"PK\x03\x04 and nothing else").unwrap();
        assert!(sheets(&corrupt).await.is_err());
        Ok(())
    }
}
