//! An example of every body, as a client may send it. Where one names something, that has the id of [`of`]'s examples; a test
//! sends each of them to a server that has these.

use serde_json::{Value, json};

const SHOP: &str = "0198c0de-0000-7000-8000-000000000001";
const WAREHOUSE: &str = "0198c0de-0000-7000-8000-000000000002";
const OTHER_WAREHOUSE: &str = "0198c0de-0000-7000-8000-000000000003";
const VARIANT: &str = "0198c0de-0000-7000-8000-000000000004";
const ORDER: &str = "0198c0de-0000-7000-8000-000000000005";
const PAYMENT: &str = "0198c0de-0000-7000-8000-000000000006";

/// The example of the body of this name.
pub(super) fn of(body: &str) -> Option<Value> {
    let line = json!({"item_name": "Kopi Gayo 250 g", "quantity": 2, "price": 85_000});
    Some(match body {
        "PlaceOrderBody" => {
            json!({"lines": [line], "customer_ref": "cust-42", "payment": {"provider": "manual", "deadline_ms": 900_000}})
        }
        "EditOrderBody" => json!({"lines": [line]}),
        "OpenPaymentBody" => json!({"order_id": ORDER, "amount": 170_000, "provider": "manual"}),
        "CallbackBody" => json!({"order_id": ORDER, "payment_id": PAYMENT, "payment_status": "success"}),
        "ReportBody" => json!({"order_id": ORDER, "amount": 170_000, "currency": "IDR"}),
        "DispatchedBody" => json!({"tracking_number": "JNE 0042 7781"}),
        "AddProductBody" => json!({"name": "Kopi Gayo", "description": "Arabica from Aceh", "category": "Coffee"}),
        "EditProductBody" => json!({"category": "Coffee beans"}),
        "AddVariantBody" => json!({"sku": "GAYO-250", "size": "250 g", "attributes": {"roast": "medium"}}),
        "EditVariantBody" => json!({"attributes": {"roast": "dark"}}),
        "AddShopBody" => json!({"name": "Toko Senja", "city": "Bandung"}),
        "EditShopBody" => json!({"city": "Jakarta"}),
        "AddWarehouseBody" => {
            json!({"shop_id": SHOP, "name": "Gudang Utara", "address": "Jalan Braga 1, Bandung", "priority": 100})
        }
        "EditWarehouseBody" => json!({"priority": 50}),
        "PutOfferBody" => json!({"price": 85_000, "currency": "IDR", "active": true}),
        "ReceiveBody" => json!({"variant_id": VARIANT, "quantity": 100}),
        "AdjustBody" => json!({"on_hand": 95, "expected_on_hand": 100, "reason": "five were damaged"}),
        "TransferBody" => json!({
            "from_warehouse_id": WAREHOUSE, "to_warehouse_id": OTHER_WAREHOUSE, "variant_id": VARIANT, "quantity": 10,
        }),
        "OrderPaidBody" | "UserPaidBody" => json!({"payment_status": "paid"}),
        "OperatorBody" => json!({"reason": "the provider is back"}),
        "CancelBody" => json!({"reason": "the customer called"}),
        "CrashBody" => json!({"mode": "panic"}),
        _ => return None,
    })
}
