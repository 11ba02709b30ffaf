//! A payment service and carrier of a test's own over gRPC: servers of `payment.PaymentService` and
//! `shipping.ShippingService`, which keep what they did by idempotency key, and misbehave as they are told.

use backstitch::proto::{
    payment::{
        ProcessPaymentRequest, ProcessPaymentResponse, RefundPaymentRequest, RefundPaymentResponse,
        payment_service_server::{PaymentService, PaymentServiceServer},
    },
    shipping::{
        CancelShippingRequest, CancelShippingResponse, StartShippingRequest, StartShippingResponse,
        shipping_service_server::{ShippingService, ShippingServiceServer},
    },
};
use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread,
};
use tokio::sync::oneshot;
use tonic::{Code, Request, Response, Status, async_trait, metadata::MetadataMap, transport::server::TcpIncoming};

/// What becomes of a call.
#[derive(Clone, Debug)]
pub(crate) enum Habit {
    /// It is done, and said so.
    Well,
    /// It is done, said so, and called this.
    Calls(String),
    /// Nothing is done, and this is the status of the answer.
    Says(&'static str),
    /// Nothing is done, and this is the error.
    Fails(Code),
    /// It is done, but this is the error.
    DoneBut(Code),
    /// It is done, and nothing is ever said.
    DoneInSilence,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) method: &'static str,
    pub(crate) metadata: MetadataMap,
    /// The order, the payment or the shipment that it names.
    pub(crate) of: String,
    pub(crate) amount: f64,
    /// What the message says of its key, its saga, the step and the attempt.
    pub(crate) context: [Option<String>; 4],
}

macro_rules! context {
    ($message:ident) => {
        [
            $message.idempotency_key.clone(),
            $message.saga_id.clone(),
            $message.step.clone(),
            $message.attempt.map(|attempt| attempt.to_string()),
        ]
    };
}

#[derive(Default)]
struct State {
    habits: VecDeque<Habit>,
    called: Vec<Called>,
    /// What was done, by idempotency key, and what it was called.
    done: BTreeMap<String, String>,
}

/// The services, on one port.
#[derive(Clone)]
pub(crate) struct Till {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Till {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let till = Self { address, state: Arc::default() };
        let (payments, shipping) = (PaymentServiceServer::new(till.clone()), ShippingServiceServer::new(till.clone()));
        let (started, starts) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                started.send(()).expect("the test waits");
                let server = tonic::transport::Server::builder().add_service(payments).add_service(shipping);
                server.serve_with_incoming(TcpIncoming::from(listener)).await.expect("it serves");
            });
        });
        starts.recv().expect("it starts");
        till
    }

    /// Further calls are met in these ways, and well after that.
    pub(crate) fn will(&self, habits: impl IntoIterator<Item = Habit>) {
        self.state().habits.extend(habits);
    }

    pub(crate) fn called(&self) -> Vec<Called> {
        self.state().called.clone()
    }

    /// The idempotency keys of what was done.
    pub(crate) fn done(&self) -> Vec<String> {
        self.state().done.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// What the answer says: a status, and what was done is called.
    async fn meet(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        of: &str,
        amount: f64,
        context: [Option<String>; 4],
        well: &str,
    ) -> Result<(String, String), Status> {
        let key = metadata.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
        let (habit, name) = {
            let mut state = self.state();
            state.called.push(Called { method, metadata: metadata.clone(), of: of.to_owned(), amount, context });
            let habit = state.habits.pop_front().unwrap_or(Habit::Well);
            let next = format!("T-{}", state.done.len() + 1);
            let name = match &habit {
                Habit::Calls(name) => state.done.entry(key).or_insert(name.clone()).clone(),
                Habit::Well | Habit::DoneBut(_) | Habit::DoneInSilence => state.done.entry(key).or_insert(next).clone(),
                Habit::Says(_) | Habit::Fails(_) => String::new(),
            };
            (habit, name)
        };
        match habit {
            Habit::Well | Habit::Calls(_) => Ok((well.to_owned(), name)),
            Habit::Says(status) => Ok((status.to_owned(), name)),
            Habit::Fails(code) | Habit::DoneBut(code) => Err(Status::new(code, "as it was told")),
            Habit::DoneInSilence => {
                let (kept, never) = oneshot::channel::<()>();
                let _ = never.await;
                drop(kept);
                Err(Status::cancelled("nobody waits"))
            }
        }
    }
}

#[async_trait]
impl PaymentService for Till {
    async fn process_payment(
        &self,
        request: Request<ProcessPaymentRequest>,
    ) -> Result<Response<ProcessPaymentResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let context = context!(asked);
        let (status, payment_id) =
            self.meet("ProcessPayment", &metadata, &asked.order_id, asked.amount, context, "SUCCESS").await?;
        Ok(Response::new(ProcessPaymentResponse { payment_id, status }))
    }

    async fn refund_payment(
        &self,
        request: Request<RefundPaymentRequest>,
    ) -> Result<Response<RefundPaymentResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let context = context!(asked);
        let (status, _) = self.meet("RefundPayment", &metadata, &asked.payment_id, 0.0, context, "REFUNDED").await?;
        Ok(Response::new(RefundPaymentResponse { status }))
    }
}

#[async_trait]
impl ShippingService for Till {
    async fn start_shipping(
        &self,
        request: Request<StartShippingRequest>,
    ) -> Result<Response<StartShippingResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let context = context!(asked);
        let (status, shipment_id) =
            self.meet("StartShipping", &metadata, &asked.order_id, 0.0, context, "SHIPPED").await?;
        Ok(Response::new(StartShippingResponse { shipment_id, status }))
    }

    async fn cancel_shipping(
        &self,
        request: Request<CancelShippingRequest>,
    ) -> Result<Response<CancelShippingResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let context = context!(asked);
        let (status, _) = self.meet("CancelShipping", &metadata, &asked.shipment_id, 0.0, context, "CANCELLED").await?;
        Ok(Response::new(CancelShippingResponse { status }))
    }
}
