//! The audit over facts of several moments, as those of several databases are, beside actors at work.

use super::{crashes::any, given::house};
use crate::store::given::random;
use backstitch::role::{Role, Roles};
use backstitch::{
    audit,
    store::{FactSource, OrderFacts, Passed, ShelfFacts, StoreError, TableFacts, Visit, merged, steady},
};
use futures::future::{BoxFuture, join};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What one owner alone knows, in a snapshot of its own.
struct Only {
    all: Arc<dyn FactSource>,
    owner: Role,
}

impl FactSource for Only {
    fn visit(&self, mut visit: Visit<OrderFacts>) -> BoxFuture<'static, Result<Passed, StoreError>> {
        let owner = self.owner;
        self.all.visit(Box::new(move |facts| {
            visit(OrderFacts {
                order_id: facts.order_id,
                order: facts.order.filter(|_| owner == Role::Order),
                shops: if owner == Role::Order { facts.shops } else { Vec::new() },
                payment: facts.payment.filter(|_| owner == Role::Payment),
                shipping: facts.shipping.filter(|_| owner == Role::Shipping),
                stock: facts.stock.filter(|_| owner == Role::Stock),
                saga: facts.saga.filter(|_| owner == Role::Coordinator),
                removed: facts.removed,
            })
        }))
    }

    fn visit_shelves(&self, _: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        self.all.judge_tables(Roles::of(of.iter().filter(|role| *role == self.owner)))
    }
}

#[actix_web::test]
async fn an_audit_of_several_moments_beside_busy_actors_finds_nothing_and_all_of_it_once_they_rest() {
    let mut random = random();
    let house = house();
    let owners = [Role::Coordinator, Role::Shipping, Role::Order, Role::Stock, Role::Payment];
    let apart = || {
        let only = |owner| Arc::new(Only { all: Arc::clone(&house.test.store.facts), owner }) as Arc<dyn FactSource>;
        steady(merged(owners.map(only).into()))
    };
    let cases: Vec<_> = (0..400).map(|_| any(&mut random)).collect();
    let placed = AtomicBool::new(false);
    let placing = async {
        for some in cases.chunks(20) {
            house.place_all(some).await;
        }
        house.rest(&cases).await;
        placed.store(true, Ordering::Relaxed);
    };
    let auditing = async {
        while !placed.load(Ordering::Relaxed) {
            let report = audit::run(apart()).await.unwrap();
            assert!(report.is_clean(), "{report}");
        }
    };
    join(placing, auditing).await;
    assert_eq!(audit::run(apart()).await.unwrap(), audit::run(Arc::clone(&house.test.store.facts)).await.unwrap());
}
