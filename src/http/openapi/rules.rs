//! What the document says of parameters and fields that are the same everywhere, said once: the bounds within which the server
//! takes them. `tests/python/test_contract.py` holds the server to it.

use super::examples;
use crate::domain::reason::Reason;
use serde_json::{Map, Value, json};
use strum::IntoEnumIterator as _;

/// A visible text: not blank, without control characters.
const VISIBLE: &str =
    "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// The same, of one line or several.
const VISIBLE_LINES: &str = "^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f]*$";
/// Visible ASCII, bare or in quotation marks.
const KEY: &str = "^([!#-~][!-~]{0,254}|\"[!-~]{1,255}\")$";
/// An id of another service.
const GIVEN: &str = "^[!-~]*[!-\\-/-~][!-~]*$";

/// Completes a document.
pub(super) fn complete(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths {
        for operation in item.as_object_mut().into_iter().flat_map(|operations| operations.values_mut()) {
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(schema) = parameter_schema(path, parameter) {
                    parameter["schema"] = schema;
                }
            }
        }
    }
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    for (name, schema) in schemas {
        if name.ends_with("Body") {
            for (field, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
                complete_field(field, property);
            }
        }
        if let Some(example) = examples::of(name) {
            schema["example"] = example;
        }
        match name.as_str() {
            "PlaceOrderBody" | "EditOrderBody" => one_way_to_say_what_is_bought(schema),
            "LineBody" => one_kind_of_line(schema),
            _ => {}
        }
    }
}

/// The schema of a parameter of this name, where there is a rule for it.
fn parameter_schema(path: &str, parameter: &Value) -> Option<Value> {
    let text = |max: u32| json!({"type": "string", "minLength": 1, "maxLength": max, "pattern": VISIBLE});
    let description = parameter["description"].as_str().unwrap_or_default();
    Some(match (parameter["in"].as_str()?, parameter["name"].as_str()?) {
        ("query", "limit") => json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
        ("query", "wait") => json!({"type": "integer", "minimum": 0, "maximum": 60, "default": 0}),
        ("query", "cursor") if path == "/stock/movements" => json!({"type": "string", "pattern": "^[0-9]{1,18}$"}),
        ("query", "cursor") if path == "/variants/{id}/offers" => {
            json!({"type": "string", "pattern": "^[1-9][0-9]{0,11}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"})
        }
        ("query", "cursor") => json!({"type": "string", "format": "uuid"}),
        ("query", "from" | "to" | "created_after" | "created_before" | "updated_after") => {
            json!({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]})
        }
        ("query", "status") => several(description),
        ("query", "reason") => several(&Reason::iter().map(Reason::as_str).collect::<Vec<_>>().join(",")),
        ("query", "target") => json!({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$"}),
        ("query", "reference" | "payment_reference") => {
            json!({"type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[^\\u0000]+$"})
        }
        ("query", "active") if description.contains("any:") => {
            json!({"type": "string", "enum": ["true", "false", "any"]})
        }
        ("query", "by") => json!({"type": "string", "enum": ["status", "reason", "shop"]}),
        ("query", "on_failure") => json!({"type": "string", "enum": ["status", "created"]}),
        ("query", "customer_ref" | "tracking_number") => text(128),
        ("query", "category") => text(100),
        ("query", "sku") => text(64),
        ("query", "text") => text(200),
        ("query", "payment_id" | "order_id") if path == "/notifications" => given(),
        ("path", "id") if path.starts_with("/users/") => given(),
        ("header", "Idempotency-Key") => json!({"type": "string", "minLength": 1, "maxLength": 257, "pattern": KEY}),
        ("header", "Last-Event-ID") => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        ("header", "Authorization") => json!({"type": "string"}),
        _ => return None,
    })
}

fn given() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": GIVEN})
}

/// Some of the words that a description begins with, with commas between them.
fn several(description: &str) -> Value {
    let words = description.split(", or ").next().unwrap_or_default();
    let words: Vec<_> = words.split([',', ' ']).filter(|word| !word.is_empty() && *word != "or").collect();
    let one = words.join("|");
    json!({"type": "string", "pattern": format!("^({one})(,({one}))*$")})
}

fn is_text(property: &Map<String, Value>) -> bool {
    let kind = &property.get("type").cloned().unwrap_or_default();
    kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("string")))
}

fn complete_field(field: &str, property: &mut Value) {
    let Some(property) = property.as_object_mut() else { return };
    if field == "attributes" {
        property.insert("maxProperties".into(), json!(20));
        property.insert("propertyNames".into(), json!({"minLength": 1, "maxLength": 64, "pattern": VISIBLE}));
        let value = json!({"type": "string", "minLength": 1, "maxLength": 200, "pattern": VISIBLE});
        property.insert("additionalProperties".into(), value);
    }
    if is_text(property) && property.contains_key("maxLength") && field != "status" {
        property.insert("minLength".into(), json!(1));
        let pattern = if field == "description" { VISIBLE_LINES } else { VISIBLE };
        property.insert("pattern".into(), json!(pattern));
    }
    if field == "currency" {
        property.insert("enum".into(), json!(["IDR", null]));
    }
    if field == "lines" {
        property.insert("minItems".into(), json!(1));
        property.insert("maxItems".into(), json!(100));
    }
}

/// Lines, or the fields of an only line, under one of their names.
fn one_way_to_say_what_is_bought(schema: &mut Value) {
    let none = json!({"type": "null"});
    let way = |given: &[&str]| {
        let all = ["lines", "item_name", "product_id", "id", "quantity", "jumlah", "price"];
        let absent = all.iter().filter(|name| !given.contains(name)).map(|name| ((*name).to_owned(), none.clone()));
        let present = given.iter().map(|name| {
            let kind = match *name {
                "lines" => json!({"type": "array"}),
                "quantity" | "jumlah" | "price" => json!({"type": "integer"}),
                _ => json!({"type": "string", "minLength": 1, "maxLength": 200, "pattern": VISIBLE}),
            };
            ((*name).to_owned(), kind)
        });
        json!({"required": given, "properties": Value::Object(absent.chain(present).collect())})
    };
    let mut ways = vec![way(&["lines"])];
    for item in ["item_name", "product_id", "id"] {
        for quantity in ["quantity", "jumlah"] {
            ways.push(way(&[item, quantity, "price"]));
            if item != "item_name" {
                ways.push(way(&[item, quantity]));
            }
        }
    }
    schema["anyOf"] = ways.into();
}

/// A shop's offer, or free text.
fn one_kind_of_line(schema: &mut Value) {
    let none = json!({"type": "null"});
    let id = json!({"type": "string", "format": "uuid"});
    schema["anyOf"] = json!([
        {"required": ["shop_id", "variant_id"], "properties": {"shop_id": id, "variant_id": id, "item_name": none, "price": none}},
        {"required": ["item_name", "price"], "properties": {
            "item_name": {"type": "string"}, "price": {"type": "integer"},
            "shop_id": none, "variant_id": none, "expected_price": none,
        }},
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_description_are_those_that_a_parameter_takes() {
        for description in
            ["shipped, lost or cancelled, or several with commas", "shipped, lost or cancelled, or both with commas"]
        {
            assert_eq!(several(description)["pattern"], "^(shipped|lost|cancelled)(,(shipped|lost|cancelled))*$");
        }
    }
}
