//! Parameters of lists that cannot be accepted.

use crate::support::TestApp;

const LISTS: [&str; 4] = ["/orders", "/payments", "/shipments", "/sagas"];

#[tokio::test]
async fn a_limit_outside_one_to_a_hundred_is_refused() {
    let app = TestApp::start();
    for list in LISTS {
        for limit in ["0", "101", "-1", "1.5", "abc", "", "4294967296", "99999999999999999999"] {
            app.get(&format!("{list}?limit={limit}")).await.refuses("limit");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let app = TestApp::start();
    for list in LISTS {
        for cursor in ["", "abc", "1", "0198c0de", "0198c0de-0000-7000-8000-00000000000g", "%00", "%ff", "null"] {
            app.get(&format!("{list}?cursor={cursor}")).await.refuses("cursor");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_cursor_before_everything_is_an_empty_part() {
    let app = TestApp::start();
    for list in LISTS {
        let end = app.get(&format!("{list}?cursor=00000000-0000-0000-0000-000000000000")).await;
        assert_eq!((end.items().len(), end.next_cursor()), (0, None));
    }
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_parameter_is_refused() {
    let app = TestApp::start();
    for list in LISTS {
        app.get(&format!("{list}?offset=10")).await.refuses("offset");
        app.get(&format!("{list}?Limit=10")).await.refuses("Limit");
        app.get(&format!("{list}?=1")).await.refuses("");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let app = TestApp::start();
    for list in LISTS {
        app.get(&format!("{list}?limit=10&limit=20")).await.refuses("limit");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_filter_of_no_known_value_is_refused() {
    let app = TestApp::start();
    for (query, field) in [
        ("/orders?status=shipped", "status"),
        ("/orders?status=PENDING", "status"),
        ("/orders?customer_ref=", "customer_ref"),
        ("/orders?customer_ref=%00", "customer_ref"),
        ("/orders?created_after=yesterday", "created_after"),
        ("/orders?created_after=2026-13-01T00:00:00Z", "created_after"),
        ("/payments?status=success", "status"),
        ("/payments?order_id=7", "order_id"),
        ("/shipments?order_id=x", "order_id"),
        ("/sagas?status=pending", "status"),
        ("/sagas?created_before=0", "created_before"),
    ] {
        app.get(query).await.refuses(field);
    }
    app.finish().await;
}

#[tokio::test]
async fn every_bad_parameter_is_named() {
    let app = TestApp::start();
    let answer = app.orders("limit=0&cursor=x&status=y&nonsense=z").await;
    for field in ["limit", "cursor", "status", "nonsense"] {
        answer.refuses(field);
    }
    app.finish().await;
}
