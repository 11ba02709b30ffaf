//! Which process is ready while another one is away.

use super::cluster::{Split, eventually};
use backstitch::role::Role;
use strum::VariantArray as _;

#[actix_web::test]
async fn orders_and_their_coordinator_are_ready_together_and_nobody_else_needs_another() {
    let mut split = Split::start().await;
    for away in Role::VARIANTS.iter().copied() {
        split.kill(away);
        for role in Role::VARIANTS.iter().copied().filter(|role| *role != away) {
            let is_needed = matches!((role, away), (Role::Order, Role::Coordinator) | (Role::Coordinator, Role::Order));
            let (status, answer) = split.get(role, "/readyz").await;
            assert_eq!(status, if is_needed { 503 } else { 200 }, "{role} without {away}: {answer}");
            if is_needed {
                assert_eq!(answer["detail"], format!("the {away} process does not answer"), "{answer}");
            }
        }
        split.spawn(away);
        split.until_ready(away).await;
        for role in Role::VARIANTS.iter().copied() {
            split.until_ready(role).await;
        }
    }
}

#[actix_web::test]
async fn a_process_on_the_address_of_another_role_does_not_stand_for_it() {
    let mut split = Split::prepare(&[]);
    let mut coordinator = split.command(Role::Coordinator);
    coordinator.env("BACKSTITCH__PEERS__ORDER", format!("http://{}", split.grpc(Role::Payment)));
    split.spawn(Role::Order);
    split.spawn(Role::Payment);
    split.spawn_by(Role::Coordinator, coordinator);
    split.until_up(Role::Coordinator).await;
    split.until_up(Role::Payment).await;
    eventually("the payments have said that they are no orders", async || {
        let ready = split.get(Role::Coordinator, "/readyz").await.0;
        ready == 503 && split.known(Role::Coordinator, Role::Order).await.1.contains("does not answer order.ping")
    })
    .await;
}
