//! A client's connection: every phase of it ends in a bounded time, and its end is noticed at once.
//!
//! ```text
//!   new ──first byte──▶ head ──handler called──▶ serving ──answer sent──▶ idle ──next byte──▶ head
//!    │ request_timeout    │ request_timeout         │ not while answers are taken  │ keep_alive
//!    ▼                    ▼                         ▼                              ▼
//!   closed               408, closed               closed: WRITE_TIMEOUT          closed
//! ```
//!
//! The framework bounds the first head and the idle time only. It answers bytes that are no HTTP with an empty body, which
//! becomes a problem document here ([`refusal`]).

mod conduct;
mod refusal;

pub(super) use conduct::{Attended, Conduct};

use actix_web::rt::net::TcpStream;
use refusal::{Linger, Refusal};
use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// What a client may take its time for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// To begin a request, and again to send its head.
    pub(super) request: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// To take what it is sent, besides what [`SLOWEST_READER`] allows.
    pub(super) write: Duration,
    /// Bytes that a request may come in, with all that is around its body.
    pub(super) request_bytes: u64,
}

/// Bytes a second that a client must take of an answer that is more than the network holds.
const SLOWEST_READER: u64 = 16 * 1024;

/// One connection to a client.
pub(super) struct Connection {
    stream: Option<TcpStream>,
    conduct: Rc<Conduct>,
    bounds: Bounds,
    /// By when the client must have taken what it was sent last, where it does not take it at once.
    stalled_until: Option<Instant>,
    clock: Pin<Box<Sleep>>,
    /// When the clock wakes the connection, if it does.
    wakes_at: Option<Instant>,
    refusal: Option<Refusal>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, conduct: Rc<Conduct>, bounds: Bounds) -> Self {
        let wakes_at = Instant::now() + bounds.tick();
        Self {
            stream: Some(stream),
            conduct,
            bounds,
            stalled_until: None,
            clock: Box::pin(sleep_until(wakes_at)),
            wakes_at: None,
            refusal: None,
        }
    }

    /// How this connection behaves, for those who serve its requests.
    pub(super) const fn conduct(&self) -> &Rc<Conduct> {
        &self.conduct
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Fails once the present phase has taken too long; else sees to it that the connection is looked at again in time.
    fn on_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let phase = self.conduct.deadline(&self.bounds);
        let Some(deadline) = [phase, self.stalled_until].into_iter().flatten().min() else { return Ok(()) };
        loop {
            let now = Instant::now();
            if deadline <= now {
                if self.stalled_until.is_none() && self.conduct.is_in_a_request() {
                    self.refuse(Refusal::timeout());
                }
                return Err(io::ErrorKind::TimedOut.into());
            }
            if let Some(wakes_at) = self.wakes_at
                && now < wakes_at
            {
                return Ok(());
            }
            // Never further than the shortest phase, so that a phase that begins later needs no earlier call.
            let wakes_at = deadline.min(now + self.bounds.tick());
            self.clock.as_mut().reset(wakes_at);
            self.wakes_at = self.clock.as_mut().poll(cx).is_pending().then_some(wakes_at);
        }
    }

    /// Says why the connection ends, as far as the client takes it without being waited for.
    fn refuse(&mut self, mut refusal: Refusal) {
        if let Some(stream) = &self.stream {
            refusal.try_send(stream);
        }
        self.refusal = Some(refusal);
    }

    /// Sends what is left of a refusal.
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream: Some(stream), refusal: Some(refusal), .. } = self else { return Poll::Ready(Ok(())) };
        while !refusal.unsent().is_empty() {
            let sent = ready!(Pin::new(&mut *stream).poll_write(cx, refusal.unsent()))?;
            refusal.sent(sent);
        }
        Poll::Ready(Ok(()))
    }

    /// Counts what the client takes, and what it does not take.
    fn taken(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => {
                self.stalled_until.get_or_insert_with(|| Instant::now() + self.bounds.write);
                self.on_time(cx)?;
            }
            Poll::Ready(Ok(bytes)) => {
                if let Some(until) = &mut self.stalled_until {
                    *until += Duration::from_micros(*bytes as u64 * 1_000_000 / SLOWEST_READER);
                }
            }
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl Bounds {
    fn tick(&self) -> Duration {
        self.request.min(self.idle).min(self.write).max(Duration::from_millis(50))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.on_time(cx)?;
        let (before, room) = (into.filled().len(), into.remaining());
        let read = self.stream()?.poll_read(cx, into);
        if let Poll::Ready(Ok(())) = &read {
            let bytes = into.filled().len() - before;
            if bytes == 0 && room > 0 {
                self.conduct.left();
            } else if self.conduct.heard(bytes as u64) > self.bounds.request_bytes {
                self.refuse(Refusal::too_large());
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answers = match Refusal::at_the_end_of(bytes) {
            None => bytes,
            Some((0, refusal)) => {
                self.refuse(refusal);
                return Poll::Ready(Ok(bytes.len()));
            }
            Some((start, _)) => &bytes[..start],
        };
        let written = self.stream()?.poll_write(cx, answers);
        self.taken(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_refusal(cx)?.is_pending() {
            return self.taken(Poll::Pending, cx).map_ok(|_| ());
        }
        // Everything was taken.
        self.stalled_until = None;
        self.on_time(cx)?;
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}

impl Drop for Connection {
    /// A client that is still sending would lose a refusal with the connection: it has a moment to take it.
    fn drop(&mut self) {
        if let (Some(stream), Some(refusal)) = (self.stream.take(), self.refusal.take()) {
            Linger { stream, refusal, _place: self.conduct.take_place() }.begin();
        }
    }
}
