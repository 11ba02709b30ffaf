//! The payment participant: owns the payments, their ledger and the calls to payment providers.

use super::{
    Crash, Perform, Wake,
    batch::{Batch, Participant},
    calls::{CallAnswered, Caller, Calls, Panicked, TakeOverCalls, WhenSettled, tell},
    coordinator::SignalTarget,
    crash::crash,
    deferred::{Deferred, Reply, deferred},
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        aggregate::Errand,
        ids::OrderId,
        notifier::Audience,
        order::OrderCommand,
        payment::{
            ChargeDirect, OpenPayment, Payment, PaymentAnswer, PaymentCall, PaymentCommand, PaymentRefusal, Payments,
            ProcessPayment, RecordPaymentCall, RefundDirect, SettlePayment,
        },
        saga::StepReply,
        simulation::CallAnswer,
    },
    providers::Providers,
    store::{Answers, Claim, Commands, Executed, Keyed, PaymentStore, StoreError},
};
use actix::{Actor, Context, Handler, Message, MessageResult, Recipient, Supervised};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A client's own command to a payment: [`OpenPayment`], [`SettlePayment`], or of a direct order [`ChargeDirect`] and
/// [`RefundDirect`].
#[derive(Debug, Message)]
#[rtype(result = "Result<PaymentAccepted, PaymentRequestError>")]
pub struct Request<C: 'static> {
    /// The command.
    pub command: C,
    /// The idempotency key that it was sent under.
    pub claim: Option<Claim>,
}

/// A client's command that was accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentAccepted {
    /// The payment as it is now.
    pub payment: Payment,
    /// Whether this command opened it.
    pub opened: bool,
    /// Whether the idempotency key had been used before, so that nothing was done now.
    pub replayed: bool,
}

/// Why a client's command was not accepted.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum PaymentRequestError {
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] PaymentRefusal),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Performs the checkout's `process_payment`, `expire_payment`, `hold_payment` and `refund_payment`, takes
/// results from outside, and sends late money back until it has arrived.
pub struct PaymentActor {
    store: Telling,
    /// Who sends what others are told.
    notifier: Option<Recipient<Wake>>,
    providers: Providers,
    coordinator: SignalTarget,
    orders: Recipient<Perform<OrderCommand>>,
    status: Arc<ActorStatus>,
    batch: Batch<PaymentCommand, Executed<Payments>>,
    calls: Calls<PaymentCall>,
    panicked: Panicked,
}

impl PaymentActor {
    /// An actor over a store, which tells `coordinator` when a waiting payment has a result, and `orders` how the
    /// payment of a direct order went.
    pub fn new(
        store: Arc<dyn PaymentStore>,
        providers: Providers,
        coordinator: SignalTarget,
        orders: Recipient<Perform<OrderCommand>>,
        status: Arc<ActorStatus>,
    ) -> Self {
        Self {
            store: Telling { store, audience: Arc::default() },
            notifier: None,
            providers,
            coordinator,
            orders,
            status,
            batch: Batch::default(),
            calls: Calls::default(),
            panicked: Panicked::default(),
        }
    }

    /// The same, and these are told of payments that settle, by the notifier.
    #[must_use]
    pub fn telling(mut self, audience: Audience, notifier: Recipient<Wake>) -> Self {
        self.notifier = Some(notifier).filter(|_| !audience.is_empty());
        self.store.audience = Arc::new(audience);
        self
    }
}

/// A store that writes what others are to be told with each payment that settles, where there are some.
struct Telling {
    store: Arc<dyn PaymentStore>,
    audience: Arc<Audience>,
}

impl Commands<PaymentCommand, Executed<Payments>> for Telling {
    fn execute(&self, commands: Vec<Keyed<PaymentCommand>>) -> BoxFuture<'static, Answers<Executed<Payments>>> {
        if self.audience.is_empty() {
            return self.store.execute(commands);
        }
        self.store.execute_before(&self.audience, commands)
    }
}

impl Actor for PaymentActor {
    type Context = Context<Self>;

    /// Also called after every restart.
    fn started(&mut self, ctx: &mut Context<Self>) {
        self.scan(ctx);
    }
}

impl Supervised for PaymentActor {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.batch = Batch::default();
        self.calls = Calls::default();
    }
}

impl Participant for PaymentActor {
    type Command = PaymentCommand;
    type Answer = Executed<Payments>;

    fn batch(&mut self) -> &mut Batch<PaymentCommand, Executed<Payments>> {
        &mut self.batch
    }

    fn commands(&self) -> &dyn Commands<PaymentCommand, Executed<Payments>> {
        &self.store
    }

    fn status(&self) -> &ActorStatus {
        &self.status
    }

    fn committed(&mut self, answers: &Answers<Executed<Payments>>, ctx: &mut Context<Self>) {
        self.follow_up(answers, ctx);
        let has_settled = |answer: &Result<_, _>| matches!(answer, Ok(Executed::Decided(PaymentAnswer { settled, .. })) if !settled.is_empty());
        if let Some(notifier) = self.notifier.as_ref().filter(|_| answers.iter().any(has_settled)) {
            notifier.do_send(Wake);
        }
    }
}

impl Caller<Payments> for PaymentActor {
    fn calls(&mut self) -> &mut Calls<PaymentCall> {
        &mut self.calls
    }

    fn call(
        &self,
        call: PaymentCall,
        payments: &Payments,
        part: usize,
        repeat: bool,
    ) -> BoxFuture<'static, CallAnswer> {
        let payment = payments.part(part);
        match payment.errand(call) {
            Errand::Outside(call) => self.providers.payment(payment.provider).call(call, payment, repeat),
            Errand::Order(command) => tell(&self.orders, command),
        }
    }

    fn outstanding(&self, after: Option<OrderId>, limit: u32) -> BoxFuture<'static, Result<Vec<Payments>, StoreError>> {
        self.store.store.outstanding_payments(after, limit)
    }

    fn coordinator(&self) -> &SignalTarget {
        &self.coordinator
    }
}

impl Handler<Perform<PaymentCommand>> for PaymentActor {
    type Result = Deferred<Vec<StepReply>>;

    fn handle(&mut self, Perform(commands): Perform<PaymentCommand>, ctx: &mut Context<Self>) -> Self::Result {
        let scripts = commands.iter().filter_map(|command| match command {
            PaymentCommand::Process(ProcessPayment(terms)) => Some((terms.order_id, terms.script)),
            _ => None,
        });
        self.panicked.check(scripts, &self.status.injected);
        self.perform(commands, ctx)
    }
}

impl PaymentActor {
    fn request(
        &mut self,
        command: PaymentCommand,
        claim: Option<Claim>,
        ctx: &mut Context<Self>,
    ) -> Deferred<Result<PaymentAccepted, PaymentRequestError>> {
        let (later, reply): (_, Reply<_>) = deferred();
        let receive = move |answers: Answers<Executed<Payments>>| {
            if let Some(answer) = answers.into_iter().next() {
                reply.send(accepted(answer));
            }
        };
        self.submit([Keyed { command, claim }], receive, ctx);
        later
    }
}

fn accepted(answer: Result<Executed<Payments>, StoreError>) -> Result<PaymentAccepted, PaymentRequestError> {
    match answer? {
        Executed::Decided(PaymentAnswer { result, .. }) => {
            let (payment, opened) = result?;
            Ok(PaymentAccepted { payment, opened, replayed: false })
        }
        Executed::Replayed { rows, part } => {
            let payment = rows.ok_or(PaymentRefusal::NoPayment)?.part(part).clone();
            Ok(PaymentAccepted { payment, opened: false, replayed: true })
        }
    }
}

impl Handler<Request<OpenPayment>> for PaymentActor {
    type Result = Deferred<Result<PaymentAccepted, PaymentRequestError>>;

    fn handle(&mut self, request: Request<OpenPayment>, ctx: &mut Context<Self>) -> Self::Result {
        self.request(PaymentCommand::Open(request.command), request.claim, ctx)
    }
}

impl Handler<Request<SettlePayment>> for PaymentActor {
    type Result = Deferred<Result<PaymentAccepted, PaymentRequestError>>;

    fn handle(&mut self, request: Request<SettlePayment>, ctx: &mut Context<Self>) -> Self::Result {
        self.request(PaymentCommand::Settle(request.command), request.claim, ctx)
    }
}

impl Handler<Request<ChargeDirect>> for PaymentActor {
    type Result = Deferred<Result<PaymentAccepted, PaymentRequestError>>;

    fn handle(&mut self, request: Request<ChargeDirect>, ctx: &mut Context<Self>) -> Self::Result {
        let Request { command, claim } = request;
        let script = std::iter::once((command.order.order_id, command.script));
        self.panicked.check(script, &self.status.injected);
        self.request(PaymentCommand::Charge(command), claim, ctx)
    }
}

impl Handler<Request<RefundDirect>> for PaymentActor {
    type Result = Deferred<Result<PaymentAccepted, PaymentRequestError>>;

    fn handle(&mut self, request: Request<RefundDirect>, ctx: &mut Context<Self>) -> Self::Result {
        self.request(PaymentCommand::GiveBack(request.command), request.claim, ctx)
    }
}

impl Handler<WhenSettled> for PaymentActor {
    type Result = MessageResult<WhenSettled>;

    fn handle(&mut self, WhenSettled(order): WhenSettled, _ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(self.calls.settled(order))
    }
}

impl Handler<TakeOverCalls> for PaymentActor {
    type Result = ();

    fn handle(&mut self, _: TakeOverCalls, ctx: &mut Context<Self>) {
        self.scan(ctx);
    }
}

impl Handler<CallAnswered<PaymentCall>> for PaymentActor {
    type Result = Deferred<()>;

    fn handle(&mut self, answered: CallAnswered<PaymentCall>, ctx: &mut Context<Self>) -> Self::Result {
        let CallAnswered { order_id, part, call, attempts, answer } = answered;
        self.take_in(PaymentCommand::Record(RecordPaymentCall { order_id, part, call, attempts, answer }), ctx)
    }
}

impl Handler<Crash> for PaymentActor {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}
