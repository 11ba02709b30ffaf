//! The connections to another process, over which everything is asked, and what is known of it.

use super::{Endpoint, MAX_MESSAGE_BYTES, PROTOCOL, PROTOCOL_HEADER, bounded};
use crate::{
    proto::peer::{AskRequest, FactsKind, FactsReply, FactsRequest, peer_service_client::PeerServiceClient},
    role::Role,
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tonic::{
    Code, Request, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint as Address},
};

/// How long a question is asked again before whoever asks hears that the peer is away: as long as a process takes that is
/// started again. A peer that has been away for longer is probed by one question at a time, and the others wait no more.
const GRACE: Duration = Duration::from_secs(2);
/// The waits between two tries meanwhile.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));
/// Most questions at once that the peer may wait for; they have a connection of their own, so that nobody who waits keeps
/// others from asking.
const MOST_WAITING: usize = 400;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a silent connection is asked whether it is still there, and how long it may take to answer.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5));

/// How another process is reached.
#[derive(Clone)]
pub struct PeerOptions {
    /// The role that it plays for us.
    pub role: Role,
    /// Where it is: `http://host:port`, or `https://…` where an identity is given.
    pub url: String,
    /// The secret that the processes of the installation share.
    pub secret: Option<String>,
    /// Who it must be, and who we are, where certificates say so.
    pub identity: Option<Identity>,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// Certificates of an installation, each as PEM.
#[derive(Clone)]
pub struct Identity {
    /// Whose certificates are believed.
    pub authority: Vec<u8>,
    /// This process's certificate.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

/// Why there can be no connection to a peer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its address or the certificates cannot be used.
    #[error("cannot reach the {role} at {url}: {source}")]
    Address {
        /// Which peer.
        role: Role,
        /// Its address.
        url: String,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
    /// The secret has characters that cannot be sent.
    #[error("peers.secret cannot be sent: it must be visible ASCII characters")]
    Secret,
}

/// A peer that does not answer: what was asked may have happened or not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {role} cannot be reached: {why}")]
pub struct Away {
    role: Role,
    why: String,
    refused: bool,
}

impl Away {
    /// Whether the peer is there, and cannot read this very question.
    pub const fn is_refusal(&self) -> bool {
        self.refused
    }
}

/// What is known of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// The peer.
    pub role: Role,
    /// Where it is.
    pub url: String,
    /// Since when it has not answered, and what went wrong last; `None` where it has answered last, or was never asked.
    pub away: Option<(Duration, String)>,
}

/// Another process.
#[derive(Clone)]
pub struct Peer(Arc<Link>);

type Client = PeerServiceClient<Channel>;

struct Link {
    role: Role,
    url: String,
    address: Address,
    client: Client,
    /// Over a connection of its own, for what the peer may wait for.
    patient: Client,
    waiting: Semaphore,
    secret: Option<MetadataValue<Ascii>>,
    timeout: Duration,
    known: Mutex<Known>,
}

/// What is known of whether a peer answers.
#[derive(Default)]
struct Known {
    /// When it answered last.
    answered: Option<Instant>,
    /// Since when it has not, and why.
    away: Option<(Instant, String)>,
    /// A question is being asked that finds out whether it is back.
    probed: bool,
}

/// How a question is asked of a peer.
enum Way {
    /// Again, until the grace is over.
    Again,
    /// Once, to find out whether it is back.
    Probe,
    /// Not at all: it is away, for this reason.
    Away(String),
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({} at {})", self.0.role, self.0.url)
    }
}

impl Peer {
    /// A peer, which is connected to when it is asked something. Must be called on a runtime, which then carries what
    /// is asked.
    ///
    /// # Errors
    /// When its address, the certificates or the secret can be nobody's.
    pub fn new(options: PeerOptions) -> Result<Self, PeerError> {
        let PeerOptions { role, url, secret, identity, timeout } = options;
        let address =
            address(&url, identity).map_err(|source| PeerError::Address { role, url: url.clone(), source })?;
        let secret = secret.map(|secret| format!("Bearer {secret}").parse::<MetadataValue<Ascii>>()).transpose();
        let mut secret = secret.map_err(|_| PeerError::Secret)?;
        secret.iter_mut().for_each(|secret| secret.set_sensitive(true));
        let (client, patient) = (client(&address), client(&address));
        let (waiting, known) = (Semaphore::new(MOST_WAITING), Mutex::default());
        Ok(Self(Arc::new(Link { role, url, address, client, patient, waiting, secret, timeout, known })))
    }

    /// The role that it plays.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// How long an answer of it may take.
    pub(super) fn timeout(&self) -> Duration {
        self.0.timeout
    }

    /// What is known of it.
    pub fn state(&self) -> LinkState {
        let away = self.0.known().away.as_ref().map(|(since, why)| (since.elapsed(), why.clone()));
        LinkState { role: self.0.role, url: self.0.url.clone(), away }
    }

    /// Asks something: again where it does not answer, until the grace is over.
    ///
    /// # Errors
    /// It does not answer in time, or not usably. It may have happened.
    pub async fn ask<Q, A>(&self, endpoint: Endpoint<Q, A>, question: &Q) -> Result<A, Away>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        self.ask_for(endpoint, question, |_| Ok(())).await
    }

    /// As [`Self::ask`], for an answer that is one only where `is_one` finds nothing wrong with it.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_for<Q, A>(
        &self,
        endpoint: Endpoint<Q, A>,
        question: &Q,
        is_one: impl Fn(&A) -> Result<(), String>,
    ) -> Result<A, Away>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        let name = endpoint.name();
        let body = Bytes::from(self.write(question)?);
        let probe = match self.0.way() {
            Way::Away(why) => return Err(self.away(why)),
            Way::Again => None,
            Way::Probe => Some(Probe(&self.0)),
        };
        let (begun, mut pause) = (Instant::now(), PAUSES.0);
        loop {
            let status = match self.once(&self.0.client, name, body.clone(), self.0.timeout).await {
                Ok(answer) => return self.take_in(name, begun, &answer, &is_one),
                Err(status) => status,
            };
            let refused = status.code() == Code::InvalidArgument;
            if !refused {
                self.0.is_away(begun, &said(&status));
            }
            if refused || probe.is_some() || !may_pass(&status) || begun.elapsed() >= GRACE {
                return Err(Away { refused, ..self.away(said(&status)) });
            }
            sleep(pause).await;
            pause = (2 * pause).min(PAUSES.1);
        }
    }

    /// As [`Self::ask`], once, whoever may be starting again.
    pub(super) async fn ask_once<Q, A>(
        &self,
        endpoint: Endpoint<Q, A>,
        question: &Q,
        within: Duration,
    ) -> Result<A, Away>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        let body = self.write(question)?;
        let begun = Instant::now();
        match self.once(&self.0.client, endpoint.name(), body.into(), within).await {
            Ok(answer) => self.take_in(endpoint.name(), begun, &answer, |_| Ok(())),
            Err(status) => {
                self.0.is_away(begun, &said(&status));
                Err(self.away(said(&status)))
            }
        }
    }

    /// Asks something once that the peer may wait for, for so long. Whether it is away, others find out.
    ///
    /// # Errors
    /// As [`Self::ask`], or too many wait already.
    pub async fn ask_within<Q, A>(&self, endpoint: Endpoint<Q, A>, question: &Q, wait: Duration) -> Result<A, Away>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        let body = self.write(question)?;
        let _place = self.0.waiting.try_acquire().map_err(|_| self.away("too many wait for it already".into()))?;
        let answered = self.once(&self.0.patient, endpoint.name(), body.into(), self.0.timeout + wait).await;
        let answer = answered.map_err(|status| self.away(said(&status)))?;
        read(endpoint.name(), &answer, |_| Ok(())).map_err(|why| self.away(why))
    }

    fn write<Q: Serialize>(&self, question: &Q) -> Result<Vec<u8>, Away> {
        serde_json::to_vec(question).map_err(|error| self.away(error.to_string()))
    }

    /// Asks, once; what is answered, as it is written.
    async fn once(
        &self,
        client: &Client,
        question: &'static str,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, Status> {
        let mut request = Request::new(AskRequest { question: question.to_owned(), body });
        self.introduce(&mut request);
        request.set_timeout(within);
        // The deadline that goes along holds once there is a connection, and until an answer begins.
        match timeout(within, client.clone().ask(request)).await {
            Ok(answered) => Ok(answered?.into_inner().body),
            Err(_) => Err(Status::deadline_exceeded(format!("no answer in time, which is {} ms", within.as_millis()))),
        }
    }

    /// Who answers what nobody can use is not there.
    fn take_in<A: DeserializeOwned>(
        &self,
        question: &str,
        begun: Instant,
        answer: &[u8],
        is_one: impl Fn(&A) -> Result<(), String>,
    ) -> Result<A, Away> {
        match read(question, answer, is_one) {
            Ok(answer) => {
                self.0.is_there();
                Ok(answer)
            }
            Err(why) => {
                self.0.is_away(begun, &why);
                Err(self.away(why))
            }
        }
    }

    /// What it has stored in its role, for an audit.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn facts(&self, kind: FactsKind) -> Result<Streaming<FactsReply>, Away> {
        let mut request = Request::new(FactsRequest { kind: kind.into(), role: self.0.role.as_str().to_owned() });
        self.introduce(&mut request);
        // Over a connection of its own, since whoever audits reads slowly; and as long as it takes.
        let answered = client(&self.0.address).facts(request).await;
        answered.map(tonic::Response::into_inner).map_err(|status| self.away(said(&status)))
    }

    /// Says who asks.
    fn introduce<T>(&self, request: &mut Request<T>) {
        request.metadata_mut().insert(PROTOCOL_HEADER, PROTOCOL.into());
        if let Some(secret) = &self.0.secret {
            request.metadata_mut().insert("authorization", secret.clone());
        }
    }

    pub(super) fn away(&self, why: String) -> Away {
        Away { role: self.0.role, why, refused: false }
    }
}

impl Link {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn way(&self) -> Way {
        let mut known = self.known();
        match &known.away {
            Some((since, why)) if since.elapsed() >= GRACE => {
                if known.probed {
                    return Way::Away(why.clone());
                }
                known.probed = true;
                Way::Probe
            }
            _ => Way::Again,
        }
    }

    fn is_there(&self) {
        let was_away = {
            let mut known = self.known();
            known.answered = Some(Instant::now());
            known.away.take()
        };
        if let Some((since, _)) = was_away {
            tracing::info!(peer = %self.role, url = self.url, away_ms = since.elapsed().as_millis(), "a peer answers again");
        }
    }

    /// A question that was first asked at `begun` has no answer. Where another one has been answered since, the peer is
    /// there, and it is this question that takes too long.
    fn is_away(&self, begun: Instant, why: &str) {
        let mut known = self.known();
        if known.answered.is_some_and(|answered| answered > begun) {
            return;
        }
        let since = known.away.as_ref().map_or(begun, |(since, _)| *since);
        if known.away.is_none() {
            tracing::warn!(peer = %self.role, url = self.url, why, "a peer does not answer");
        }
        known.away = Some((since, why.to_owned()));
    }
}

/// A question that finds out whether a peer is back. Once it is dropped, another one may.
struct Probe<'l>(&'l Link);

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        self.0.known().probed = false;
    }
}

/// A connection of its own, which is made when it is needed.
fn client(address: &Address) -> Client {
    PeerServiceClient::new(address.connect_lazy())
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

fn address(url: &str, identity: Option<Identity>) -> Result<Address, tonic::transport::Error> {
    let address = Address::from_shared(url.to_owned())?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1)
        .keep_alive_while_idle(true);
    let Some(Identity { authority, certificate, key }) = identity else { return Ok(address) };
    let tls = ClientTlsConfig::new()
        .timeout(CONNECT_TIMEOUT)
        .ca_certificate(Certificate::from_pem(authority))
        .identity(tonic::transport::Identity::from_pem(certificate, key));
    address.tls_config(tls)
}

/// An answer, where it is one; what is wrong with it.
fn read<A: DeserializeOwned>(
    question: &str,
    answer: &[u8],
    is_one: impl Fn(&A) -> Result<(), String>,
) -> Result<A, String> {
    let read = serde_json::from_slice(answer).map_err(|error| error.to_string());
    let wrong = |why: String| format!("its answer to {question} cannot be used: {}", bounded(&why));
    read.and_then(|answer| is_one(&answer).map(|()| answer)).map_err(wrong)
}

/// Whether the same may be answered shortly: not where the two cannot understand or trust each other.
fn may_pass(status: &Status) -> bool {
    !matches!(
        status.code(),
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Unimplemented
            | Code::NotFound
            | Code::ResourceExhausted
    )
}

/// What went wrong, with its cause: of a connection that cannot be made, that is all there is to know.
fn said(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    bounded(&text)
}
