//! What other processes of the installation ask this one: who asks is looked at here, before anything of what they ask is
//! read; what is asked is the router's.

use crate::{
    credential::Credential,
    peers::{Identity, MAX_MESSAGE_BYTES, PROTOCOL, PROTOCOL_HEADER, Router, Unanswered},
    proto::peer::{
        AskReply, AskRequest, FactsKind, FactsReply, FactsRequest,
        peer_service_server::{PeerService, PeerServiceServer},
    },
    role::{Role, Roles},
    store::{FactSource, OrderFacts, Passed, StoreError, Visit, Watermark},
};
use futures::stream::{self, BoxStream, StreamExt as _};
use serde::Serialize;
use std::{
    future::Future,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;
use tonic::{
    Request, Response, Status, async_trait,
    service::{Interceptor, interceptor::InterceptedService},
};

/// Facts in one message, and messages that are ready before they are asked for.
const PORTION: usize = 128;
const READY: usize = 4;
/// Facts that are looked at before something is sent, be there none among them that is asked for: a sign of life.
const LOOKED_AT: usize = 10_000;

/// How this process is asked by others of its installation.
#[derive(Clone)]
pub struct PeerDoor {
    /// The roles that are played here.
    pub roles: Roles,
    /// Who answers what.
    pub router: Arc<Router>,
    /// What is stored here.
    pub facts: Arc<dyn FactSource>,
    /// What whoever asks must know; `None` where it is asked for a certificate, or everybody is on this machine.
    pub secret: Option<Credential>,
    /// Who must have issued the certificate of whoever asks, and who we are; each PEM.
    pub identity: Option<Identity>,
}

/// The service behind the door.
pub(super) struct Peers(PeerDoor);

impl Peers {
    pub(super) fn server(door: PeerDoor) -> InterceptedService<PeerServiceServer<Self>, Keeper> {
        let keeper = Keeper { secret: door.secret, asks_for_certificates: door.identity.is_some() };
        let behind = PeerServiceServer::new(Self(door))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        InterceptedService::new(behind, keeper)
    }
}

/// Lets in who belongs to the installation and speaks as this release does. A stranger's message is not even read.
#[derive(Clone)]
pub(super) struct Keeper {
    secret: Option<Credential>,
    asks_for_certificates: bool,
}

impl Interceptor for Keeper {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata();
        if let Some(secret) = &self.secret {
            let given = metadata.get("authorization").and_then(|given| given.to_str().ok());
            if !given.is_some_and(|given| secret.is_said_in(given)) {
                return Err(Status::unauthenticated("peers.secret is another one here"));
            }
        }
        if self.asks_for_certificates && request.peer_certs().is_none_or(|certificates| certificates.is_empty()) {
            return Err(Status::unauthenticated("peers show a certificate here"));
        }
        let spoken = metadata.get(PROTOCOL_HEADER).and_then(|spoken| spoken.to_str().ok()).unwrap_or("none");
        if spoken != PROTOCOL.to_string() {
            let spoken: String = spoken.chars().take(16).collect();
            let why = format!("peers speak protocol {PROTOCOL} here, not {spoken}: run one release everywhere");
            return Err(Status::failed_precondition(why));
        }
        Ok(request)
    }
}

#[async_trait]
impl PeerService for Peers {
    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskReply>, Status> {
        let AskRequest { question, body } = request.into_inner();
        match self.0.router.answer(&question, &body).await {
            Ok(body) => Ok(Response::new(AskReply { body: body.into() })),
            Err(unanswered) => Err(status(&unanswered)),
        }
    }

    type FactsStream = BoxStream<'static, Result<FactsReply, Status>>;

    async fn facts(&self, request: Request<FactsRequest>) -> Result<Response<Self::FactsStream>, Status> {
        let (into, portions) = mpsc::channel(READY);
        let facts = Arc::clone(&self.0.facts);
        let request = request.into_inner();
        let (kind, role) = (request.kind(), request.role);
        let role = role.parse::<Role>().ok().filter(|role| self.0.roles.contains(*role));
        let role = role.ok_or_else(|| Status::unimplemented("this process does not play that role"))?;
        match (kind, role) {
            (FactsKind::Unspecified, _) => return Err(Status::invalid_argument("kind says what the facts are about")),
            (FactsKind::Shelves, Role::Stock) => {
                let (visit, rest) = collect(into.clone(), Some);
                let passing = facts.visit_shelves(visit);
                tokio::spawn(tell(async { passing.await.map(|()| Passed::default()) }, rest, into));
            }
            // Nobody else knows of shelves.
            (FactsKind::Shelves, _) => {}
            (FactsKind::Tables, role) => {
                let judging = facts.judge_tables(Roles::of([role]));
                tokio::spawn(async move {
                    let judged = match judging.await {
                        Ok(judged) => portion(&judged, None),
                        Err(error) => Err(Status::unavailable(error.to_string())),
                    };
                    let _ = into.send(judged).await;
                });
            }
            (FactsKind::Orders, role) => {
                let (visit, rest) = collect(into.clone(), move |facts: OrderFacts| facts.only(role));
                tokio::spawn(tell(facts.visit(visit), rest, into));
            }
        }
        let portions = stream::unfold(portions, |mut portions| async move { Some((portions.recv().await?, portions)) });
        Ok(Response::new(portions.boxed()))
    }
}

type Portion = Result<FactsReply, Status>;
type Rest<T> = Arc<Mutex<Vec<T>>>;

/// Gathers facts, as far as they are asked for, on the thread that reads them, into portions that are sent once they are
/// full. What is left over in the end is `rest`.
fn collect<T: Serialize + Send + 'static>(
    into: mpsc::Sender<Portion>,
    asked_for: impl Fn(T) -> Option<T> + Send + 'static,
) -> (Visit<T>, Rest<T>) {
    let rest: Rest<T> = Arc::default();
    let gathered = Arc::clone(&rest);
    let mut looked_at = 0;
    let visit = move |fact: T| {
        looked_at += 1;
        let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.extend(asked_for(fact));
        if gathered.len() < PORTION && looked_at < LOOKED_AT {
            return ControlFlow::Continue(());
        }
        looked_at = 0;
        let sent = into.blocking_send(portion(&gathered, None));
        gathered.clear();
        if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    (Box::new(visit), rest)
}

/// Sends what is left over, or why there is no more.
async fn tell<T: Serialize + Send>(
    read: impl Future<Output = Result<Passed, StoreError>> + Send,
    rest: Rest<T>,
    into: mpsc::Sender<Portion>,
) {
    let last = match read.await {
        Ok(Passed { removed, .. }) => portion(&rest.lock().unwrap_or_else(PoisonError::into_inner), removed),
        Err(error) => Err(Status::unavailable(error.to_string())),
    };
    let _ = into.send(last).await;
}

fn portion<T: Serialize>(facts: &[T], removed: Option<Watermark>) -> Portion {
    let json = |error: serde_json::Error| Status::internal(error.to_string());
    let removed = removed.map(|removed| serde_json::to_vec(&removed)).transpose().map_err(json)?.unwrap_or_default();
    Ok(FactsReply { body: serde_json::to_vec(facts).map_err(json)?.into(), removed: removed.into() })
}

fn status(unanswered: &Unanswered) -> Status {
    let why = unanswered.to_string();
    match unanswered {
        Unanswered::NotHere(_) => Status::unimplemented(why),
        Unanswered::Malformed(_) => Status::invalid_argument(why),
        Unanswered::Unavailable(_) => Status::unavailable(why),
    }
}
