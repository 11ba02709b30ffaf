//! Who owns what, wherever it is: the addresses by which facades and actors reach the owners of data.
//!
//! An owner is its actor in this process, or an actor that carries messages to the process that has it
//! ([`super::proxy`]). Nobody who sends a message can tell.

use super::{
    ChangeCatalog, ChangeStock, MarkUserPaid, Perform, Request, RequestOrder, RetryNotification, ShipDirect,
    TakeExternalPayment, WhenSettled, coordinator::Signal,
};
use crate::domain::{
    order::OrderCommand,
    payment::{ChargeDirect, OpenPayment, PaymentCommand, RefundDirect, SettlePayment},
    shipment::ShippingCommand,
    stock::StockCommand,
};
use actix::{Actor, Addr, Context, Handler, Recipient};

macro_rules! owner {
    ($(#[$doc:meta])* $owner:ident { $($(#[$field_doc:meta])* $field:ident: $message:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $owner {
            $($(#[$field_doc])* pub $field: Recipient<$message>,)+
        }

        impl $owner {
            /// The owner that an actor is.
            pub fn of<A>(actor: &Addr<A>) -> Self
            where
                A: Actor<Context = Context<A>> $(+ Handler<$message>)+,
            {
                Self { $($field: actor.clone().recipient(),)+ }
            }
        }
    };
}

owner! {
    /// Who owns the orders.
    OrderOwner {
        /// A saga's steps, and what payments and shipments have to tell.
        perform: Perform<OrderCommand>,
        /// A client's command to its direct order.
        request: RequestOrder,
    }
}

owner! {
    /// Who owns the payments.
    PaymentOwner {
        /// A saga's steps.
        perform: Perform<PaymentCommand>,
        /// A client opens a payment.
        open: Request<OpenPayment>,
        /// Somebody reports how it went.
        settle: Request<SettlePayment>,
        /// A client pays for its direct order.
        charge: Request<ChargeDirect>,
        /// A client wants that money back.
        refund: Request<RefundDirect>,
        /// Waits for what is under way of an order.
        settled: WhenSettled,
    }
}

owner! {
    /// Who sends what others are told of payments, and takes in what they say.
    NotifierOwner {
        /// A client wants a notification sent again.
        retry: RetryNotification,
        /// Another service says that a user has paid.
        mark_user: MarkUserPaid,
        /// Somebody has paid for an order of another service.
        pay: TakeExternalPayment,
    }
}

owner! {
    /// Who owns the shipments.
    ShippingOwner {
        /// A saga's steps.
        perform: Perform<ShippingCommand>,
        /// A client's command to the shipment of its direct order.
        ship: ShipDirect,
        /// Waits for what is under way of an order.
        settled: WhenSettled,
    }
}

owner! {
    /// Who owns the stock.
    StockOwner {
        /// A saga's steps.
        perform: Perform<StockCommand>,
        /// What a shop does by hand.
        change: ChangeStock,
    }
}

owner! {
    /// Who owns the catalogue.
    CatalogOwner {
        /// A client's change.
        change: ChangeCatalog,
    }
}

/// The owners that are in other processes; those that are not are started here.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// Who owns the orders.
    pub(super) order: Option<OrderOwner>,
    /// Who owns the payments, and tells others of them.
    pub(super) payment: Option<(PaymentOwner, NotifierOwner)>,
    /// Who owns the shipments.
    pub(super) shipping: Option<ShippingOwner>,
    /// Who owns the stock, and the catalogue with it.
    pub(super) stock: Option<(StockOwner, CatalogOwner)>,
    /// Who drives the sagas, as far as payments and shipments have to tell it something.
    pub(super) coordinator: Option<Recipient<Signal>>,
}
