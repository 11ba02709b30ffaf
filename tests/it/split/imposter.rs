//! Somebody else on a role's address, who answers as no process of an installation does.

use crate::support::eventually_blocking;
use backstitch::{
    domain::saga::{Outcome, StepReply},
    proto::peer::AskReply,
};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{pending, ready},
    stream,
};
use http_body_util::{Full, StreamBody};
use hyper::body::{Bytes, Frame};
use prost::Message as _;
use socket2::{Domain, Socket, Type};
use std::{
    convert::Infallible,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    task::{Context, Poll},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};
use tonic::{
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::NamedService,
    transport::{Server, server::TcpIncoming},
};

/// How it answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// It takes connections, and says nothing on them.
    Deaf,
    /// A web server of the old kind.
    Http1,
    /// A web server that speaks HTTP/2.
    Html,
    /// It never answers.
    Never,
    /// It begins to answer, and never ends.
    Halfway,
    /// Its answers come later than they may.
    Late,
    /// Its answers are no JSON.
    Garbage,
    /// JSON, but no answer to what was asked.
    OtherJson,
    /// Fewer replies than commands.
    TooFew,
    /// More replies than commands.
    TooMany,
    /// It announces more than anybody would read.
    TooLarge,
    /// A process of another release.
    OtherRelease,
    /// It can read no question.
    CannotRead,
}

/// It is gone when this is dropped, and so are its connections.
pub(super) struct Imposter {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Imposter {
    pub(super) fn takes(address: SocketAddr, manner: Manner) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let guard = runtime.enter();
        let listener = TcpListener::bind(address).expect("nobody has the address");
        listener.set_nonblocking(true).expect("a listener that can be waited for");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        match manner {
            Manner::Deaf => drop(runtime.spawn(async move {
                let mut taken = Vec::new();
                while let Ok(connection) = listener.accept().await {
                    taken.push(connection);
                }
            })),
            Manner::Http1 => drop(runtime.spawn(async move {
                while let Ok((connection, _)) = listener.accept().await {
                    drop(tokio::task::spawn_blocking(move || web_page(connection)));
                }
            })),
            manner => drop(runtime.spawn(async move {
                let incoming = TcpIncoming::from(listener);
                Server::builder().add_service(Answers(manner)).serve_with_incoming(incoming).await
            })),
        }
        drop(guard);
        Self { address, runtime: Some(runtime) }
    }
}

impl Drop for Imposter {
    /// On a thread of its own: the test's must not wait for another's.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            let ended = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(10)));
            ended.join().expect("it ends");
        }
        // A process that another test starts has a copy of the listener until it is itself.
        let address = self.address;
        eventually_blocking("the address is free", || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
            socket.set_reuse_address(true).and_then(|()| socket.bind(&address.into())).ok()
        });
    }
}

fn web_page(connection: tokio::net::TcpStream) {
    let Ok(mut connection) = connection.into_std() else { return };
    let _ = connection.set_nonblocking(false);
    let _ = connection.read(&mut [0; 1024]);
    let page = "<html>It works!</html>";
    let _ = write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len());
}

/// Answers everything that a peer could be asked.
#[derive(Clone, Copy)]
struct Answers(Manner);

impl NamedService for Answers {
    const NAME: &'static str = "backstitch.peer.v1.PeerService";
}

impl Service<http::Request<Body>> for Answers {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let reply = reply();
        match self.0 {
            Manner::Never => pending().boxed(),
            Manner::Late => tokio::time::sleep(Duration::from_secs(1)).map(|()| Ok(told("[]"))).boxed(),
            manner => ready(Ok(match manner {
                Manner::Html => {
                    let page = Body::new(Full::from("<html>It works!</html>"));
                    response("text/html", page)
                }
                Manner::Halfway => response("application/grpc", begun([0, 0, 0, 0, 9])),
                Manner::TooLarge => response("application/grpc", begun([0, 0xff, 0xff, 0xff, 0xff])),
                Manner::OtherRelease => refused("9", "run one release everywhere"),
                Manner::CannotRead => refused("3", "the question cannot be read"),
                Manner::OtherJson => told(r#"{"a":["b"]}"#),
                Manner::TooFew => told("[]"),
                Manner::TooMany => told(&format!("[{reply},{reply}]")),
                _ => told("\u{0}<garbage>"),
            }))
            .boxed(),
        }
    }
}

/// What a process could say of a step.
fn reply() -> String {
    let reply = StepReply::Outcome(Outcome::unknown("somewhere"));
    serde_json::to_string(&reply).expect("JSON")
}

fn response(content: &'static str, body: Body) -> http::Response<Body> {
    let mut response = http::Response::new(body);
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(content));
    response
}

/// A refusal, by its gRPC code.
fn refused(code: &'static str, why: &'static str) -> http::Response<Body> {
    let mut refused = response("application/grpc", Body::empty());
    refused.headers_mut().insert("grpc-status", http::HeaderValue::from_static(code));
    refused.headers_mut().insert("grpc-message", http::HeaderValue::from_static(why));
    refused
}

/// A message of which there is its length, and no more.
fn begun(length: [u8; 5]) -> Body {
    let first: [Result<_, Infallible>; 1] = [Ok(Frame::data(Bytes::from_owner(length)))];
    Body::new(StreamBody::new(stream::iter(first).chain(stream::pending())))
}

/// A whole answer with this body.
fn told(body: &str) -> http::Response<Body> {
    let message = AskReply { body: body.as_bytes().to_vec().into() }.encode_to_vec();
    let length = u32::try_from(message.len()).expect("a short answer").to_be_bytes();
    let data = [&[0], &length[..], &message].concat();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let frames: [Result<_, Infallible>; 2] = [Ok(Frame::data(Bytes::from(data))), Ok(Frame::trailers(trailers))];
    response("application/grpc", Body::new(StreamBody::new(stream::iter(frames))))
}
