//! Warehouses: added to a shop, changed, opened and closed (D3).

use crate::support::{TestApp, id};
use serde_json::json;

#[tokio::test]
async fn a_warehouse_is_read_as_it_was_added() {
    let app = TestApp::start();
    let shop = app.shop("Toko").await;
    let body =
        json!({"shop_id": shop, "name": "Gudang Utama", "address": "Jalan Lebe Kader 1, Takengon", "priority": 5});
    let added = app.post("/warehouses", &body).await;
    let warehouse = added.success(201).clone();
    assert_eq!(added.header("location"), Some(format!("/warehouses/{}", id(&warehouse)).as_str()));
    for field in ["shop_id", "name", "address", "priority"] {
        assert_eq!(warehouse[field], body[field], "{field}");
    }
    assert_eq!(warehouse["active"], true);
    assert_eq!(app.get(&format!("/warehouses/{}", id(&warehouse))).await.success(200), &warehouse);
    app.finish().await;
}

#[tokio::test]
async fn a_warehouse_of_no_known_shop_is_refused() {
    let app = TestApp::start();
    let nobody = "0198c0de-0000-7000-8000-000000000000";
    app.post("/warehouses", &json!({"shop_id": nobody, "name": "x", "address": "y"})).await.refuses("shop_id");
    assert_eq!(app.get("/warehouses").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_warehouse_is_changed_field_by_field() {
    let app = TestApp::start();
    let shop = app.shop("Toko").await;
    let path = format!("/warehouses/{}", app.warehouse(&shop).await);
    for change in
        [json!({"name": "Gudang 2"}), json!({"address": "Jalan 2", "priority": 0}), json!({"priority": 10_000})]
    {
        let changed = app.patch(&path, &change).await.success(200).clone();
        change.as_object().expect("fields").iter().for_each(|(field, value)| assert_eq!(&changed[field], value));
        assert_eq!(app.get(&path).await.success(200), &changed);
    }
    app.patch(&path, &json!({"active": false})).await.refuses("active");
    app.patch(&path, &json!({"shop_id": shop})).await.refuses("shop_id");
    app.finish().await;
}

#[tokio::test]
async fn a_warehouse_is_closed_and_opened_again_as_often_as_asked() {
    let app = TestApp::start();
    let shop = app.shop("Toko").await;
    let path = format!("/warehouses/{}", app.warehouse(&shop).await);
    for (switch, active) in [("deactivate", false), ("deactivate", false), ("activate", true), ("activate", true)] {
        let switched = app.call("POST", &format!("{path}/{switch}")).await;
        assert_eq!(switched.success(200)["active"], active, "{switch}");
        assert_eq!(app.get(&path).await.success(200)["active"], active, "{switch}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_switch_has_no_body_or_an_empty_one() {
    let app = TestApp::start();
    let shop = app.shop("Toko").await;
    let path = format!("/warehouses/{}/deactivate", app.warehouse(&shop).await);
    app.call("POST", &path).await.success(200);
    app.post(&path, &json!({})).await.success(200);
    app.post(&path, &json!({"reason": "x"})).await.refuses("reason");
    app.post_bytes(&path, "{").await.problem(400, "malformed_json");
    app.call("POST", &path).bytes("{}").await.success(200);
    let text = app.call("POST", &path).header("Content-Type", "text/plain").bytes("{}");
    text.await.problem(415, "unsupported_media_type");
    app.post_bytes(&path, vec![b' '; 300_000]).await.problem(413, "body_too_large");
    app.finish().await;
}
