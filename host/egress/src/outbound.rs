//! A request's content, which knows whether the request was taken up for sending.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Whether a request was taken up for sending.
#[derive(Clone, Default)]
pub(crate) struct TakenUp(Arc<AtomicBool>);

impl TakenUp {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Content in one piece.
///
/// When the time is over, or a connection fails, the caller must know whether the
/// server could have seen the request. hyper has a connection first, and then asks
/// the content whether it is at its end, to decide how to write the head: before
/// that question nothing of the request is on the wire. Tests hold hyper to this, in
/// HTTP/1.1 and HTTP/2, with and without content.
pub(crate) struct Outbound {
    pub(crate) content: Option<Bytes>,
    pub(crate) taken_up: TakenUp,
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.taken_up.set();
        Poll::Ready(self.content.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.taken_up.set();
        self.content.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
