//! What stands open is counted, whatever has ended.

use super::world::World;
use backstitch::{
    domain::{saga::Status, time::Timestamp},
    store::{Census, OPEN},
};

async fn census(world: &World) -> Census {
    world.store.engine.census().await.expect("a census")
}

#[tokio::test]
async fn sagas_that_have_not_ended_are_counted_by_their_status_with_the_oldest_and_the_first_due() {
    let world = World::open();
    let told = world.every_story().await;
    let sagas = census(&world).await.sagas.expect("the sagas are here");
    for status in OPEN {
        let open = sagas.iter().find(|open| open.status == status);
        let stood = told.iter().filter(|(_, stands)| *stands == status).count() as u64;
        // Edits have the statuses of what they edit, and compensating ones may be none.
        assert_eq!(open.map_or(0, |open| open.count), stood, "{status:?}");
        assert_eq!(open.is_some_and(|open| open.due.is_some()), status == Status::Waiting, "{status:?}");
        assert_eq!(open.is_some_and(|open| open.oldest.is_some()), stood > 0, "{status:?}");
    }
}

#[tokio::test]
async fn notifications_that_are_not_delivered_are_counted_by_their_target() {
    let world = World::open();
    let id = crate::support::either(
        "randomblob(16), 'shop', 'paid', hex(randomblob(8))",
        "gen_random_uuid(), 'shop', 'paid', gen_random_uuid()::text",
    );
    let columns = "id, target, event, payment_id, order_id, about, attempts, created_at, updated_at, status, \
                   next_attempt_at, delivered_at";
    for (created_at, rest) in [
        (5_000, "'pending', 9000, NULL"),
        (7_000, "'pending', 9000, NULL"),
        (1_000, "'failed', NULL, NULL"),
        (2_000, "'delivered', NULL, 3000"),
    ] {
        let values = format!("{id}, '7', '{{}}', 0, {created_at}, {created_at}, {rest}");
        world.plant(&format!("INSERT INTO payment_notification ({columns}) VALUES ({values})"), None);
    }
    let mut open = census(&world).await.notifications.expect("the payments are here");
    open.sort_by_key(|open| open.failed);
    let told: Vec<_> = open
        .iter()
        .map(|open| (open.target.as_str(), open.failed, open.count, open.oldest.map(Timestamp::millis)))
        .collect();
    assert_eq!(told, [("shop", false, 2, Some(5_000)), ("shop", true, 1, Some(1_000))]);
}
