//! A mail server on loopback that follows a script and keeps what it was told.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What it answers to lines that begin so; nothing: the connection ends.
type Other = (&'static str, Option<&'static str>);

/// The server. It ends with this value.
pub(crate) struct Office {
    pub(crate) address: SocketAddr,
    /// Its certificate, where it speaks TLS.
    pub(crate) pem: Option<String>,
    connections: Arc<AtomicU64>,
    lines: Arc<Mutex<Vec<String>>>,
    messages: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Office {
    /// Without TLS.
    pub(crate) async fn open(other: Option<Other>) -> Self {
        Self::start(other, None, None).await
    }

    /// With TLS from the first byte.
    pub(crate) async fn by_tls(other: Option<Other>) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let pem = certificate.pem();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self::start(other, Some(TlsAcceptor::from(Arc::new(config))), Some(pem)).await
    }

    async fn start(other: Option<Other>, tls: Option<TlsAcceptor>, pem: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicU64::new(0));
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let messages: Arc<Mutex<Vec<String>>> = Arc::default();
        let (count, told, kept) = (
            Arc::clone(&connections),
            Arc::clone(&lines),
            Arc::clone(&messages),
        );
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (told, kept, tls) = (Arc::clone(&told), Arc::clone(&kept), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => talk(stream, &told, &kept, other).await,
                        Some(tls) => talk(tls.accept(stream).await?, &told, &kept, other).await,
                    }
                });
            }
        });
        Self {
            address,
            pem,
            connections,
            lines,
            messages,
            serving,
        }
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// The messages whose content came, whole.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }

    /// Command lines that begin so.
    pub(crate) fn lines(&self, beginning: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let found = lines.iter().filter(|line| line.starts_with(beginning));
        found.cloned().collect()
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    lines: &Mutex<Vec<String>>,
    messages: &Mutex<Vec<String>>,
    other: Option<Other>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.test\r\n").await?;
    stream.flush().await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        lines.lock().unwrap().push(line.clone());
        let Some(said) = answer(&line, other) else {
            return Ok(());
        };
        stream.write_all(said.as_bytes()).await?;
        stream.flush().await?;
        if said.starts_with("354") {
            let mut content = Vec::new();
            while !content.ends_with(b"\r\n.\r\n") {
                content.push(stream.read_u8().await?);
            }
            messages
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&content).into_owned());
            let Some(said) = answer("<content>", other) else {
                return Ok(());
            };
            stream.write_all(said.as_bytes()).await?;
            stream.flush().await?;
        }
    }
}

fn answer(line: &str, other: Option<Other>) -> Option<String> {
    if let Some((beginning, said)) = other
        && line.starts_with(beginning)
    {
        return said.map(|said| format!("{said}\r\n"));
    }
    let said = match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250-mail.test\r\n250 AUTH PLAIN LOGIN",
        "AUTH" => "235 in",
        "DATA" => "354 go on",
        "<content>" => "250 taken as 77",
        "QUIT" => "221 bye",
        _ => "250 ok",
    };
    Some(format!("{said}\r\n"))
}
