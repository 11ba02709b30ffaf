//! What the payment participant can be asked, and what it answers.

use super::{
    ChargeDirect, Discrepancy, Payer, Payment, PaymentCall, PaymentStatus, Payments, Provider, RefundDirect,
    SettlePayment,
};
use crate::domain::{
    ids::{OrderId, PaymentId, SagaId},
    money::{Amount, Currency},
    order::{Order, OrderStatus},
    saga::Outcome,
    simulation::{CallAnswer, Script},
};
use serde::{Deserialize, Serialize};

/// What a saga knows of its payment; the same in every command for one revision of the order's lines, so that
/// the first to arrive can make the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The order.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
    /// Which revision of the order's lines they are for; 0 where it was never edited.
    pub revision: u32,
    /// The latest amendment that the saga knows of; 0 for none. Terms from before one that holds the payment come
    /// late and do not end the hold.
    pub amendment: u32,
    /// The id a new payment gets; another one for each revision.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Who pays, where that is known.
    pub payer: Option<Payer>,
    /// Who takes the money.
    pub provider: Provider,
    /// What the simulated provider does.
    pub script: Script,
    /// How long the saga waits for the money, in milliseconds.
    pub deadline_ms: u64,
    /// How often an operator has asked for the saga to be tried again.
    pub retries: u32,
}

/// An order as far as opening a payment for it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payable {
    /// The order.
    pub order_id: OrderId,
    /// Its total; `None` for a direct order without lines, whose payment has an amount of its own.
    pub total: Option<Amount>,
    /// Its currency.
    pub currency: Currency,
    /// Who pays for it, where that is known.
    pub payer: Option<Payer>,
    /// How far it has come.
    pub status: OrderStatus,
}

impl Payable {
    /// What there is to know of an order.
    pub fn of(order: &Order) -> Self {
        let total = (!order.basket.lines().is_empty()).then(|| order.basket.total());
        let payer = Payer::of(order.customer_ref.as_ref());
        Self { order_id: order.id, total, currency: order.currency, payer, status: order.status }
    }

    /// How much is paid where a client says so much, or leaves it to the order.
    ///
    /// # Errors
    /// The client says nothing, and neither does the order.
    pub fn amount(&self, given: Option<Amount>) -> Result<Amount, PaymentRefusal> {
        given.or(self.total).ok_or(PaymentRefusal::NoAmount)
    }

    /// Whether so much can be paid for it.
    pub(super) fn check(&self, amount: Amount) -> Result<(), PaymentRefusal> {
        match self.total.filter(|total| *total != amount) {
            Some(total) => Err(PaymentRefusal::AmountMismatch { total }),
            None if self.status.is_closed() => Err(PaymentRefusal::OrderClosed),
            None => Ok(()),
        }
    }
}

/// Takes the money, or waits for it. Ends a hold: terms of the same revision take the payment up again, those
/// of a later one supersede it by a new payment.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ProcessPayment(pub Terms);

/// The deadline has passed, says the saga; the row decides. Ends a hold, as the revision stands.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ExpirePayment(pub Terms);

/// Keeps an open payment from being paid while its order is edited.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct HoldPayment {
    /// The order.
    pub order_id: OrderId,
    /// Which of its saga's amendments holds it, from 1.
    pub amendment: u32,
}

/// Closes the payment for good, whatever its revision, and gives back what came. Compensates
/// [`ProcessPayment`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RefundPayment(pub Terms);

/// A client opens the order's payment itself.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct OpenPayment {
    /// The order it pays for.
    pub order: Payable,
    /// The id a new payment gets.
    pub payment_id: PaymentId,
    /// What the client thinks the total is.
    pub amount: Amount,
    /// Who takes the money.
    pub provider: Provider,
}

/// The answer to a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordPaymentCall {
    /// The order.
    pub order_id: OrderId,
    /// The place of the payment among the order's, from 0.
    pub part: usize,
    /// Which call.
    pub call: PaymentCall,
    /// How many unusable answers it had had when it was made: another unusable one counts only as the next.
    pub attempts: u32,
    /// What it came to.
    pub answer: CallAnswer,
}

/// What the payment participant can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PaymentCommand {
    /// Take the money, or wait for it.
    Process(ProcessPayment),
    /// The deadline has passed.
    Expire(ExpirePayment),
    /// The order is about to be edited.
    Hold(HoldPayment),
    /// Close it and give back what came.
    Refund(RefundPayment),
    /// A client opens it.
    Open(OpenPayment),
    /// Somebody reports how it went.
    Settle(SettlePayment),
    /// The provider, or the order, answered.
    Record(RecordPaymentCall),
    /// A client pays for its direct order.
    Charge(ChargeDirect),
    /// A client wants the money of its direct order back.
    GiveBack(RefundDirect),
}

/// Why a client's command is refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PaymentRefusal {
    /// The client's amount is not what the order costs.
    #[error("the amount must equal the order's total of {total}")]
    AmountMismatch {
        /// What it must be.
        total: Amount,
    },
    /// The order was unwound before it had a payment.
    #[error("the order is closed and takes no payment")]
    OrderClosed,
    /// What the order costs is being decided.
    #[error("the order is being edited; try again shortly")]
    BeingAmended,
    /// No such payment.
    #[error("the order has no payment")]
    NoPayment,
    /// The payment is another order's.
    #[error("the payment does not belong to the order")]
    NotTheOrders,
    /// The payment is another user's.
    #[error("the payment does not belong to the user")]
    NotTheUsers,
    /// Money that has come cannot be reported as failed.
    #[error("the payment is already paid and cannot fail")]
    AlreadyPaid,
    /// Nobody may report on it who has not said the secret.
    #[error("the report does not say the secret of one's own services")]
    NotVouchedFor,
    /// Its provider alone says how it goes.
    #[error(
        "the payment is taken by {provider}, whose own answers say how it goes; only manual payments are reported by others",
        provider = .0.as_str()
    )]
    NotManual(Provider),
    /// A report names another amount or currency.
    #[error(transparent)]
    Differs(Discrepancy),
    /// The reporter calls it something else than before.
    #[error("the payment has been reported under another id already")]
    OtherReference,
    /// It is reported as given back, and nothing was to be given back.
    #[error("the payment has no money to give back: it is {status}", status = .0.as_str())]
    NotRefunding(PaymentStatus),
    /// It is closed, and its order takes no other.
    #[error("the payment is closed ({status}), and its order takes no other; place a new order", status = .0.as_str())]
    Closed(PaymentStatus),
    /// How a direct order's payment goes, its provider alone says.
    #[error("the payment is a direct order's: its provider says how it goes, nobody else")]
    Direct,
    /// The payment is a saga's.
    #[error("the payment is driven by its order's saga; cancel the order instead")]
    HasSaga,
    /// What an order without lines costs, its client says.
    #[error("is missing: the order has no lines to add up")]
    NoAmount,
    /// What is asked for must wait for what is under way.
    #[error("the payment is under way; try again shortly")]
    UnderWay,
    /// Somebody says that it is paid.
    #[error("the payment is not paid: it is {status}", status = .0.as_str())]
    NotPaid(PaymentStatus),
    /// The provider says no to a refund.
    #[error("the provider will not give the money back; it is asked again every 30 s")]
    RefundRefused,
    /// There is nothing to give back.
    #[error("no money came with this payment; there is nothing to give back")]
    NothingCaptured,
    /// Goods that are out are paid for.
    #[error("the order's goods are on their way; call them back with CancelShipping first")]
    GoodsDispatched,
}

/// What a payment command is answered.
#[derive(Clone, Debug)]
pub struct PaymentAnswer {
    /// The saga's side: the step's outcome.
    pub outcome: Outcome,
    /// The order's payments as they are now.
    pub payments: Option<Payments>,
    /// The client's side: the payment that the command was about, as it is now, and whether this command opened
    /// it.
    pub result: Result<(Payment, bool), PaymentRefusal>,
    /// The payments, by their place, whose call is to be made now.
    pub requested: Vec<usize>,
    /// The payments, by their place, that the command has settled: what others are to be told of.
    pub settled: Vec<usize>,
    /// A saga that waits for this payment and should ask again.
    pub signal: Option<SagaId>,
}
