//! Reading an answer, of which every part is bounded.

use std::io::Write;

use flate2::write::MultiGzDecoder;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use tokio::time::{Instant, timeout_at};

use crate::target::header_bytes;
use crate::{EgressError, Incoming, Limits, failure};

/// Reads the content up to `most` bytes.
pub(crate) async fn read(
    mut response: Response,
    limits: &Limits,
    most: u64,
    deadline: Instant,
) -> Result<Incoming, EgressError> {
    check_head(&response, limits)?;
    let mut headers = std::mem::take(response.headers_mut());
    let mut content = Content::new(&headers, usize::try_from(most).unwrap_or(usize::MAX))?;
    let mut alive = Instant::now();
    let mut truncated = false;
    loop {
        let next = timeout_at(deadline.min(alive + limits.stall), response.chunk()).await;
        let chunk = match next {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => return Err(failure::classify(&error, true)),
            Err(_) if Instant::now() >= deadline => {
                return Err(no_answer("the time was over before the answer's end"));
            }
            Err(_) => return Err(no_answer("the answer stalled")),
        };
        // An empty frame of HTTP/2 is no sign of life, and does not come this far.
        alive = Instant::now();
        if content.add(&chunk)? == Room::Full {
            truncated = true;
            break;
        }
    }
    let decoded = content.is_coded();
    let (body, cut) = content.finish(truncated)?;
    if decoded {
        // They are about the bytes on the wire.
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    Ok(Incoming {
        status: response.status().as_u16(),
        headers,
        body,
        truncated: truncated || cut,
    })
}

fn check_head(response: &Response, limits: &Limits) -> Result<(), EgressError> {
    let headers = response.headers();
    if headers.len() > limits.headers || header_bytes(headers) > limits.header_bytes {
        return Err(no_answer("the answer has too many headers"));
    }
    // Two lengths: one for us, another for somebody between (RFC 9112, 6.3).
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err(no_answer("the answer has two lengths"));
    }
    // 101 and the like: nobody asked for another protocol.
    if response.status().is_informational() {
        return Err(no_answer("the answer is not a final one"));
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Room {
    Left,
    Full,
}

/// Content as it comes, decoded where it is coded.
enum Content {
    Plain(Bounded),
    Gzip {
        decoder: Box<MultiGzDecoder<Bounded>>,
        wire: u64,
        most_wire: u64,
    },
}

impl Content {
    fn new(headers: &HeaderMap, most: usize) -> Result<Self, EgressError> {
        let bounded = Bounded {
            bytes: Vec::new(),
            most,
            over: false,
        };
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let coding = match (codings.next(), codings.next()) {
            (None, _) => return Ok(Self::Plain(bounded)),
            (Some(one), None) => one.as_bytes(),
            // Each coding multiplies: two are a bomb of bombs.
            (Some(_), Some(_)) => return Err(no_answer("the answer is coded more than once")),
        };
        if coding.eq_ignore_ascii_case(b"identity") {
            Ok(Self::Plain(bounded))
        } else if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") {
            Ok(Self::Gzip {
                decoder: Box::new(MultiGzDecoder::new(bounded)),
                wire: 0,
                // Coded content is seldom longer than plain; a stream of empty
                // blocks could go on for ever without a byte.
                most_wire: (most as u64).saturating_mul(2).saturating_add(64 * 1024),
            })
        } else {
            Err(no_answer("the answer has a coding that was not asked for"))
        }
    }

    fn is_coded(&self) -> bool {
        matches!(self, Self::Gzip { .. })
    }

    fn add(&mut self, chunk: &[u8]) -> Result<Room, EgressError> {
        match self {
            Self::Plain(bounded) => {
                bounded.take(chunk);
                Ok(bounded.room())
            }
            Self::Gzip {
                decoder,
                wire,
                most_wire,
            } => {
                *wire += chunk.len() as u64;
                if *wire > *most_wire {
                    return Err(no_answer("the answer's coding holds nothing"));
                }
                let written = decoder.write_all(chunk);
                if decoder.get_ref().over {
                    return Ok(Room::Full);
                }
                written.map_err(|_| no_answer("the answer cannot be decoded"))?;
                Ok(Room::Left)
            }
        }
    }

    /// The content, and whether it was cut: a decoder gives out its last bytes
    /// only here.
    fn finish(self, truncated: bool) -> Result<(Vec<u8>, bool), EgressError> {
        match self {
            Self::Plain(bounded) => Ok((bounded.bytes, bounded.over)),
            Self::Gzip {
                mut decoder, wire, ..
            } => {
                // No content at all (HEAD, 304) is none that ends early.
                if !truncated && wire > 0 {
                    let ended = decoder.try_finish();
                    if ended.is_err() && !decoder.get_ref().over {
                        return Err(no_answer("the answer cannot be decoded"));
                    }
                }
                let bounded = decoder.get_mut();
                // The decoder writes what is left when it is dropped.
                bounded.most = 0;
                Ok((std::mem::take(&mut bounded.bytes), bounded.over))
            }
        }
    }
}

/// Bytes up to a number; the writer is stopped there.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
    over: bool,
}

impl Bounded {
    fn take(&mut self, bytes: &[u8]) {
        let room = self.most.saturating_sub(self.bytes.len());
        self.over |= bytes.len() > room;
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn room(&self) -> Room {
        if self.over { Room::Full } else { Room::Left }
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.take(bytes);
        if self.over {
            // A bomb's next block is not even inflated.
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn no_answer(what: &str) -> EgressError {
    EgressError::NoAnswer(what.to_owned())
}
