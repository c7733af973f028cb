//! The connector `openapi`: one tool for each operation in `operations.json`, which
//! `tollgate new` made of `api.yaml`.

tollgate_openapi::connector!("../operations.json");
