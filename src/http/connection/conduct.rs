//! How a connection behaves, shared between its bytes and the requests that are served on it. Both are in one task: whatever
//! wakes the connection has its request looked at too.

use super::Bounds;
use crate::http::places::{Place, Places};
use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use futures::future::poll_fn;
use pin_project_lite::pin_project;
use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

/// Where a connection is between two requests.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing of a first request has come.
    New(Instant),
    /// A request is coming.
    Head(Instant),
    /// A request is being served.
    Serving,
    /// The last request was answered.
    Idle(Instant),
}

/// How a connection behaves.
pub(in crate::http) struct Conduct {
    phase: Cell<Phase>,
    has_left: Cell<bool>,
    /// Bytes since the last request was answered.
    heard: Cell<u64>,
    places: Arc<Places>,
    place: RefCell<Option<Place>>,
}

impl Conduct {
    /// Of a new connection, which takes a place where there is one.
    pub(in crate::http) fn new(places: Arc<Places>) -> Rc<Self> {
        let place = RefCell::new(places.take());
        let phase = Cell::new(Phase::New(Instant::now()));
        Rc::new(Self { phase, has_left: Cell::new(false), heard: Cell::new(0), places, place })
    }

    /// By when the present phase must be over.
    pub(super) fn deadline(&self, bounds: &Bounds) -> Option<Instant> {
        // A connection without a place has less time, so that probes find room.
        let request = if self.has_place() { bounds.request } else { bounds.request.min(Places::PATIENCE) };
        match self.phase.get() {
            Phase::New(since) | Phase::Head(since) => Some(since + request),
            Phase::Idle(since) => Some(since + bounds.idle),
            Phase::Serving => None,
        }
    }

    /// Whether a request has begun to come.
    pub(super) fn is_in_a_request(&self) -> bool {
        matches!(self.phase.get(), Phase::Head(_)) && self.heard.get() > 0
    }

    /// The client has sent something; how much since it was last answered.
    pub(super) fn heard(&self, bytes: u64) -> u64 {
        if bytes > 0 && matches!(self.phase.get(), Phase::New(_) | Phase::Idle(_)) {
            self.phase.set(Phase::Head(Instant::now()));
        }
        self.heard.set(self.heard.get() + bytes);
        self.heard.get()
    }

    /// The client will send nothing more.
    pub(super) fn left(&self) {
        self.has_left.set(true);
    }

    /// Is there when the client has left.
    pub(in crate::http) async fn departure(&self) {
        poll_fn(|_| if self.has_left.get() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Begins to serve a request, until what it answers was sent.
    pub(in crate::http) fn serve(self: &Rc<Self>) -> Serving {
        self.phase.set(Phase::Serving);
        Serving(Rc::clone(self))
    }

    /// The places of the server.
    pub(in crate::http) const fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// Whether the connection has one of the places that are for everybody.
    pub(in crate::http) fn has_place(&self) -> bool {
        self.place.borrow().is_some()
    }

    /// Gives the connection a place.
    pub(in crate::http) fn sit(&self, place: Place) {
        *self.place.borrow_mut() = Some(place);
    }

    pub(super) fn take_place(&self) -> Option<OwnedSemaphorePermit> {
        self.place.borrow_mut().take()
    }
}

/// A request is being served, until this is dropped.
pub(in crate::http) struct Serving(Rc<Conduct>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.phase.set(Phase::Idle(Instant::now()));
        self.0.heard.set(0);
    }
}

pin_project! {
    /// A response's body, which ends with the client where it would go on for ever.
    pub(in crate::http) struct Attended<B> {
        #[pin]
        body: B,
        has_no_body: bool,
        serving: Option<Serving>,
        waiter: Option<OwnedSemaphorePermit>,
    }
}

impl<B> Attended<B> {
    /// `has_no_body` where the request asked for the head alone.
    pub(in crate::http) const fn new(
        body: B,
        has_no_body: bool,
        serving: Option<Serving>,
        waiter: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { body, has_no_body, serving, waiter }
    }
}

impl<B: MessageBody> MessageBody for Attended<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        if matches!(this.body.size(), BodySize::Stream) {
            let has_left = this.serving.as_ref().is_some_and(|Serving(conduct)| conduct.has_left.get());
            if has_left || *this.has_no_body {
                return Poll::Ready(None);
            }
        }
        this.body.poll_next(cx)
    }
}
