//! A stream of server-sent events, message by message, as far as the server's own go.

use super::{Call, PATIENCE};
use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

/// A message of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: Option<u64>,
    /// `message` where the server says nothing else, as for a browser.
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Events {
    response: Response,
    unread: String,
}

impl Events {
    pub(super) fn of(response: Response) -> Self {
        Self { response, unread: String::new() }
    }

    /// The next message; `None` at the end of the stream. What only keeps the connection busy is passed over.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let message = parse(block);
                self.unread = rest.into();
                if let Some(message) = message {
                    return Some(message);
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("the stream goes on");
            match chunk.expect("the stream is whole") {
                Some(bytes) => self.unread += std::str::from_utf8(&bytes).expect("whole messages"),
                None => {
                    assert_eq!(self.unread, "", "the stream ends after a message");
                    return None;
                }
            }
        }
    }

    /// The messages up to the event of this name, with it.
    pub(crate) async fn until(&mut self, event: &str) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self.next().await.unwrap_or_else(|| panic!("the stream ends before {event}: {messages:?}"));
            let found = message.data["event"] == event;
            messages.push(message);
            if found {
                return messages;
            }
        }
    }

    /// All messages that are left.
    pub(crate) async fn rest(mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }
}

fn parse(block: &str) -> Option<Message> {
    let mut message = Message { event: "message".into(), ..Message::default() };
    let mut has_data = false;
    for line in block.lines() {
        match line.split_once(": ").unwrap_or_else(|| panic!("no field: {line:?}")) {
            ("id", id) => message.id = Some(id.parse().expect("a number")),
            ("event", event) => message.event = event.into(),
            ("data", data) => {
                message.data = serde_json::from_str(data).expect("JSON in one line");
                has_data = true;
            }
            ("" | "retry", _) => {}
            (field, _) => panic!("an unknown field: {field}"),
        }
    }
    has_data.then_some(message)
}

impl Call {
    /// Sends it, for a stream of events.
    pub(crate) async fn events(self) -> Events {
        let response = self.send().await;
        assert_eq!(response.status().as_u16(), 200, "{response:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events::of(response)
    }
}
