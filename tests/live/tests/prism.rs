//! The harness of Prism, with Google's own description of Sheets.

use reqwest::Method;
use serde_json::json;
use tollgate_live::{Prism, google_sheets, live};

live! {
    "live: needs Prism from npm",
    async fn a_request_that_does_not_fit_the_document_is_refused() {
        let document = google_sheets().await?;
        let mock = Prism::mock(&document).await?;
        let proxy = Prism::proxy(&document, mock.origin()).await?;
        for server in [&mock, &proxy] {
            let client = server.client()?;
            let path = "/v4/spreadsheets/abc/values/Sheet1!A1?valueInputOption=RAW";
            let values = json!({ "values": [["a", 1]] });
            let answer = client.send(Method::PUT, path, Some(&values)).await?;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let wrong = json!({ "values": "no rows" });
            let answer = client.send(Method::PUT, path, Some(&wrong)).await?;
            assert_eq!(answer.status, 422, "{}", answer.body);
        }
        mock.needs().print("Prism", mock.version());
        Ok(())
    }
}
