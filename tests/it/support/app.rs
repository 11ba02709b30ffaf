//! A server of the test's own: its port, its database, one method per endpoint.

use super::{Answer, Call, PATIENCE, Raw, Sql, TestDatabase, eventually, http_client_builder, id};
use backstitch::{
    app::App,
    http::Resources,
    role::Role,
    settings::{Settings, Sources},
    telemetry::Metrics,
};
use reqwest::{Client, Method, header::HeaderMap};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{OnceLock, mpsc},
    thread,
};
use tokio::{sync::oneshot, task::spawn_blocking, time::timeout};

static METRICS: OnceLock<Metrics> = OnceLock::new();

/// A server under test. Every test ends with [`TestApp::finish`] or one of its kind.
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    grpc: Vec<(Role, SocketAddr)>,
    resto: Option<SocketAddr>,
    payments: Option<SocketAddr>,
    client: Client,
    stop: oneshot::Sender<()>,
    server: thread::JoinHandle<anyhow::Result<()>>,
    database: TestDatabase,
}

/// Where it is.
impl TestApp {
    /// The address of what it serves over gRPC.
    pub(crate) fn grpc(&self, role: Role) -> SocketAddr {
        let found = self.grpc.iter().find(|(known, _)| *known == role);
        found.expect("it serves gRPC").1
    }
}

/// How it starts and ends.
impl TestApp {
    /// Starts a server with simulation enabled.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with these settings over those of every test.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        Self::over(TestDatabase::new(), settings)
    }

    /// Starts a server over this database.
    pub(crate) fn over(database: TestDatabase, settings: &[(&str, &str)]) -> Self {
        let sources = Sources::default()
            .set("http.bind", "127.0.0.1:0")
            .set("http.workers", "2")
            .set("grpc.saga_bind", "127.0.0.1:0")
            .set("grpc.order_bind", "127.0.0.1:0")
            .set("grpc.payment_bind", "127.0.0.1:0")
            .set("grpc.shipping_bind", "127.0.0.1:0")
            .set("http.shutdown_timeout_ms", "5000")
            .set("store.cache_mib", "1")
            .set("store.url", database.url())
            .set("simulation.enabled", "true");
        let sources = settings.iter().fold(sources, |sources, (key, value)| sources.set(*key, *value));
        let settings = Settings::load(&sources).expect("the settings are valid");
        let metrics = METRICS.get_or_init(|| Metrics::install().expect("the only recorder")).clone();
        let (stop, asked_to_stop) = oneshot::channel::<()>();
        let (listening, listens) = mpsc::channel();
        let server = thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let app = App::start(&settings, metrics)?;
                let further = |wanted| {
                    let mut further = app.further_addresses().iter();
                    further.find(|(resources, _)| *resources == wanted).map(|(_, address)| *address)
                };
                let further = (further(Resources::Resto), further(Resources::Payments));
                listening.send((app.address(), app.grpc_addresses().to_vec(), further))?;
                app.run(async {
                    let _ = asked_to_stop.await;
                })
                .await
            })
        });
        let (address, grpc, (resto, payments)) = listens.recv_timeout(PATIENCE).expect("the server starts");
        // A connection for each request: an idle one would only keep the server from stopping.
        let client = http_client_builder().pool_max_idle_per_host(0).timeout(PATIENCE * 2).no_proxy().build();
        Self { address, grpc, resto, payments, client: client.expect("a client"), stop, server, database }
    }

    /// Ends a test after which nothing may be under way.
    pub(crate) async fn finish(self) {
        self.finish_leaving(0).await;
    }

    /// Ends a test that leaves so many sagas waiting for their payment.
    pub(crate) async fn finish_leaving(self, waiting: usize) {
        let left = self.count("/sagas?status=waiting&limit=100", waiting).await;
        assert_eq!(left, waiting, "sagas that wait");
        self.finish_leaving_any().await;
    }

    /// Ends a test that may leave any number of sagas waiting for their payment.
    pub(crate) async fn finish_leaving_any(self) {
        for status in ["running", "compensating"] {
            let left = self.count(&format!("/sagas?status={status}"), 0).await;
            assert_eq!(left, 0, "sagas that are {status}");
        }
        self.assert_audit_is_clean().await;
        drop(self.stopped().await);
    }

    /// Fails unless the audit is clean.
    pub(crate) async fn assert_audit_is_clean(&self) {
        let audit = self.audit().await;
        assert_eq!(audit.success(200)["clean"], true, "the audit finds: {}", audit.text);
    }

    /// Stops the server, changes what is stored, and starts another one on it.
    pub(crate) async fn restarted(self, settings: &[(&str, &str)], meanwhile: &str) -> Self {
        let database = self.stopped().await;
        database.raw().execute_batch(meanwhile).expect("a change");
        Self::over(database, settings)
    }

    /// Stops the server; its database.
    async fn stopped(self) -> TestDatabase {
        let Self { stop, server, database, .. } = self;
        let _ = stop.send(());
        let server = timeout(PATIENCE, spawn_blocking(|| server.join())).await.expect("the server stops");
        let ended = server.expect("joining does not panic").expect("the server does not panic");
        ended.expect("the server stops gracefully");
        database
    }

    /// How many items a list has, once that is what is expected or patience is over.
    async fn count(&self, list: &str, expected: usize) -> usize {
        let mut found = 0;
        let counted = eventually("the list has as many items as expected", async || {
            found = self.get(list).await.items().len();
            (found == expected).then_some(())
        });
        let _ = timeout(PATIENCE / 2, counted).await;
        found
    }
}

/// Anything over HTTP.
impl TestApp {
    /// A request without a body.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let url = format!("http://{}{path}", self.address);
        Call { client: self.client.clone(), method, url, headers: HeaderMap::new(), body: None }
    }

    /// A request to the address where payments alone are served, without a body.
    pub(crate) fn till(&self, method: &str, path: &str) -> Call {
        let address = self.payments.expect("it serves payments on an address of their own");
        Call { url: format!("http://{address}{path}"), ..self.call(method, path) }
    }

    /// A request to the listener for somebody else's orders, without a body.
    pub(crate) fn resto(&self, method: &str, path: &str) -> Call {
        let address = self.resto.expect("it serves somebody else's orders");
        Call { url: format!("http://{address}{path}"), ..self.call(method, path) }
    }

    /// The same with a JSON body.
    pub(crate) fn resto_post(&self, path: &str, body: &Value) -> Call {
        self.resto("POST", path).header("Content-Type", "application/json").bytes(body.to_string())
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// A request with a JSON body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.post_bytes(path, body.to_string())
    }

    /// A request with a body that says it is JSON.
    pub(crate) fn post_bytes(&self, path: &str, body: impl Into<Vec<u8>>) -> Call {
        self.call("POST", path).header("Content-Type", "application/json").bytes(body)
    }

    /// A connection for bytes of the test's own.
    pub(crate) fn raw(&self) -> Raw {
        Raw::connect(self.address)
    }

    /// The database behind the server's back.
    pub(crate) fn sql(&self) -> Sql<'_> {
        self.database.raw()
    }

    /// The database itself.
    pub(crate) fn database(&self) -> &TestDatabase {
        &self.database
    }
}

/// One method per endpoint.
impl TestApp {
    pub(crate) fn place(&self, body: &Value) -> Call {
        self.post("/orders", body)
    }

    pub(crate) fn order(&self, id: &str) -> Call {
        self.get(&format!("/orders/{id}"))
    }

    pub(crate) fn orders(&self, query: &str) -> Call {
        self.get(&format!("/orders?{query}"))
    }

    pub(crate) fn edit_order(&self, id: &str, body: &Value) -> Call {
        self.put(&format!("/orders/{id}"), body)
    }

    pub(crate) fn delete_order(&self, id: &str) -> Call {
        self.call("DELETE", &format!("/orders/{id}"))
    }

    pub(crate) fn open_payment(&self, body: &Value) -> Call {
        self.post("/payments", body)
    }

    pub(crate) fn payment(&self, id: &str) -> Call {
        self.get(&format!("/payments/{id}"))
    }

    pub(crate) fn payments(&self, query: &str) -> Call {
        self.get(&format!("/payments?{query}"))
    }

    pub(crate) fn pay(&self, id: &str) -> Call {
        self.call("PUT", &format!("/payments/success/{id}"))
    }

    pub(crate) fn fail_payment(&self, id: &str) -> Call {
        self.call("PUT", &format!("/payments/failed/{id}"))
    }

    pub(crate) fn report_refunded(&self, id: &str) -> Call {
        self.call("PUT", &format!("/payments/refunded/{id}"))
    }

    pub(crate) fn callback(&self, body: &Value) -> Call {
        self.post("/internal/payment-callback", body)
    }

    pub(crate) fn shipment(&self, id: &str) -> Call {
        self.get(&format!("/shipments/{id}"))
    }

    pub(crate) fn shipments(&self, query: &str) -> Call {
        self.get(&format!("/shipments?{query}"))
    }

    pub(crate) fn receive(&self, warehouse: &str, body: &Value) -> Call {
        self.post(&format!("/warehouses/{warehouse}/stock"), body)
    }

    pub(crate) fn adjust(&self, warehouse: &str, variant: &str, body: &Value) -> Call {
        let path = format!("/warehouses/{warehouse}/stock/{variant}");
        self.call("PUT", &path).header("Content-Type", "application/json").bytes(body.to_string())
    }

    pub(crate) fn warehouse_stock(&self, warehouse: &str) -> Call {
        self.get(&format!("/warehouses/{warehouse}/stock"))
    }

    pub(crate) fn stock(&self, variant: &str) -> Call {
        self.get(&format!("/stock/{variant}"))
    }

    pub(crate) fn transfer(&self, body: &Value) -> Call {
        self.post("/stock/transfers", body)
    }

    pub(crate) fn movements(&self, query: &str) -> Call {
        self.get(&format!("/stock/movements?{query}"))
    }

    pub(crate) fn saga(&self, id: &str) -> Call {
        self.get(&format!("/sagas/{id}"))
    }

    pub(crate) fn saga_log(&self, id: &str) -> Call {
        self.get(&format!("/sagas/{id}/log"))
    }

    pub(crate) fn saga_events(&self, id: &str) -> Call {
        self.get(&format!("/sagas/{id}/events"))
    }

    pub(crate) fn sagas(&self, query: &str) -> Call {
        self.get(&format!("/sagas?{query}"))
    }

    pub(crate) fn cancel_saga(&self, id: &str, body: &Value) -> Call {
        self.post(&format!("/sagas/{id}/cancel"), body)
    }

    pub(crate) fn retry_saga(&self, id: &str, body: &Value) -> Call {
        self.post(&format!("/sagas/{id}/retry"), body)
    }

    pub(crate) fn actors(&self) -> Call {
        self.get("/admin/actors")
    }

    pub(crate) fn crash(&self, actor: &str, body: &Value) -> Call {
        self.post(&format!("/admin/actors/{actor}/crash"), body)
    }

    pub(crate) fn audit(&self) -> Call {
        self.get("/admin/audit")
    }
}

/// What tests do all the time.
impl TestApp {
    /// Places an order and waits until its saga rests; the order.
    pub(crate) async fn rested(&self, body: &Value) -> Value {
        self.post("/orders?on_failure=created", body).wait(60).await.success(201).clone()
    }

    /// Places an order with a manual payment, and is back when its saga waits for it; the order.
    pub(crate) async fn unpaid(&self, body: &Value) -> Value {
        let placed = self.place(body).await;
        let placed = id(placed.success(201));
        self.order_once(placed, |order| order["saga"]["status"] == "waiting" && order["payment"].is_object()).await
    }

    /// The order, once it is as it should become.
    pub(crate) async fn order_once(&self, order: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually("the order becomes as expected", async || {
            let answer = self.order(order).await;
            Some(answer.success(200).clone()).filter(&is)
        })
        .await
    }

    /// The payment, once it has this status. What was paid by hand and is to be refunded is given back by hand.
    pub(crate) async fn payment_once(&self, payment: &str, status: &str) -> Value {
        eventually(&format!("the payment is {status}"), async || {
            let mut shown = self.payment(payment).await.success(200).clone();
            if status == "refunded" && shown["status"] == "refunding" && shown["provider"] == "manual" {
                shown = self.report_refunded(payment).await.success(200).clone();
            }
            Some(shown).filter(|payment| payment["status"] == status)
        })
        .await
    }

    /// The saga, once it rests. Money that was paid by hand and is to go back is given back by hand meanwhile.
    pub(crate) async fn saga_at_rest(&self, saga: &Value) -> Value {
        let id = saga.as_str().expect("a saga's id");
        eventually("the saga rests", async || {
            let shown = self.saga(id).wait(2).await.success(200).clone();
            if shown["waiting_on"] == "report" && shown["waiting_for"] == "refund_payment" {
                let order = self.order(shown["order_id"].as_str().expect("an order")).await;
                let payment = order.success(200)["payment"]["id"].as_str().expect("a payment").to_owned();
                let _ = self.report_refunded(&payment).await;
            }
            (!shown["finished_at"].is_null()).then_some(shown)
        })
        .await
    }

    /// All items of a list, part by part.
    pub(crate) async fn walk(&self, list: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut answer: Answer = self.get(list).await;
        loop {
            items.extend_from_slice(answer.items());
            let Some(cursor) = answer.next_cursor() else { return items };
            answer = self.get(&format!("{list}&cursor={cursor}")).await;
        }
    }
}
