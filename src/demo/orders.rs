//! Orders of customers who buy in several shops at once, placed as any client's would be.

use super::{DemoError, catalog::Offered, seed::below};
use crate::{
    actors::{Actors, Cast},
    domain::{
        checkout::Checkout,
        field::CustomerRef,
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::{Basket, Draft, OfferDraft},
        payment::Provider,
        shipment::Carrier,
        simulation::{Fault, Script, Simulation},
    },
    lifecycle::Fatal,
    providers::Providers,
    service::Service,
    settings::Settings,
    store::Store,
};
use actix_rt::Arbiter;
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;

/// Orders under way at once.
const CONCURRENCY: usize = 64;
/// How long an order may take to come to rest, and how long the rest may take at the end.
const REST_BOUND: Duration = Duration::from_mins(1);

/// How orders ended: how many in each status, with its reason.
pub(super) type Ends = BTreeMap<String, u64>;

/// Places so many orders through actors of its own and waits until each rests.
pub(super) async fn place(
    store: &Store,
    settings: &Settings,
    fatal: &Fatal,
    offers: &[Offered],
    count: u64,
    bar: &ProgressBar,
) -> Result<Ends, DemoError> {
    let arbiter = Arbiter::new();
    let in_flight = settings.saga.max_in_flight;
    let actors = Actors::start(
        &arbiter.handle(),
        store,
        Cast::ALL,
        Providers::default(),
        settings.node.id.clone(),
        in_flight,
        fatal,
    );
    let (_running, stopping) = watch::channel(false);
    let service = Service::new(store.clone(), actors.clone(), &settings.node.id, settings.policy(), stopping);
    let ends = stream::iter(0..count)
        .map(|number| one(&service, offers, number))
        .buffer_unordered(CONCURRENCY.min(in_flight).max(1));
    let tally = ends.try_fold(Ends::new(), async |mut ends, end| {
        bar.inc(1);
        *ends.entry(end).or_default() += 1;
        Ok(ends)
    });
    let ends = tokio::select! {
        ends = tally => ends,
        why = fatal.raised() => Err(DemoError::Fatal(why)),
    };
    actors.drain(REST_BOUND).await;
    arbiter.stop();
    ends
}

/// Places an order and says how it ended.
async fn one(service: &Service, offers: &[Offered], number: u64) -> Result<String, DemoError> {
    let drafts = lines(offers, number);
    let wanted: Vec<_> = drafts.iter().map(|draft| (draft.shop_id, draft.variant_id)).collect();
    let priced = service.priced_offers(&wanted).await?;
    let drafts = drafts.into_iter().map(Draft::Offer).collect();
    let basket = Basket::price(drafts, priced, |line, field| format!("lines[{line}].{field}"))
        .map_err(|refused| DemoError::Plan(format!("{refused:?}")))?;
    let checkout = Checkout {
        order_id: OrderId::from_uuid(Uuid::now_v7()),
        payment_id: PaymentId::from_uuid(Uuid::now_v7()),
        shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
        customer_ref: CustomerRef::parse(format!("demo-{:03}", below(120, "customer", number))).ok(),
        currency: Currency::Idr,
        basket: Arc::new(basket),
        revision: 0,
        provider: Provider::Simulated,
        carrier: Carrier::Simulated,
        deadline_ms: crate::domain::checkout::DEFAULT_DEADLINE_MS,
        simulate: simulation(number),
    };
    let saga_id = SagaId::from_uuid(Uuid::now_v7());
    let placed = service.place_order(saga_id, Arc::new(checkout), None, REST_BOUND).await?;
    let order = service.order(placed.order_id).await?;
    let reason = order.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    Ok(format!("{}{reason}", order.status.as_str()))
}

/// The lines of an order: two to four, of two shops at least.
fn lines(offers: &[Offered], number: u64) -> Vec<OfferDraft> {
    let count = 2 + below(3, "lines", number);
    let mut chosen: Vec<Offered> = Vec::new();
    for line in 0..count {
        let draw = number * 8 + line;
        let from = usize::try_from(below(offers.len() as u64, "line", draw)).unwrap_or(0);
        let others = |offered: &&Offered| line != 1 || chosen.first().is_none_or(|first| first.shop != offered.shop);
        chosen.extend(offers.iter().cycle().skip(from).take(offers.len()).find(others).copied());
    }
    let draft = |(line, offered): (u64, &Offered)| OfferDraft {
        shop_id: offered.shop_id(),
        variant_id: offered.variant_id(),
        quantity: 1 + i64::try_from(below(3, "quantity", number * 8 + line)).unwrap_or(0),
        expected_price: None,
    };
    (0..).zip(&chosen).map(draft).collect()
}

/// One customer in twenty-five has no money, and one parcel in forty is not taken.
const fn simulation(number: u64) -> Simulation {
    const PLAIN: Script = Script { fault: None, delay_ms: 0 };
    const REJECT: Script = Script { fault: Some(Fault::Reject), delay_ms: 0 };
    Simulation {
        stock: PLAIN,
        payment: if number % 25 == 24 { REJECT } else { PLAIN },
        shipping: if number % 40 == 39 { REJECT } else { PLAIN },
    }
}
