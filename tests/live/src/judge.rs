//! The plain client under every judge: requests that do not pass through Tollgate.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::error::{Error, Result};

/// A client of one origin, with the headers that every request needs.
#[derive(Debug, Clone)]
pub struct Judge {
    http: reqwest::Client,
    origin: String,
    headers: Vec<(&'static str, String)>,
    password: Option<(&'static str, &'static str)>,
}

/// An answer with its body as text.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body, as far as it is UTF-8.
    pub body: String,
    request: String,
}

impl Judge {
    pub(crate) fn new(origin: &str, headers: Vec<(&'static str, String)>) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            http,
            origin: origin.to_owned(),
            headers,
            password: None,
        })
    }

    /// The same with a user's name and password in every request.
    pub(crate) fn with_password(mut self, user: &'static str, password: &'static str) -> Self {
        self.password = Some((user, password));
        self
    }

    /// Send a request with a JSON body, or with none.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.request(&method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.answer(&method, path, request).await
    }

    /// [`send`](Self::send), of which only a success and its JSON is good enough.
    pub async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        self.send(method, path, body).await?.json()
    }

    /// `GET` for JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.json(Method::GET, path, None).await
    }

    /// A request to be completed by the caller.
    pub(crate) fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.origin);
        let mut request = self.http.request(method.clone(), url);
        if let Some((user, password)) = self.password {
            request = request.basic_auth(user, Some(password));
        }
        self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        })
    }

    pub(crate) async fn answer(
        &self,
        method: &Method,
        path: &str,
        request: RequestBuilder,
    ) -> Result<Answer> {
        let response = request.send().await?;
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await?,
            request: format!("{method} {path}"),
        })
    }

    /// Whether `GET path` is answered with a success.
    pub(crate) async fn is_up(&self, path: &str) -> bool {
        let answer = self.request(&Method::GET, path).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

impl Answer {
    /// The JSON of a success.
    pub fn json(&self) -> Result<Value> {
        let value = serde_json::from_str(&self.body);
        match value {
            Ok(value) if self.status.is_success() => Ok(value),
            _ => Err(self.unfit()),
        }
    }

    /// The error of an answer that is not what was needed.
    pub(crate) fn unfit(&self) -> Error {
        Error::Answer {
            request: self.request.clone(),
            status: self.status.as_u16(),
            body: self.body.chars().take(500).collect(),
        }
    }
}

/// A text as the value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let bytes = text.bytes().map(|byte| match byte {
        byte if unreserved(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}
