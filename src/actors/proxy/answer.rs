//! The answers to what proxies of other processes ask: each question is brought to its actor.

use super::{
    SETTLED_WAIT,
    endpoints::{
        CHANGE_CATALOG, CHANGE_STOCK, CHARGE, MARK_USER_PAID, OPEN, PAYMENT_SETTLED, PERFORM_ORDER, PERFORM_PAYMENT,
        PERFORM_SHIPPING, PERFORM_STOCK, REFUND, REQUEST_ORDER, RETRY_NOTIFICATION, Requested, SETTLE, SHIP,
        SHIPPING_SETTLED, SIGNAL, TAKE_EXTERNAL_PAYMENT,
    },
};
use crate::{
    actors::{
        Actors, ChangeCatalog, ChangeStock, MarkUserPaid, Perform, Request, RequestOrder, RetryNotification,
        ShipDirect, TakeExternalPayment, WhenSettled,
        coordinator::{SagaCoordinator, Signal},
    },
    domain::ids::OrderId,
    peers::{Endpoint, Router, Unanswered},
    role::{Role, Roles},
};
use actix::{Addr, Message, Recipient};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long a question is brought again to an actor that has failed, and the pause between.
const PATIENCE: Duration = Duration::from_secs(2);
const RESEND_PAUSE: Duration = Duration::from_millis(5);

/// Brings a question to its actor, again while that fails.
async fn bring<M>(to: Recipient<M>, message: impl Fn() -> M) -> Result<M::Result, Unanswered>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    let give_up = Instant::now() + PATIENCE;
    loop {
        match to.send(message()).await {
            Ok(answer) => return Ok(answer),
            Err(_) if Instant::now() < give_up => sleep(RESEND_PAUSE).await,
            Err(_) => return Err(Unanswered::Unavailable("an actor keeps failing".into())),
        }
    }
}

/// Has a question answered by an actor.
fn on<Q, M>(
    router: &mut Router,
    endpoint: Endpoint<Q, M::Result>,
    to: &Recipient<M>,
    message: impl Fn(Q) -> M + Copy + Send + Sync + 'static,
) where
    Q: Clone + DeserializeOwned + Send + 'static,
    M: Message + Send + 'static,
    M::Result: Serialize + Send,
{
    let to = to.clone();
    router.on(endpoint, move |question: Q| bring(to.clone(), move || message(question.clone())));
}

fn when_settled(router: &mut Router, endpoint: Endpoint<OrderId, ()>, to: &Recipient<WhenSettled>) {
    let to = to.clone();
    router.on(endpoint, move |order| {
        let asked = bring(to.clone(), move || WhenSettled(order));
        async move {
            let _ = timeout(SETTLED_WAIT, asked.await?).await;
            Ok(())
        }
    });
}

fn request<C: 'static>((command, claim): Requested<C>) -> Request<C> {
    Request { command, claim }
}

/// Has questions of other processes answered that the actors of these roles answer.
pub fn answer(router: &mut Router, roles: Roles, actors: &Actors) {
    for role in roles.iter() {
        match role {
            Role::Order => {
                on(router, PERFORM_ORDER, &actors.order.perform, Perform);
                on(router, REQUEST_ORDER, &actors.order.request, RequestOrder);
            }
            Role::Stock => {
                on(router, PERFORM_STOCK, &actors.stock.perform, Perform);
                on(router, CHANGE_STOCK, &actors.stock.change, |(change, claim)| ChangeStock { change, claim });
                let change = |(command, claim)| ChangeCatalog { command, claim };
                on(router, CHANGE_CATALOG, &actors.catalog.change, change);
            }
            Role::Payment => {
                on(router, PERFORM_PAYMENT, &actors.payment.perform, Perform);
                on(router, OPEN, &actors.payment.open, request);
                on(router, SETTLE, &actors.payment.settle, request);
                on(router, CHARGE, &actors.payment.charge, request);
                on(router, REFUND, &actors.payment.refund, request);
                when_settled(router, PAYMENT_SETTLED, &actors.payment.settled);
                on(router, RETRY_NOTIFICATION, &actors.notifier.retry, |(id, claim)| RetryNotification { id, claim });
                on(router, MARK_USER_PAID, &actors.notifier.mark_user, MarkUserPaid);
                let pay = |(order_id, user_id, amount, claim)| TakeExternalPayment { order_id, user_id, amount, claim };
                on(router, TAKE_EXTERNAL_PAYMENT, &actors.notifier.pay, pay);
            }
            Role::Shipping => {
                on(router, PERFORM_SHIPPING, &actors.shipping.perform, Perform);
                on(router, SHIP, &actors.shipping.ship, ShipDirect);
                when_settled(router, SHIPPING_SETTLED, &actors.shipping.settled);
            }
            Role::Coordinator => {
                if let Some(coordinator) = &actors.coordinator {
                    let signalled: Addr<SagaCoordinator> = coordinator.clone();
                    on(router, SIGNAL, &signalled.recipient(), Signal);
                }
            }
        }
    }
}
