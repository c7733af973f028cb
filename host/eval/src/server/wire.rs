//! A connection that can be made to fail below HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What is said instead of HTTP.
const GARBAGE: &[u8] = b"\x16\x03\x01\x00\xa5 this is no answer\r\n\r\n\x00\xff\xfe";

const WELL: u8 = 0;
const RESET: u8 = 1;
const NO_HTTP: u8 = 2;
const SAID: u8 = 3;

/// What is wrong with one connection, from now on.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble(Arc<AtomicU8>);

impl Trouble {
    /// Nothing more is said, and the other side is told that all is lost.
    pub(super) fn reset(&self) {
        self.0.store(RESET, Ordering::SeqCst);
    }

    /// What is said next is no HTTP, and nothing follows.
    pub(super) fn garbage(&self) {
        self.0.store(NO_HTTP, Ordering::SeqCst);
    }
}

/// A listener whose connections have [`Trouble`].
pub(super) struct Faulty(pub(super) TcpListener);

impl Listener for Faulty {
    type Io = Connection;
    type Addr = (SocketAddr, Trouble);

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let trouble = Trouble::default();
        let connection = Connection {
            stream,
            trouble: trouble.clone(),
            said: 0,
        };
        (connection, (address, trouble))
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok((self.0.local_addr()?, Trouble::default()))
    }
}

impl Connected<IncomingStream<'_, Faulty>> for Trouble {
    fn connect_info(stream: IncomingStream<'_, Faulty>) -> Self {
        stream.remote_addr().1.clone()
    }
}

/// A connection that does what its trouble says.
pub(super) struct Connection {
    stream: TcpStream,
    trouble: Trouble,
    /// How much of the garbage is out.
    said: usize,
}

impl Connection {
    /// Write what the trouble wants in place of anything else.
    fn misbehave(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Error>> {
        let lost = || Some(io::Error::from(io::ErrorKind::ConnectionReset));
        match self.trouble.0.load(Ordering::SeqCst) {
            WELL => Poll::Ready(None),
            NO_HTTP => {
                while let Some(rest @ [_, ..]) = GARBAGE.get(self.said..) {
                    match Pin::new(&mut self.stream).poll_write(context, rest) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Ok(0)) => return Poll::Ready(lost()),
                        Poll::Ready(Ok(count)) => self.said += count,
                        Poll::Ready(Err(error)) => return Poll::Ready(Some(error)),
                    }
                }
                self.trouble.0.store(SAID, Ordering::SeqCst);
                Poll::Ready(lost())
            }
            SAID => Poll::Ready(lost()),
            _ => {
                // Closed with no time to linger, a connection is reset. Where the
                // system refuses that, it is closed in the ordinary way.
                let _ = self.stream.set_zero_linger();
                Poll::Ready(lost())
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.misbehave(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(error)) => Poll::Ready(Err(error)),
            Poll::Ready(None) => Pin::new(&mut self.stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
