//! One connection to another process, over which everything is asked, and what is known of it.

use super::{Endpoint, MAX_MESSAGE_BYTES, PROTOCOL, PROTOCOL_HEADER, bounded};
use crate::{
    proto::peer::{AskRequest, FactsReply, FactsRequest, peer_service_client::PeerServiceClient},
    role::Role,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};
use tonic::{
    Code, Request, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint as Address},
};

/// How long a peer may be gone before whoever asks it hears of that: a process that is started again, say. A peer that is
/// gone for longer is asked once, and whoever asks waits no more.
const GRACE: Duration = Duration::from_secs(2);
/// The waits between two tries meanwhile.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));
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

struct Link {
    role: Role,
    url: String,
    client: PeerServiceClient<Channel>,
    secret: Option<MetadataValue<Ascii>>,
    timeout: Duration,
    /// Since when nobody has answered, and why.
    away: Mutex<Option<(Instant, String)>>,
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
        let channel =
            channel(&url, identity).map_err(|source| PeerError::Address { role, url: url.clone(), source })?;
        let secret = secret.map(|secret| format!("Bearer {secret}").parse::<MetadataValue<Ascii>>()).transpose();
        let client = PeerServiceClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let mut secret = secret.map_err(|_| PeerError::Secret)?;
        // Shown to nobody, be the log as talkative as can be.
        secret.iter_mut().for_each(|secret| secret.set_sensitive(true));
        Ok(Self(Arc::new(Link { role, url, client, secret, timeout, away: Mutex::new(None) })))
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
        let away = self.0.away().as_ref().map(|(since, why)| (since.elapsed(), why.clone()));
        LinkState { role: self.0.role, url: self.0.url.clone(), away }
    }

    /// Asks something.
    ///
    /// # Errors
    /// It does not answer in time, or not usably. It may have happened.
    pub async fn ask<Q, A>(&self, endpoint: Endpoint<Q, A>, question: &Q) -> Result<A, Away>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        self.ask_within(endpoint, question, Duration::ZERO).await
    }

    /// As [`Self::ask`], of something that the peer may wait for, for so long.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_within<Q, A>(&self, endpoint: Endpoint<Q, A>, question: &Q, wait: Duration) -> Result<A, Away>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        self.ask_for(endpoint, question, wait, |_| Ok(())).await
    }

    /// As [`Self::ask_within`], for an answer that is one only where `is_one` finds nothing wrong with it.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_for<Q, A>(
        &self,
        endpoint: Endpoint<Q, A>,
        question: &Q,
        wait: Duration,
        is_one: impl Fn(&A) -> Result<(), String>,
    ) -> Result<A, Away>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        let question = self.write(endpoint, question)?;
        let (begun, mut pause) = (Instant::now(), PAUSES.0);
        loop {
            match self.send(question.clone(), self.0.timeout + wait).await {
                Ok(body) => return self.read(endpoint, &body, &is_one),
                Err(status) => {
                    let away_for = self.0.is_away(&said(&status)).max(begun.elapsed());
                    if !may_pass(&status) || away_for >= GRACE {
                        return Err(self.away(said(&status)));
                    }
                    sleep(pause).await;
                    pause = (2 * pause).min(PAUSES.1);
                }
            }
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
        let question = self.write(endpoint, question)?;
        match self.send(question, within).await {
            Ok(body) => self.read(endpoint, &body, |_| Ok(())),
            Err(status) => {
                self.0.is_away(&said(&status));
                Err(self.away(said(&status)))
            }
        }
    }

    fn write<Q: Serialize, A>(&self, endpoint: Endpoint<Q, A>, question: &Q) -> Result<AskRequest, Away> {
        let body = serde_json::to_vec(question).map_err(|error| self.away(error.to_string()))?;
        Ok(AskRequest { question: endpoint.name().to_owned(), body })
    }

    /// Sends a question; what is answered, as it is written.
    async fn send(&self, question: AskRequest, within: Duration) -> Result<Vec<u8>, Status> {
        let mut request = Request::new(question);
        self.introduce(&mut request);
        request.set_timeout(within);
        let mut client = self.0.client.clone();
        // The deadline that goes along holds once there is a connection, and until an answer begins.
        let answered = timeout(within, client.ask(request)).await;
        let answered = answered.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        Ok(answered?.into_inner().body)
    }

    /// Who answers what nobody can use is not there.
    fn read<Q, A: DeserializeOwned>(
        &self,
        endpoint: Endpoint<Q, A>,
        body: &[u8],
        is_one: impl Fn(&A) -> Result<(), String>,
    ) -> Result<A, Away> {
        let read = serde_json::from_slice(body).map_err(|error| error.to_string());
        match read.and_then(|answer| is_one(&answer).map(|()| answer)) {
            Ok(answer) => {
                self.0.is_there();
                Ok(answer)
            }
            Err(why) => {
                let why = format!("its answer to {} cannot be used: {}", endpoint.name(), bounded(&why));
                self.0.is_away(&why);
                Err(self.away(why))
            }
        }
    }

    /// What it has stored in its role, for an audit.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn facts(&self, shelves: bool) -> Result<Streaming<FactsReply>, Away> {
        // As long as it takes altogether: an audit reads everything.
        let mut request = Request::new(FactsRequest { shelves, role: self.0.role.as_str().to_owned() });
        self.introduce(&mut request);
        let answered = self.0.client.clone().facts(request).await;
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
        Away { role: self.0.role, why }
    }
}

impl Link {
    fn away(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_there(&self) {
        let was_away = self.away().take();
        if let Some((since, _)) = was_away {
            tracing::info!(peer = %self.role, url = self.url, away_ms = since.elapsed().as_millis(), "a peer answers again");
        }
    }

    /// It has not answered; for how long by now.
    fn is_away(&self, why: &str) -> Duration {
        let mut away = self.away();
        let since = away.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        if away.is_none() {
            tracing::warn!(peer = %self.role, url = self.url, why, "a peer does not answer");
        }
        *away = Some((since, why.to_owned()));
        since.elapsed()
    }
}

fn channel(url: &str, identity: Option<Identity>) -> Result<Channel, tonic::transport::Error> {
    let mut address = Address::from_shared(url.to_owned())?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1)
        .keep_alive_while_idle(true);
    if let Some(Identity { authority, certificate, key }) = identity {
        let tls = ClientTlsConfig::new()
            .timeout(CONNECT_TIMEOUT)
            .ca_certificate(Certificate::from_pem(authority))
            .identity(tonic::transport::Identity::from_pem(certificate, key));
        address = address.tls_config(tls)?;
    }
    Ok(address.connect_lazy())
}

/// Whether the same may be answered shortly: not where the two cannot understand or trust each other.
fn may_pass(status: &Status) -> bool {
    !matches!(
        status.code(),
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::Unimplemented
            | Code::NotFound
            | Code::OutOfRange
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
