//! A stream to a mail server that does not let it say too much.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes that a server may send in one session: lettre reads a line whole
/// before it looks at its length. TLS and its certificates are part of it.
const MOST: usize = 256 * 1024;

/// The command after which TLS begins.
const STARTTLS: &[u8] = b"STARTTLS\r\n";

/// A bounded stream.
pub(crate) struct Bounded<S> {
    inner: S,
    peer: SocketAddr,
    left: usize,
    after_starttls: bool,
}

impl<S> Bounded<S> {
    pub(crate) fn new(inner: S, peer: SocketAddr) -> Self {
        Self {
            inner,
            peer,
            left: MOST,
            after_starttls: false,
        }
    }

    fn check(&mut self, new: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(new.len()).ok_or_else(refused)?;
        // Bytes behind the answer to STARTTLS would wait in a buffer and be read as
        // if they had come by TLS: somebody between could answer for the server
        // (CVE-2011-0411 and its kind). The first line is read plain, nothing else.
        if self.after_starttls
            && let Some(end) = new.iter().position(|byte| *byte == b'\n')
        {
            self.after_starttls = false;
            if end + 1 < new.len() {
                return Err(refused());
            }
        }
        Ok(())
    }
}

fn refused() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        Poll::Ready(self.check(&buffer.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // A command is written alone; content never begins with one by TLS, and
        // without TLS nothing is protected.
        self.after_starttls |= bytes == STARTTLS;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S> fmt::Debug for Bounded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Bounded<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
