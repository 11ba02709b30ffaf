//! What every facade offers, whatever its wire format: commands carried to the actors, and views read
//! from the store.
//!
//! Owns the patience between a client and the actors: a command that meets a crashed actor is sent
//! again, safely, because its ids were made before it was first sent. Must not hold a rule, nor know
//! of HTTP or gRPC.

mod audits;
mod catalog;
mod direct;
mod elsewhere;
mod error;
mod failed;
mod gauges;
mod log;
mod notifier;
mod orders;
mod problem;
mod product;
mod ready;
mod shipments;
mod stock;
mod summary;
mod view;

pub use catalog::{CatalogChanged, OfferView, ProductView};
pub use direct::DirectOrder;
pub use error::{ServiceError, What};
pub use failed::{OnFailure, OrderFailed};
pub use log::{Followed, Follower, LoggedEvent};
pub use notifier::Report;
pub use problem::{Code, Problem};
pub use stock::StockView;
pub use summary::MAX_SUMMARY_DAYS;
pub use view::{OrderSearch, OrderView, SagaView, row_message};

use crate::{
    actors::{
        Actors, PaymentAccepted, PaymentOwner, PaymentRequestError, Request, SagaCoordinator,
        coordinator::{CancelSaga, RetrySaga, SagaRequestError, Watch},
    },
    clock,
    domain::{
        checkout::Policy,
        field::FieldError,
        ids::{OrderId, PaymentId, SagaId},
        order::{NotDirect, Order},
        payment::{
            ChargeDirect, Discrepancy, OpenPayment, Payment, PaymentRefusal, RefundDirect, Reported, SettlePayment,
        },
        reference::Reference,
        saga::CancelBy,
        time::Timestamp,
    },
    peers::{Peer, remote_queries},
    release,
    role::Role,
    store::{Caller, Claim, Node, NodeState, Queries, Scope, Stats, Store},
};
use actix::{Actor, Addr, Handler, Message, Recipient, dev::ToEnvelope};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, oneshot, watch},
    time::{Instant, sleep, timeout_at},
};
use uuid::Uuid;

/// The longest that a client may have the server wait for a saga's rest, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 60;
/// How long a command is sent again to an actor that keeps failing before the client hears of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The wait between two such tries.
const RESEND_PAUSE: Duration = Duration::from_millis(5);

/// The product, as facades use it.
#[derive(Clone)]
pub struct Service {
    store: Store,
    queries: Queries,
    actors: Actors,
    /// The processes that play the roles that this one does not.
    peers: Arc<[Peer]>,
    node: Arc<str>,
    started_at: Timestamp,
    /// Turns true when the process is stopping: who waits for a saga is answered at once.
    stopping: watch::Receiver<bool>,
    policy: Policy,
    /// Room for those who follow a saga's log.
    followers: Arc<Semaphore>,
    /// Whose turn it is to have orders counted.
    summaries: Arc<Semaphore>,
    gauges: gauges::Gauges,
    audits: audits::Audits,
}

impl Service {
    /// A service over a store and its actors, on the node of this name, which starts now.
    pub fn new(store: Store, actors: Actors, node: &str, policy: Policy, stopping: watch::Receiver<bool>) -> Self {
        let followers = Arc::new(Semaphore::new(log::MAX_FOLLOWERS));
        let queries = store.queries();
        Self {
            store,
            queries,
            actors,
            peers: Arc::default(),
            node: node.into(),
            started_at: clock::now(),
            stopping,
            policy,
            followers,
            summaries: Arc::new(Semaphore::new(1)),
            gauges: gauges::Gauges::default(),
            audits: audits::Audits::default(),
        }
    }

    /// The same, where other processes are owners of some data too: it is they who are asked about that.
    #[must_use]
    pub fn beside(self, peers: &[Peer]) -> Self {
        Self { queries: remote_queries(self.queries, peers), peers: peers.into(), ..self }
    }

    /// The processes that play roles that this one asks something of.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// What every owner can be asked.
    pub const fn queries(&self) -> &Queries {
        &self.queries
    }

    /// What the store of this process has done.
    pub fn store_stats(&self) -> &Stats {
        &self.store.stats
    }

    /// The actors.
    pub const fn actors(&self) -> &Actors {
        &self.actors
    }

    /// What clients may ask for.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The processes that drive sagas over this database, the latest first.
    ///
    /// # Errors
    /// Storage away.
    pub async fn nodes(&self) -> Result<Vec<Node>, ServiceError> {
        if let Some(peers) = &self.store.peers {
            return Ok(peers.nodes().await?);
        }
        Ok(vec![Node {
            id: self.node.to_string(),
            epoch: 0,
            version: release::VERSION.to_owned(),
            started_at: self.started_at,
            seen_at: clock::now(),
            lease_until: None,
            state: NodeState::Alive,
            sagas: self.store.sagas.unfinished().await?,
            is_this: true,
        }])
    }

    /// Turns a saga back; whether the same request had been made before, so that nothing was done now.
    ///
    /// # Errors
    /// No such saga, past its pivot, or over.
    pub async fn cancel_saga(
        &self,
        saga_id: SagaId,
        by: CancelBy,
        note: Option<String>,
        claim: Option<Claim>,
    ) -> Result<bool, ServiceError> {
        if let Some(peer) = self.peer(Role::Coordinator) {
            return elsewhere::cancel(peer, saga_id, by, note, claim).await;
        }
        self.saga_request(saga_id, claim.as_ref(), || CancelSaga {
            saga_id,
            by,
            note: note.clone(),
            claim: claim.clone(),
        })
        .await
    }

    /// Tries a stuck or waiting saga again; whether the same request had been made before, so that
    /// nothing was done now.
    ///
    /// # Errors
    /// No such saga, or over.
    pub async fn retry_saga(
        &self,
        saga_id: SagaId,
        note: Option<String>,
        claim: Option<Claim>,
    ) -> Result<bool, ServiceError> {
        let message = || RetrySaga { saga_id, note: note.clone(), claim: claim.clone() };
        self.saga_request(saga_id, claim.as_ref(), message).await
    }

    /// The process that plays a role, where it is another one.
    fn peer(&self, role: Role) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.role() == role)
    }

    /// Who drives the sagas, where that is an actor of this process.
    fn coordinator(&self) -> Result<&Addr<SagaCoordinator>, ServiceError> {
        let elsewhere = || ServiceError::Unavailable("the sagas are driven by another process".into());
        self.actors.coordinator.as_ref().ok_or_else(elsewhere)
    }

    async fn ask_coordinator<M>(&self, message: impl Fn() -> M) -> Result<M::Result, ServiceError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        SagaCoordinator: Handler<M>,
        <SagaCoordinator as Actor>::Context: ToEnvelope<SagaCoordinator, M>,
    {
        send(&self.coordinator()?.clone().recipient(), || Ok(message())).await
    }

    /// A repeat is answered before the saga is asked, whose state may forbid by now what it allowed then.
    async fn saga_request<M>(
        &self,
        saga_id: SagaId,
        claim: Option<&Claim>,
        message: impl Fn() -> M,
    ) -> Result<bool, ServiceError>
    where
        M: Message<Result = Result<(), SagaRequestError>> + Send + 'static,
        SagaCoordinator: Handler<M>,
        <SagaCoordinator as Actor>::Context: ToEnvelope<SagaCoordinator, M>,
    {
        if self.is_repeated(claim).await? {
            return Ok(true);
        }
        match self.ask_coordinator(message).await? {
            Ok(()) => Ok(false),
            // The same request, sent at the same time, may have been first.
            Err(SagaRequestError::Refused(_)) if self.is_repeated(claim).await? => Ok(true),
            Err(error) => Err(of_saga(saga_id, error)),
        }
    }

    async fn is_repeated(&self, claim: Option<&Claim>) -> Result<bool, ServiceError> {
        match claim {
            Some(claim) => Ok(self.queries.sagas.claimed(claim.clone()).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Opens the order's payment.
    ///
    /// # Errors
    /// No such order, another amount than its total, or closed.
    pub async fn open_payment(
        &self,
        order_id: OrderId,
        open: impl Fn(&Order) -> OpenPayment,
        claim: Option<Claim>,
    ) -> Result<PaymentAccepted, ServiceError> {
        let order = self.order(order_id).await?;
        if order.saga_id.is_none() {
            return Err(NotDirect::HasNoSaga.into());
        }
        self.payment_request(open(&order), claim).await
    }

    /// Takes in how a payment went, as its own id is known outside.
    ///
    /// # Errors
    /// No such payment, or one that cannot go that way.
    pub async fn settle_payment(&self, payment_id: PaymentId, report: Report) -> Result<PaymentAccepted, ServiceError> {
        let order_id = self.payment(payment_id).await?.order_id;
        if report.order_id.is_some_and(|named| named != order_id) {
            return Err(PaymentRefusal::NotTheOrders.into());
        }
        self.report(order_id, Reported::Own(payment_id), report, None).await
    }

    /// Hands a report on; one that says something else than the payment's record is told to an operator.
    async fn report(
        &self,
        order_id: OrderId,
        payment: Reported,
        report: Report,
        claim: Option<Claim>,
    ) -> Result<PaymentAccepted, ServiceError> {
        let Report { settlement, by, amount, currency, .. } = report;
        let settle = SettlePayment { order_id, payment, settlement, by, amount, currency };
        let answer = self.payment_request(settle, claim).await;
        if let Err(ServiceError::PaymentRefused(PaymentRefusal::Differs(found))) = &answer {
            let Discrepancy { field, recorded, reported } = found;
            tracing::warn!(%order_id, field, recorded, reported, "a report on a payment is refused: it differs");
            metrics::counter!("payment_reports_refused_total", "field" => field.clone()).increment(1);
        }
        answer
    }

    /// Takes in how a payment went, as a payment service reports it for an order.
    ///
    /// # Errors
    /// No such order or payment, a payment of another order, or one that cannot go that way.
    pub async fn settle_order_payment(
        &self,
        order_id: OrderId,
        payment: &str,
        report: Report,
        claim: Option<Claim>,
    ) -> Result<PaymentAccepted, ServiceError> {
        self.order(order_id).await?;
        let own = Uuid::parse_str(payment).ok().map(PaymentId::from_uuid);
        let payment = match own {
            Some(id) if self.queries.payments.payment(id).await?.is_some() => Reported::Own(id),
            // What the reporter itself calls it.
            _ => Reported::Called(Reference::parse(payment.to_owned()).map_err(|error| {
                ServiceError::Invalid(vec![FieldError { field: "payment_id".into(), message: error.to_string() }])
            })?),
        };
        self.report(order_id, payment, report, claim).await
    }

    async fn payment_request<C: PaymentRequest>(
        &self,
        command: C,
        claim: Option<Claim>,
    ) -> Result<PaymentAccepted, ServiceError> {
        let message = || Ok(Request { command: command.clone(), claim: claim.clone() });
        match send(C::to(&self.actors.payment), message).await? {
            Ok(accepted) => Ok(accepted),
            Err(PaymentRequestError::Refused(refusal)) => Err(refusal.into()),
            Err(PaymentRequestError::Store(error)) => Err(error.into()),
        }
    }

    /// One order.
    ///
    /// # Errors
    /// No such order, or storage away.
    pub async fn order(&self, id: OrderId) -> Result<Order, ServiceError> {
        self.queries.orders.order(id).await?.ok_or_else(|| ServiceError::NotFound(What::Order, id.to_string()))
    }

    /// One payment.
    ///
    /// # Errors
    /// No such payment, or storage away.
    pub async fn payment(&self, id: PaymentId) -> Result<Payment, ServiceError> {
        self.queries.payments.payment(id).await?.ok_or_else(|| ServiceError::NotFound(What::Payment, id.to_string()))
    }

    /// Waits until a saga rests, the time is up, or the process is stopping, whichever is first.
    ///
    /// # Errors
    /// Storage away.
    pub async fn wait_for_rest(&self, saga_id: SagaId, wait: Duration) -> Result<(), ServiceError> {
        self.rest_before(saga_id, Instant::now() + wait).await
    }

    async fn rest_before(&self, saga_id: SagaId, deadline: Instant) -> Result<(), ServiceError> {
        if let Some(peer) = self.peer(Role::Coordinator) {
            let wait = deadline.saturating_duration_since(Instant::now());
            return self.rest_elsewhere(peer, saga_id, wait).await;
        }
        while Instant::now() < deadline {
            // Subscribing before looking leaves no gap in which the rest could be missed.
            let rest = self.ask_coordinator(|| Watch(saga_id)).await?;
            let row = self.queries.sagas.saga(saga_id).await?;
            if row.is_none_or(|row| row.status.is_at_rest()) {
                return Ok(());
            }
            if self.wait_until(rest, deadline).await == Waited::Enough {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn wait_until(&self, rest: oneshot::Receiver<()>, deadline: Instant) -> Waited {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            rested = timeout_at(deadline, rest) => match rested {
                Ok(Ok(())) | Err(_) => Waited::Enough,
                Ok(Err(_)) => Waited::InVain,
            },
            _ = stopping.wait_for(|stopping| *stopping) => Waited::Enough,
        }
    }
}

/// Why a saga does not do as it is asked.
fn of_saga(saga_id: SagaId, error: SagaRequestError) -> ServiceError {
    match error {
        SagaRequestError::Refused(refused) => refused.into(),
        SagaRequestError::NotFound => ServiceError::NotFound(What::Saga, saga_id.to_string()),
        SagaRequestError::Unusable(why) => ServiceError::UnusableLog(why),
        SagaRequestError::Store(error) => error.into(),
    }
}

/// How waiting for a saga's rest has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// It rests, the time is up, or the process is stopping.
    Enough,
    /// Nobody knows any more who waits: the coordinator has failed, or the order was not placed. Where it was,
    /// subscribe again.
    InVain,
}

/// A client's command to a payment.
trait PaymentRequest: Clone + Send + Sized + 'static {
    /// Whom it goes to.
    fn to(owner: &PaymentOwner) -> &Recipient<Request<Self>>;
}

macro_rules! payment_requests {
    ($($command:ty => $field:ident;)+) => {
        $(impl PaymentRequest for $command {
            fn to(owner: &PaymentOwner) -> &Recipient<Request<Self>> {
                &owner.$field
            }
        })+
    };
}

payment_requests! {
    OpenPayment => open;
    SettlePayment => settle;
    ChargeDirect => charge;
    RefundDirect => refund;
}

/// A key of this server's own, for a request without one whose effect is made only where it arrives: it has it once, however
/// often it is sent.
fn own_claim(scope: &str) -> Claim {
    let (key, request_id) = (Uuid::now_v7().to_string(), Uuid::now_v7());
    Claim { scope: Scope::new(Caller::Anyone, "", scope), key, body_hash: [0; 32], request_id }
}

/// Sends a message until the actor answers it, for as long as is bearable.
async fn send<M>(actor: &Recipient<M>, message: impl Fn() -> Result<M, ServiceError>) -> Result<M::Result, ServiceError>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    let give_up = Instant::now() + PATIENCE;
    loop {
        match actor.send(message()?).await {
            Ok(answer) => return Ok(answer),
            Err(_) if Instant::now() < give_up => sleep(RESEND_PAUSE).await,
            Err(_) => return Err(ServiceError::Unavailable("an actor keeps failing".into())),
        }
    }
}
