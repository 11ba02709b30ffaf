//! The payment of a direct order, as its client asks for it.

use super::{Payable, Payment, PaymentCall, PaymentRefusal, PaymentStatus, Provider, draft::Draft};
use crate::domain::{
    ids::{OrderId, PaymentId},
    money::Amount,
    order::Goods,
    simulation::Script,
};
use serde::{Deserialize, Serialize};

/// A client pays for its direct order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ChargeDirect {
    /// The order it pays for.
    pub order: Payable,
    /// The id a new payment gets.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Amount,
    /// Who takes the money; never one who waits for somebody to report it.
    pub provider: Provider,
    /// What the simulated provider does.
    pub script: Script,
}

/// A client wants the money of its direct order back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RefundDirect {
    /// The order.
    pub order_id: OrderId,
    /// Its payment.
    pub payment_id: PaymentId,
    /// Where the order's goods are.
    pub goods: Goods,
}

/// An order is paid once: whoever asks again hears of the payment that there is.
pub(super) fn charge(draft: &mut Draft<'_>, charge: &ChargeDirect) -> Result<bool, PaymentRefusal> {
    let ChargeDirect { order, payment_id, amount, provider, script } = *charge;
    match draft.seen() {
        Some(row) if !row.direct => Err(PaymentRefusal::HasSaga),
        Some(row) if row.amount != amount => Err(PaymentRefusal::AmountMismatch { total: row.amount }),
        Some(_) => Ok(false),
        None => {
            order.check(amount)?;
            let (id, currency, now) = (order.order_id, order.currency, draft.now());
            let mut payment = Payment::without_saga(id, currency, payment_id, amount, provider, script, now);
            payment.direct = true;
            payment.payer = order.payer;
            payment.request(PaymentCall::Charge);
            draft.open(payment);
            Ok(true)
        }
    }
}

/// Asks the order first: nobody gets money back and goods too.
pub(super) fn give_back(draft: &mut Draft<'_>, refund: &RefundDirect) -> Result<(), PaymentRefusal> {
    draft.act_on(refund.payment_id)?;
    let Some(row) = draft.row() else { return Err(PaymentRefusal::NoPayment) };
    if !row.direct {
        return Err(PaymentRefusal::HasSaga);
    }
    match (row.status, row.call) {
        (PaymentStatus::Refunding | PaymentStatus::Refunded, _)
        | (PaymentStatus::Paid, Some(PaymentCall::CancelOrder | PaymentCall::CancelReturnedOrder)) => Ok(()),
        (PaymentStatus::Paid, None) => {
            row.request(match refund.goods {
                Goods::Kept => PaymentCall::CancelOrder,
                Goods::Returned => PaymentCall::CancelReturnedOrder,
                Goods::Dispatched => return Err(PaymentRefusal::GoodsDispatched),
            });
            Ok(())
        }
        (PaymentStatus::Pending | PaymentStatus::Paid, _) => Err(PaymentRefusal::UnderWay),
        (PaymentStatus::Failed | PaymentStatus::Expired, _) => Err(PaymentRefusal::NothingCaptured),
    }
}
