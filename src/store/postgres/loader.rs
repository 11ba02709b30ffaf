//! Look-ups of single things by key, many of them with one query.
//!
//! ```text
//!   look-up ─┐
//!   look-up ─┼─▶ waiting ─▶ SELECT … WHERE id = ANY($1) ─▶ answers
//!   look-up ─┘      ▲
//!                   └ what is asked while a query is under way waits for the next one
//! ```
//!
//! There is no timer: where no query is under way, the first look-up is sent at once, and the busier the process
//! is, the more look-ups share one. An answer is never older than its question, since the query that finds it is
//! sent after the question was asked.

use crate::{lifecycle::panic_message, store::StoreError};
use futures::{FutureExt, future::BoxFuture};
use std::{collections::HashMap, hash::Hash, panic::AssertUnwindSafe};
use tokio::sync::{mpsc, oneshot};

/// Most questions that one query answers.
const MOST: usize = 1024;

/// What a query has found, by key. What it has found and cannot be read is an error of its own.
pub(super) type Found<K, V> = HashMap<K, Result<V, StoreError>, foldhash::fast::RandomState>;

type Answer<V> = Result<Option<V>, StoreError>;

/// Asks for things of one kind.
pub(super) struct Loader<K, V>(mpsc::UnboundedSender<Question<K, V>>);

/// What is asked, to be answered by [`Questions::answer`].
pub(super) struct Questions<K, V>(mpsc::UnboundedReceiver<Question<K, V>>);

struct Question<K, V> {
    key: K,
    reply: oneshot::Sender<Answer<V>>,
}

impl<K: Copy + Eq + Hash, V: Clone> Loader<K, V> {
    pub(super) fn new() -> (Self, Questions<K, V>) {
        let (ask, asked) = mpsc::unbounded_channel();
        (Self(ask), Questions(asked))
    }
}

impl<K: Send + 'static, V: Send + 'static> Loader<K, V> {
    /// The thing with this key, if there is one.
    pub(super) fn find(&self, key: K) -> BoxFuture<'static, Answer<V>> {
        let (reply, answer) = oneshot::channel();
        // Where nobody answers any more, the question is dropped, and its reply with it.
        let _ = self.0.send(Question { key, reply });
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".into()))) },
        )
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Questions<K, V> {
    /// Answers what is asked with what `fetch` finds, one query at a time, as long as the loader is there.
    pub(super) async fn answer(mut self, fetch: impl AsyncFn(Vec<K>) -> Result<Found<K, V>, StoreError>) {
        let mut asked = Vec::new();
        while self.0.recv_many(&mut asked, MOST).await > 0 {
            let mut replies: HashMap<K, Vec<_>, foldhash::fast::RandomState> = HashMap::default();
            for Question { key, reply } in asked.drain(..).filter(|question| !question.reply.is_closed()) {
                replies.entry(key).or_default().push(reply);
            }
            let found = find_all(&fetch, replies.keys().copied().collect()).await;
            for (key, replies) in replies {
                let answer = match &found {
                    Ok(found) => found.get(&key).cloned().transpose(),
                    Err(error) => Err(error.clone()),
                };
                for reply in replies {
                    let _ = reply.send(answer.clone());
                }
            }
        }
    }
}

/// Fetches all, or, where that panics, each alone: who asks for one thing must not suffer from another.
async fn find_all<K: Copy + Eq + Hash, V>(
    fetch: &impl AsyncFn(Vec<K>) -> Result<Found<K, V>, StoreError>,
    keys: Vec<K>,
) -> Result<Found<K, V>, StoreError> {
    match &*keys {
        [] => Ok(Found::default()),
        [_] => guarded(fetch(keys)).await?,
        _ => match guarded(fetch(keys.clone())).await {
            Ok(answered) => answered,
            Err(_) => {
                let mut found = Found::default();
                for key in keys {
                    match guarded(fetch(vec![key])).await.flatten() {
                        Ok(one) => found.extend(one),
                        Err(error) => drop(found.insert(key, Err(error))),
                    }
                }
                Ok(found)
            }
        },
    }
}

/// Polls a query so that its panic is its own.
pub(super) async fn guarded<T>(query: impl Future<Output = T>) -> Result<T, StoreError> {
    AssertUnwindSafe(query)
        .catch_unwind()
        .await
        .map_err(|panic| StoreError::Poisoned(format!("the query panicked: {}", panic_message(panic.as_ref()))))
}

#[cfg(test)]
mod tests;
