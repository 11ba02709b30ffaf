//! Connections, of which there may be so many at once: what comes above that waits for its turn.

use futures::stream::{self, Stream, StreamExt};
use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

/// A connection, and its place.
pub(super) struct Connection {
    stream: TcpStream,
    /// By when it must have said something: who only connects takes others' places.
    silent_until: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

/// Accepts connections, and serves those that have a place.
pub(super) fn accept(
    incoming: TcpIncoming,
    places: Arc<Semaphore>,
    patience: Duration,
) -> impl Stream<Item = io::Result<Connection>> + Send + 'static {
    stream::unfold((incoming, places), move |(mut incoming, places)| async move {
        // One of each port is accepted without a place: a place that waits for a connection would be nobody's.
        let stream = incoming.next().await?;
        let place = Arc::clone(&places).acquire_owned().await.ok()?;
        let silent_until = Some(Box::pin(sleep(patience)));
        Some((stream.map(|stream| Connection { stream, silent_until, _place: place }), (incoming, places)))
    })
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        if let Some(silent_until) = &mut self.silent_until {
            if into.filled().len() > before {
                self.silent_until = None;
            } else if read.is_pending() && silent_until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
