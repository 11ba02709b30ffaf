//! A payment service of a test's own: real HTTP on a real port, which keeps what it did by idempotency key, and
//! misbehaves as it is told.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// It is done, and said so.
    Well,
    /// Nothing is done; this is the answer, and this a header of it.
    Says(u16, &'static str, Option<(&'static str, String)>),
    /// It is done, but this is said.
    DoneBut(u16, &'static str),
    /// It is done, and nothing is ever said.
    DoneInSilence,
    /// Nothing is done, and nothing is ever said.
    Silence,
    /// An answer of which a byte comes now and then.
    Drips,
    /// An answer whose connection ends before it does.
    BreaksOff,
    /// So many bytes.
    Floods(usize),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) text: String,
    pub(crate) body: Value,
}

#[derive(Default)]
struct State {
    manners: VecDeque<Manner>,
    /// What becomes of all others, where that is not well.
    always: Option<Manner>,
    asked: Vec<Asked>,
    /// By payment: how often each effect took place, each key once.
    effects: BTreeMap<String, Vec<String>>,
}

/// The service.
#[derive(Clone)]
pub(crate) struct Bank {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Bank {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = web::Data::from(Arc::clone(&state));
        thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let app = move || App::new().app_data(web::Data::clone(&shared)).default_service(web::to(serve));
                let server = HttpServer::new(app).workers(1).disable_signals().listen(listener);
                server.expect("a listener").run().await.expect("it serves");
            });
        });
        Self { address, state }
    }

    /// Further requests are met in these manners, and well after that.
    pub(crate) fn will(&self, manners: impl IntoIterator<Item = Manner>) {
        self.state().manners.extend(manners);
    }

    /// From now on, requests are met in this manner; well, if that is none.
    pub(crate) fn always(&self, manner: Option<Manner>) {
        self.state().always = manner;
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// The effects that a payment has had, in their order.
    pub(crate) fn effects(&self, payment: &str) -> Vec<String> {
        self.state().effects.get(payment).cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// A URL of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// An idempotency key is `PAYMENT.CALL`, and its effect takes place once.
fn act(state: &mut State, key: &str) {
    let Some((payment, call)) = key.split_once('.') else { return };
    let effects = state.effects.entry(payment.to_owned()).or_default();
    if !effects.iter().any(|known| known == call) {
        effects.push(call.to_owned());
    }
}

async fn serve(request: HttpRequest, body: web::Bytes, state: web::Data<Mutex<State>>) -> HttpResponse {
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect::<HashMap<_, _>>();
    let key = headers.get("idempotency-key").cloned().unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let asked = Asked {
        path: format!("{} {}", request.method(), request.path()),
        headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    };
    let (manner, status) = {
        let mut state = state.lock().expect("nobody panics with it");
        state.asked.push(asked);
        let manner = state.manners.pop_front().or_else(|| state.always.clone()).unwrap_or(Manner::Well);
        let is_query = request.method() == "GET";
        if !is_query && matches!(manner, Manner::Well | Manner::DoneBut(..) | Manner::DoneInSilence) {
            act(&mut state, &key);
        }
        let payment = request.path().rsplit('/').next().unwrap_or_default().to_owned();
        let status = is_query.then(|| state.effects.get(&payment).and_then(|effects| effects.last().cloned()));
        (manner, status)
    };
    let said = |status: u16, text: &str| {
        let status = StatusCode::from_u16(status).expect("a status");
        HttpResponse::build(status).content_type("application/json").body(text.to_owned())
    };
    match manner {
        Manner::Well => match status {
            None => said(200, r#"{"status":"success"}"#),
            Some(None) => said(404, "{}"),
            Some(Some(effect)) => said(200, &json!({"payment": {"state": effect}}).to_string()),
        },
        Manner::Says(code, text, header) => {
            let mut response = said(code, text);
            if let Some((name, value)) = header {
                let name = actix_web::http::header::HeaderName::from_static(name);
                response.headers_mut().insert(name, value.parse().expect("a value"));
            }
            response
        }
        Manner::DoneBut(code, text) => said(code, text),
        Manner::DoneInSilence | Manner::Silence => std::future::pending().await,
        Manner::Drips => {
            let drops = stream::repeat(()).then(|()| async {
                actix_rt::time::sleep(Duration::from_millis(50)).await;
                Ok::<_, Infallible>(web::Bytes::from_static(b" "))
            });
            HttpResponse::Ok().streaming(drops)
        }
        Manner::BreaksOff => {
            let begun = stream::iter([Ok(web::Bytes::from_static(b"{"))]);
            let broken = stream::once(async {
                // What there is so far goes out first.
                tokio::task::yield_now().await;
                Err(io::Error::from(io::ErrorKind::BrokenPipe))
            });
            HttpResponse::Ok().streaming(begun.chain(broken))
        }
        Manner::Floods(bytes) => HttpResponse::Ok().body(vec![b'['; bytes]),
    }
}
