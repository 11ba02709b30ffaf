//! Refusals of what is no request, or never becomes one: nothing of it reaches a handler.

use crate::service::Code;
use actix_web::rt::net::TcpStream;
use std::{borrow::Cow, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::OwnedSemaphorePermit,
    time::timeout,
};
use uuid::Uuid;

/// How long a client may take to read a refusal while it is still sending.
const LINGER: Duration = Duration::from_secs(1);
/// How much it may send meanwhile.
const LINGER_BYTES: usize = 1 << 20;

/// A whole response, and how much of it was sent.
pub(super) struct Refusal {
    bytes: Vec<u8>,
    sent: usize,
}

impl Refusal {
    /// The client took too long to send a request.
    pub(super) fn timeout() -> Self {
        Self::of(Code::RequestTimeout)
    }

    /// What came with a request is more than any has.
    pub(super) fn too_large() -> Self {
        Self::of(Code::BodyTooLarge)
    }

    /// The refusal that takes the place of the framework's, which has no body and is the last that it sends. Every answer of a
    /// handler has a request id.
    pub(super) fn at_the_end_of(bytes: &[u8]) -> Option<(usize, Self)> {
        let head = bytes.strip_suffix(b"\r\n\r\n")?;
        let start = memmem_last(head, b"HTTP/1.")?;
        let head = std::str::from_utf8(head.get(start..)?).ok()?.to_ascii_lowercase();
        let status = head.split(' ').nth(1)?;
        let is_bare = head.contains("\r\ncontent-length: 0") && !head.contains("\r\nx-request-id:");
        let code = match status {
            "400" => Code::MalformedRequest,
            "408" => Code::RequestTimeout,
            "431" => Code::HeadersTooLarge,
            _ => return None,
        };
        is_bare.then(|| (start, Self::of(code)))
    }

    fn of(code: Code) -> Self {
        let request_id = Uuid::now_v7().to_string();
        tracing::debug!(%request_id, code = code.as_str(), "a connection was refused");
        metrics::counter!("http_refused_connections_total", "code" => code.as_str()).increment(1);
        let body = super::super::problem::document(&code.into(), "/", &request_id);
        let reason =
            actix_web::http::StatusCode::from_u16(code.status()).ok().and_then(|status| status.canonical_reason());
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\
             x-request-id: {request_id}\r\n\r\n",
            code.status(),
            reason.map_or(Cow::Borrowed("Refused"), Cow::Borrowed),
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(&body);
        Self { bytes, sent: 0 }
    }

    pub(super) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    pub(super) const fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
    }

    /// Sends what the network takes at once.
    pub(super) fn try_send(&mut self, stream: &TcpStream) {
        while !self.unsent().is_empty() {
            let Ok(sent) = stream.try_write(self.unsent()) else { return };
            self.sent(sent);
        }
    }
}

fn memmem_last(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).rposition(|window| window == needle)
}

/// A refused connection, which still takes its place.
pub(super) struct Linger {
    pub(super) stream: TcpStream,
    pub(super) refusal: Refusal,
    pub(super) _place: Option<OwnedSemaphorePermit>,
}

impl Linger {
    /// Ends the connection when the client has, or after a moment.
    pub(super) fn begin(self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let _ = timeout(LINGER, self.end()).await;
        });
    }

    async fn end(mut self) -> std::io::Result<()> {
        self.stream.write_all(self.refusal.unsent()).await?;
        self.stream.shutdown().await?;
        let (mut ignored, mut sum) = ([0; 4096], 0);
        while sum < LINGER_BYTES {
            match self.stream.read(&mut ignored).await? {
                0 => break,
                read => sum += read,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &str) -> Option<(usize, String)> {
        let (start, refusal) = Refusal::at_the_end_of(bytes.as_bytes())?;
        Some((start, String::from_utf8(refusal.bytes).unwrap()))
    }

    #[test]
    fn an_empty_refusal_of_the_framework_becomes_a_problem() {
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let (start, text) = text_of(bare).unwrap();
        assert_eq!(start, 0);
        assert!(text.starts_with("HTTP/1.1 431 ") && text.contains("\"code\":\"headers_too_large\""), "{text}");
        let before = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: 1\r\n\r\n{}";
        let (start, text) = text_of(&format!("{before}HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")).unwrap();
        assert_eq!(start, before.len());
        assert!(text.contains("application/problem+json"), "{text}");
    }

    #[test]
    fn an_answer_of_a_handler_stays_as_it_is() {
        for answer in [
            "HTTP/1.1 204 No Content\r\nx-request-id: 1\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-request-id: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "2\r\n\r\n\r\n",
            "",
        ] {
            assert!(text_of(answer).is_none(), "{answer}");
        }
    }
}
