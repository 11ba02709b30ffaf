//! Queries to an owner in another process, and the answers to them: as its own facades would read its store.

use super::{Endpoint, Peer, Router, facts::RemoteFacts};
use crate::{
    domain::{
        catalog::{PricedOffer, Product, Shop, Variant, Warehouse},
        ids::{NotificationId, OrderId, PaymentId, ProductId, SagaId, ShipmentId, ShopId, VariantId, WarehouseId},
        notifier::{ExternalPayment, ExternalPaymentId, GivenId, Notification, PaidUser},
        order::Order,
        payment::Payment,
        shipment::{Shipment, Shipping},
        stock::Reservation,
    },
    role::{Role, Roles},
    store::{
        CatalogQueries, Claim, FactSource, ListedOffer, MovementFilter, MovementRow, MovementSeq, NotificationFilter,
        NotifierQueries, OfferPlace, OrderFilter, OrderQueries, Page, PaymentFilter, PaymentQueries, ProductFilter,
        Queries, SagaFilter, SagaQueries, SagaRow, ShipmentFilter, ShipmentQueries, ShopFilter, StockQueries,
        StockedLevel, StoreError, StoredSaga, SummaryGroup, SummaryQuery, VariantFilter, WarehouseFilter, merged,
        steady,
    },
};
use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// An owner in another process, as it is asked.
struct Remote(Peer);

type Answer<T> = BoxFuture<'static, Result<T, StoreError>>;

impl Remote {
    fn read<Q, A>(&self, endpoint: Endpoint<Q, Result<A, StoreError>>, question: Q) -> Answer<A>
    where
        Q: Serialize + Send + Sync + 'static,
        A: DeserializeOwned + Send + 'static,
    {
        let peer = self.0.clone();
        Box::pin(async move {
            peer.ask(endpoint, &question).await.unwrap_or_else(|away| Err(StoreError::Unavailable(away.to_string())))
        })
    }
}

/// Writes down, for each query of an owner: its endpoint, how it is asked of another process, and how it is answered.
macro_rules! queries {
    ($answer:ident, $field:ident: $queries:ident {
        $($endpoint:ident $name:literal fn $query:ident($($argument:ident: $type:ty),*) -> $answered:ty;)+
    } $({ $($more:item)+ })?) => {
        $(const $endpoint: Endpoint<($($type,)*), Result<$answered, StoreError>> = Endpoint::new($name);)+

        impl $queries for Remote {
            $(fn $query(&self, $($argument: $type),*) -> Answer<$answered> {
                self.read($endpoint, ($($argument,)*))
            })+
            $($($more)+)?
        }

        fn $answer(router: &mut Router, queries: &Queries) {
            $(
                let owner = Arc::clone(&queries.$field);
                router.on($endpoint, move |($($argument,)*): ($($type,)*)| {
                    let read = owner.$query($($argument),*);
                    async move { Ok(read.await) }
                });
            )+
        }
    };
}

queries! {
    answer_orders, orders: OrderQueries {
        ORDER "order.order" fn order(id: OrderId) -> Option<Order>;
        ORDERS "order.orders" fn orders(filter: OrderFilter, page: Page<OrderId>) -> Vec<Order>;
        SUMMARY "order.summary" fn summary(query: SummaryQuery) -> Vec<SummaryGroup>;
    }
}

queries! {
    answer_payments, payments: PaymentQueries {
        PAYMENT "payment.payment" fn payment(id: PaymentId) -> Option<Payment>;
        PAYMENT_OF "payment.payment_of" fn payment_of(order: OrderId) -> Option<Payment>;
        PAYMENTS "payment.payments" fn payments(filter: PaymentFilter, page: Page<PaymentId>) -> Vec<Payment>;
    }
}

queries! {
    answer_notifier, notifier: NotifierQueries {
        NOTIFICATION "payment.notification" fn notification(id: NotificationId) -> Option<Notification>;
        NOTIFICATIONS "payment.notifications" fn notifications(
            filter: NotificationFilter, page: Page<NotificationId>
        ) -> Vec<Notification>;
        EXTERNAL_PAYMENT "payment.external_payment" fn external_payment(id: ExternalPaymentId) -> Option<ExternalPayment>;
        PAID_USER "payment.paid_user" fn paid_user(id: GivenId) -> Option<PaidUser>;
    }
}

queries! {
    answer_shipments, shipments: ShipmentQueries {
        SHIPMENT "shipping.shipment" fn shipment(id: ShipmentId) -> Option<Shipment>;
        SHIPPING_OF "shipping.shipping_of" fn shipping_of(order: OrderId) -> Option<Shipping>;
        SHIPMENTS "shipping.shipments" fn shipments(
            filter: ShipmentFilter, page: Page<ShipmentId>
        ) -> Vec<Shipment>;
    }
}

queries! {
    answer_sagas, sagas: SagaQueries {
        CLAIMED "coordinator.claimed" fn claimed(claim: Claim) -> Option<(OrderId, SagaId)>;
        SAGA "coordinator.saga" fn saga(id: SagaId) -> Option<SagaRow>;
        SAGA_WITH_LOG "coordinator.saga_with_log" fn saga_with_log(id: SagaId) -> Option<StoredSaga>;
        UNFINISHED "coordinator.unfinished" fn unfinished() -> u64;
        SAGAS "coordinator.sagas" fn sagas(filter: SagaFilter, page: Page<SagaId>) -> Vec<SagaRow>;
    }
}

queries! {
    answer_stock, stock: StockQueries {
        RESERVATION_OF "stock.reservation_of" fn reservation_of(order: OrderId) -> Option<Reservation>;
        AVAILABLE "stock.available" fn available(offers: Vec<(ShopId, VariantId)>) -> Vec<i64>;
        LEVELS_OF "stock.levels_of" fn levels_of(variant: VariantId) -> Option<Vec<StockedLevel>>;
        LEVELS_IN "stock.levels_in" fn levels_in(warehouse: WarehouseId, page: Page<VariantId>) -> Option<Vec<StockedLevel>>;
        MOVEMENTS "stock.movements" fn movements(filter: MovementFilter, page: Page<MovementSeq>) -> Vec<MovementRow>;
    }
}

queries! {
    answer_catalog, catalog: CatalogQueries {
        PRODUCT "stock.product" fn product(id: ProductId) -> Option<Product>;
        PRODUCTS "stock.products" fn products(filter: ProductFilter, page: Page<ProductId>) -> Vec<Product>;
        VARIANT "stock.variant" fn variant(id: VariantId) -> Option<Variant>;
        VARIANTS "stock.variants" fn variants(filter: VariantFilter, page: Page<VariantId>) -> Vec<Variant>;
        VARIANTS_OF "stock.variants_of" fn variants_of(product: ProductId) -> Vec<Variant>;
        SHOP "stock.shop" fn shop(id: ShopId) -> Option<Shop>;
        SHOPS "stock.shops" fn shops(filter: ShopFilter, page: Page<ShopId>) -> Vec<Shop>;
        WAREHOUSE "stock.warehouse" fn warehouse(id: WarehouseId) -> Option<Warehouse>;
        WAREHOUSES "stock.warehouses" fn warehouses(filter: WarehouseFilter, page: Page<WarehouseId>) -> Vec<Warehouse>;
        OFFER "stock.offer" fn offer(shop: ShopId, variant: VariantId) -> Option<ListedOffer>;
        OFFERS_OF_VARIANT "stock.offers_of_variant" fn offers_of_variant(
            variant: VariantId, for_sale: Option<bool>, after: Option<OfferPlace>, limit: u32
        ) -> Vec<ListedOffer>;
        OFFERS_OF_SHOP "stock.offers_of_shop" fn offers_of_shop(
            shop: ShopId, for_sale: Option<bool>, page: Page<VariantId>
        ) -> Vec<ListedOffer>;
    } {
        fn offers_for(&self, lines: &[(ShopId, VariantId)]) -> Answer<Vec<Option<PricedOffer>>> {
            if lines.is_empty() {
                return Box::pin(std::future::ready(Ok(Vec::new())));
            }
            self.read(OFFERS_FOR, lines.to_vec())
        }
    }
}

/// What lines want, and each one's offer where there is one.
type OffersFor = Endpoint<Vec<(ShopId, VariantId)>, Result<Vec<Option<PricedOffer>>, StoreError>>;

const OFFERS_FOR: OffersFor = Endpoint::new("stock.offers_for");

/// Has questions of other processes answered that ask what the owners of these roles know.
pub fn answer_queries(router: &mut Router, roles: Roles, queries: &Queries) {
    for role in roles.iter() {
        match role {
            Role::Order => answer_orders(router, queries),
            Role::Payment => {
                answer_payments(router, queries);
                answer_notifier(router, queries);
            }
            Role::Shipping => answer_shipments(router, queries),
            Role::Coordinator => answer_sagas(router, queries),
            Role::Stock => {
                answer_stock(router, queries);
                answer_catalog(router, queries);
                let catalog = Arc::clone(&queries.catalog);
                router.on(OFFERS_FOR, move |lines| {
                    let read = catalog.offers_for(&lines);
                    async move { Ok(read.await) }
                });
            }
        }
    }
}

/// What all owners have stored, where some are other processes, for an audit: of each order what two passes find alike.
pub fn facts_beside(here: Arc<dyn FactSource>, peers: &[Peer]) -> Arc<dyn FactSource> {
    let mut sources = vec![here];
    for peer in peers {
        // The coordinator's first: what rests by its word rests in what the others say later.
        let place = if peer.role() == Role::Coordinator { 0 } else { sources.len() };
        sources.insert(place, Arc::new(RemoteFacts(peer.clone())));
    }
    steady(merged(sources))
}

/// What every owner can be asked, where some are other processes: of these, the peer is asked.
pub fn remote_queries(here: Queries, peers: &[Peer]) -> Queries {
    let mut queries = here;
    for peer in peers {
        let remote = Arc::new(Remote(peer.clone()));
        match peer.role() {
            Role::Order => queries.orders = remote,
            Role::Payment => (queries.payments, queries.notifier) = (Arc::clone(&remote) as _, remote),
            Role::Shipping => queries.shipments = remote,
            Role::Coordinator => queries.sagas = remote,
            Role::Stock => (queries.stock, queries.catalog) = (Arc::clone(&remote) as _, remote),
        }
    }
    if !peers.is_empty() {
        queries.facts = facts_beside(Arc::clone(&queries.facts), peers);
    }
    queries
}
