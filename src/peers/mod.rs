//! What the processes of one installation ask each other, where its roles run apart.
//!
//! ```text
//!   a proxy actor, remote queries ─▶ Peer ──Ask(question, JSON)──▶ grpc ─▶ Router ─▶ the actor, the store
//!          ▲                           │  one connection, many questions at once
//!          └── the answer, or Away ◀───┘
//! ```
//!
//! A question is asked under the name of its [`Endpoint`], which says what is asked and answered; both sides are the same
//! release. Whatever is asked may be asked again: every question has the same effect once or twice.
//!
//! Owns how questions travel: names, encoding, credentials, deadlines, connecting again, and what it means when nobody
//! answers. Must not know what a question does.

mod endpoint;
mod facts;
mod link;
mod ping;
mod queries;
mod router;

pub use endpoint::Endpoint;
pub use link::{Away, Identity, LinkState, Peer, PeerError, PeerOptions};
pub use ping::answer_pings;
pub use queries::{answer_queries, facts_beside, remote_queries};
pub use router::{Router, Unanswered};

/// Which way of asking this release speaks. Raised whenever a question or an answer is written otherwise than before, so
/// that processes of two releases do not misunderstand each other.
pub const PROTOCOL: u32 = 1;

/// The metadata that says which way a peer speaks.
pub const PROTOCOL_HEADER: &str = "backstitch-peer-protocol";

/// Largest message between peers, in bytes: more than a portion of orders of a hundred lines each.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// Most characters of what a peer says of an error: what it was asked, or has answered, may be in it.
const MOST_SAID: usize = 200;

/// What is fit to be told of an error.
fn bounded(text: &str) -> String {
    text.chars().take(MOST_SAID).map(|char| if char.is_control() { ' ' } else { char }).collect()
}
