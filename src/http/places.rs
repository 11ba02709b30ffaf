//! Room for connections: places for everybody, a reserve for probes and operators, and fewer places to wait in.

use super::{Code, Problem};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A connection's place.
pub(super) type Place = OwnedSemaphorePermit;

/// The room of one listener.
#[derive(Debug)]
pub(super) struct Places {
    seats: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Requests without a place that wait for one.
    queue: AtomicUsize,
    most: usize,
    reserve: usize,
}

impl Places {
    /// How long a request without a place waits for one, and how long it may take to come.
    pub(super) const PATIENCE: Duration = Duration::from_secs(1);

    /// Room for so many connections, and some more that are served no longer than an operator's question takes.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let waiting = Arc::new(Semaphore::new((most - (most / 4).max(1).min(most)).max(1)));
        let reserve = (most / 8).clamp(4, 64);
        Arc::new(Self { seats: Arc::new(Semaphore::new(most)), waiting, queue: AtomicUsize::new(0), most, reserve })
    }

    /// Most connections at once, the reserve included.
    pub(super) const fn connections(&self) -> usize {
        self.most + self.reserve
    }

    /// Takes a place, if there is one.
    pub(super) fn take(&self) -> Option<Place> {
        Arc::clone(&self.seats).try_acquire_owned().ok()
    }

    /// Whether a connection should not be kept for another request.
    pub(super) fn is_crowded(&self) -> bool {
        self.seats.available_permits() < self.most / 8
    }

    /// A place for a connection of the reserve that asks for more than an operator's answer. A short rush is waited for, as long
    /// as half of the reserve stays free.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn wait_for_one(&self) -> Result<Place, Problem> {
        /// One of those that wait.
        struct Queued<'a>(&'a AtomicUsize);
        impl Drop for Queued<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.queue.fetch_add(1, Ordering::Relaxed);
        let _queued = Queued(&self.queue);
        let seats = Arc::clone(&self.seats);
        if before < self.reserve / 2
            && let Ok(Ok(place)) = timeout(Self::PATIENCE, seats.acquire_owned()).await
        {
            return Ok(place);
        }
        let detail = format!("the server has {} connections, as many as it takes; try again shortly", self.most);
        Err(Problem::new(Code::TooManyConnections, detail))
    }

    /// A place to wait in.
    ///
    /// # Errors
    /// So many requests wait that others would find no connection.
    pub(super) fn wait_in_one(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| {
            Problem::new(Code::TooManyWaiting, "too many requests wait already; ask without waiting, or again shortly")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_requests_wait_than_there_are_connections() {
        for most in [2, 3, 8, 200] {
            let places = Places::new(most);
            let waiting: Vec<_> = std::iter::from_fn(|| places.wait_in_one().ok()).collect();
            assert!((1..=most).contains(&waiting.len()), "{most}");
            assert!(waiting.len() < most, "{most}");
            drop(waiting);
            assert!(places.wait_in_one().is_ok());
        }
    }

    #[tokio::test]
    async fn whoever_finds_no_place_waits_for_one_and_not_for_long() {
        let places = Places::new(1);
        let place = places.take().unwrap();
        assert!(places.take().is_none());
        assert_eq!(places.wait_for_one().await.unwrap_err().code(), Code::TooManyConnections);
        let (found, ()) = tokio::join!(places.wait_for_one(), async { drop(place) });
        assert!(found.is_ok());
    }
}
