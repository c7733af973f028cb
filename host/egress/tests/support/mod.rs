//! Servers of raw bytes on loopback, and what requests to them need.

#![expect(dead_code, reason = "each test file uses its own part")]

pub(crate) mod tls;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tollgate_egress::{Destination, Method, Outgoing, Pool, Resolver};

/// A server on 127.0.0.1. It ends with its value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Runs a script on each connection; it is given the connection's number.
    pub(crate) async fn script<F, Fut>(script: F) -> Self
    where
        F: Fn(usize, TcpStream, Requests) -> Fut + Send + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, script)
    }

    pub(crate) fn on<F, Fut>(listener: TcpListener, script: F) -> Self
    where
        F: Fn(usize, TcpStream, Requests) -> Fut + Send + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, log) = (Arc::clone(&accepted), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                // A client that goes away is part of many tests.
                tokio::spawn(script(number, stream, Requests(Arc::clone(&log))));
            }
        });
        Self {
            address,
            accepted,
            requests,
            task,
        }
    }

    /// Gives the same answer to each request, on as many connections as come.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::script(move |_, mut stream, requests| {
            let answer = Arc::clone(&answer);
            async move {
                while requests.read(&mut stream).await? {
                    stream.write_all(&answer).await?;
                }
                Ok(())
            }
        })
        .await
    }

    /// Answers the first request with these bytes and ends the connection.
    pub(crate) async fn once(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::script(move |_, mut stream, requests| {
            let answer = Arc::clone(&answer);
            async move {
                requests.read(&mut stream).await?;
                stream.write_all(&answer).await?;
                stream.shutdown().await
            }
        })
        .await
    }

    /// How many connections were made.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The requests that were read, as text.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A destination that is this server, by its address.
    pub(crate) fn destination(&self) -> Destination {
        destination(&format!("http://{}", self.address))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The log of a server.
#[derive(Clone)]
pub(crate) struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    /// Keeps a text.
    pub(crate) fn add(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    /// Reads one request with its content; false at the end of the connection.
    pub(crate) async fn read(&self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => bytes.push(byte),
                Err(_) => return Ok(false),
            }
        }
        let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut content = vec![0; length];
        stream.read_exact(&mut content).await?;
        bytes.extend(content);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.0.lock().unwrap().push(text);
        Ok(true)
    }
}

/// A destination at an origin, allowed to be on 127.0.0.1 and nowhere else.
pub(crate) fn destination(base: &str) -> Destination {
    Destination {
        base: base.parse().unwrap(),
        addresses: vec!["127.0.0.1/32".parse().unwrap()],
        roots: None,
        connect_within: Duration::from_secs(5),
        connections: 8,
        rate: None,
    }
}

pub(crate) fn pool() -> Pool {
    Pool {
        tenant: "acme".to_owned(),
        connector: "desk".to_owned(),
        destination: "desk".to_owned(),
        credential: Some("desk-token".to_owned()),
    }
}

pub(crate) fn get(target: &str) -> Outgoing {
    Outgoing {
        method: Method::GET,
        target: target.to_owned(),
        headers: HeaderMap::new(),
        body: None,
        within: Duration::from_secs(10),
        begin_within: None,
        max_response: 64 * 1024,
    }
}

pub(crate) fn post(target: &str, body: &str) -> Outgoing {
    Outgoing {
        method: Method::POST,
        body: Some(body.as_bytes().to_vec()),
        ..get(target)
    }
}

/// An answer with this content.
pub(crate) fn ok(content: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{content}",
        content.len()
    )
}

/// A resolver that gives one answer after the other, and the last one for ever.
pub(crate) struct Answers {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    lookups: AtomicUsize,
}

impl Answers {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            lookups: AtomicUsize::new(0),
        })
    }

    pub(crate) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Resolver for Answers {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        Ok(if answers.len() > 1 {
            answers.pop_front().unwrap()
        } else {
            answers[0].clone()
        })
    }
}
