//! A bare socket, for requests that no HTTP client would send: halves, trickles, other bytes.

use super::{Answer, PATIENCE};
use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};
use tokio::task::spawn_blocking;

/// One connection to the server.
#[derive(Debug)]
pub(crate) struct Raw(TcpStream);

impl Raw {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts connections");
        stream.set_nodelay(true).expect("a socket without delay");
        Self(stream)
    }

    /// Sends bytes; what the server no longer reads is lost.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Reads until the answer is whole or the server closes; `None` where it closes without an answer.
    pub(crate) async fn answer(self) -> Option<Answer> {
        spawn_blocking(move || self.read_on(Vec::new())).await.expect("reading does not panic")
    }

    /// Sends a request, and goes on when it was answered.
    pub(crate) async fn ask(self, request: &[u8]) -> (Answer, Self) {
        let mut kept = self.0.try_clone().map(Self).expect("a second handle");
        kept.write(request);
        (self.answer().await.expect("an answer"), kept)
    }

    /// Sends `bytes` again and again without reading anything, until the server has cut the connection.
    pub(crate) async fn send_until_cut(self, bytes: &'static [u8]) {
        let Self(mut stream) = self;
        let sending = move || {
            stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a pace");
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline {
                match stream.write(bytes) {
                    Ok(_) => {}
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => return,
                }
            }
            panic!("a client that never reads is served for ever");
        };
        spawn_blocking(sending).await.expect("it is cut");
    }

    /// Says that nothing more will come.
    pub(crate) fn end(&mut self) {
        self.0.shutdown(Shutdown::Write).expect("an open connection");
    }

    /// Sends `bytes` one by one, slowly, until the server answers or cuts the connection.
    pub(crate) async fn trickle(mut self, bytes: Vec<u8>) -> Option<Answer> {
        let pace = Duration::from_millis(20);
        spawn_blocking(move || {
            let deadline = Instant::now() + PATIENCE;
            for byte in bytes.iter().cycle() {
                assert!(Instant::now() < deadline, "a slow client is served for ever");
                if self.0.write_all(&[*byte]).is_err() {
                    break;
                }
                // Waiting for an answer is what makes the client slow.
                self.0.set_read_timeout(Some(pace)).expect("a pace");
                let mut first = [0; 1024];
                match self.0.read(&mut first) {
                    Ok(read) => return self.read_on(first[..read].to_vec()),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => return None,
                }
            }
            self.read_on(Vec::new())
        })
        .await
        .expect("a trickle does not panic")
    }

    fn read_on(mut self, mut bytes: Vec<u8>) -> Option<Answer> {
        self.0.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        let mut part = [0; 4096];
        while !is_whole(&bytes) {
            match self.0.read(&mut part) {
                Ok(0) => break,
                Ok(read) => bytes.extend_from_slice(&part[..read]),
                Err(error) => {
                    let hangs = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    assert!(!hangs, "the server hangs after {:?}", String::from_utf8_lossy(&bytes));
                    break;
                }
            }
        }
        parse(&String::from_utf8_lossy(&bytes))
    }
}

/// Whether all of an answer's body is there.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    parse(&text).is_some_and(|answer| {
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        length.is_some_and(|length: usize| answer.text.len() >= length)
    })
}

fn parse(text: &str) -> Option<Answer> {
    // A client that was told to go on goes on.
    let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(text);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Some(Answer::new(status, headers, body.to_owned()))
}
