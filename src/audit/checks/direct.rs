//! Promises 2 to 4 of direct orders, which their client drives without a saga: order, payment and shipment tell each
//! other what happened, and agree once everything is told. What is being told is a call of the payment or the shipment;
//! while there is one, the two may differ.
//!
//! That no goods are out whose money is not held is for [`super::ending`] to say, which holds at any moment.

use super::{Judgement, must};
use crate::{
    audit::case::Case,
    domain::{
        order::{Goods, OrderStatus},
        payment::PaymentStatus,
        shipment::ShipmentStatus,
    },
};

/// Promise 4: a direct order is paid exactly if its payment is.
pub(super) fn direct_orders_and_payments_agree(case: &Case<'_>) -> Judgement {
    let order = case.direct_order()?;
    let Some(payment) = case.payment() else {
        return must(matches!(order.status, OrderStatus::Pending | OrderStatus::Cancelled), || {
            format!("it is {}, without a payment", order.status.as_str())
        });
    };
    if payment.call.is_some() {
        return None;
    }
    let agree = match payment.status {
        PaymentStatus::Paid => matches!(order.status, OrderStatus::Paid | OrderStatus::Completed),
        PaymentStatus::Failed | PaymentStatus::Refunded => order.status.is_closed(),
        // Nobody would bring these to an end: for another rule to say.
        PaymentStatus::Pending | PaymentStatus::Expired | PaymentStatus::Refunding => return None,
    };
    let (status, paid) = (order.status.as_str(), payment.status.as_str());
    must(agree, || format!("it is {status}, its payment {paid}, and nothing is on its way between them"))
}

/// Promise 4: a direct order knows where its goods are, and is completed exactly if they are on their way.
pub(super) fn direct_orders_and_shipments_agree(case: &Case<'_>) -> Judgement {
    let order = case.direct_order()?;
    let Some(shipment) = case.shipments().first() else {
        return must(order.goods == Goods::Kept && order.status != OrderStatus::Completed, || {
            format!("it is {} and its goods {}, without a shipment", order.status.as_str(), order.goods.as_str())
        });
    };
    if shipment.call.is_some() {
        return None;
    }
    let agree = match shipment.status {
        ShipmentStatus::Shipped => order.status == OrderStatus::Completed && order.goods == Goods::Dispatched,
        ShipmentStatus::Cancelled => order.goods == Goods::Returned || order.status.is_closed(),
        ShipmentStatus::Requested => return None,
    };
    let (status, goods, shipped) = (order.status.as_str(), order.goods.as_str(), shipment.status.as_str());
    must(agree, || {
        format!("it is {status} and its goods {goods}, its shipment {shipped}, and nothing is on its way between them")
    })
}

/// Promise 2: what was begun for a direct order goes on by itself: there is a call that leads further.
pub(super) fn direct_orders_have_nothing_left_undriven(case: &Case<'_>) -> Judgement {
    case.direct_order()?;
    let payment = case.payment().filter(|payment| payment.call.is_none());
    if let Some(payment) = payment.filter(|payment| !payment.direct || payment.status == PaymentStatus::Pending) {
        let whose = if payment.direct { "nobody asks for the money" } else { "it is no direct order's" };
        return Some(Err(format!("its payment is {}, and {whose}", payment.status.as_str())));
    }
    let shipment = case.shipments().iter().find(|shipment| shipment.call.is_none());
    must(
        shipment.is_none_or(|shipment| shipment.status != ShipmentStatus::Requested || shipment.carrier.is_manual()),
        || "its shipment is requested, and nobody asks for it".into(),
    )
}

#[cfg(test)]
mod tests;
