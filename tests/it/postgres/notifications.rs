//! Several nodes tell others of payments: each is told by one of them.

use crate::support::{Bank, Server, TestDatabase, app_that_tells_over, id, notification_once, simulated};
use serde_json::json;
use std::{collections::HashSet, sync::Arc};

#[tokio::test]
async fn a_notification_is_sent_by_one_node_whoever_has_committed_it() {
    let bank = Bank::start();
    let database = TestDatabase::Postgres(Arc::new(Server::shared().database()));
    let one = app_that_tells_over(database.clone(), &bank, &[], "one");
    let other = app_that_tells_over(database, &bank, &[], "other");
    let body = simulated(&json!({}));
    let placed = (0..30).map(|number| if number % 2 == 0 { one.rested(&body) } else { other.rested(&body) });
    let placed = futures::future::join_all(placed).await;
    for order in &placed {
        notification_once(&other, &order["id"], |told| told["status"] == "delivered").await;
    }
    let told: Vec<_> = bank.asked().iter().map(|asked| asked.path.clone()).collect();
    assert_eq!(told.len(), placed.len(), "{told:?}");
    let orders: HashSet<_> = placed.iter().map(|order| format!("PUT /orders/{}/payment", id(order))).collect();
    assert_eq!(told.into_iter().collect::<HashSet<_>>(), orders);
    one.finish_leaving_any().await;
    other.finish_leaving_any().await;
}
