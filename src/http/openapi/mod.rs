//! The OpenAPI document, made from the handlers themselves, and its page for a browser.

mod examples;
mod rules;

use super::{
    admin, notifications, offers, operations, orders, payments, problem, products, reports, resource, saga_log, sagas,
    shipments, shops, stock, variants, warehouses,
};
use actix_web::{HttpRequest, HttpResponse, http::Method, http::header, web};
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Backstitch",
        description = "Order fulfilment as durable sagas. Successes come in an envelope, failures as RFC 9457 problems whose `code` is stable.",
    ),
    paths(
        orders::place, orders::list_orders, orders::summary::summary, orders::list_of_shop, orders::read, orders::edit, orders::cancel,
        payments::open, payments::list_payments, payments::read, payments::succeed, payments::fail,
        payments::refund,
        payments::settle_callback,
        notifications::list_notifications, notifications::read, notifications::retry,
        reports::order_paid, reports::user_paid, reports::read_user, reports::user_status_paid,
        reports::read_user_status,
        shipments::list_shipments, shipments::read, shipments::dispatched, shipments::cancelled,
        stock::receive, stock::adjust, stock::list_levels, stock::read_variant, stock::transfer, stock::list_movements,
        products::add, products::list_products, products::read, products::edit, products::add_variant,
        variants::list_variants, variants::read, variants::edit,
        shops::add, shops::list_shops, shops::read, shops::edit,
        offers::put, offers::read, offers::list_of_shop, offers::list_of_variant,
        warehouses::add, warehouses::list_warehouses, warehouses::read, warehouses::edit, warehouses::activate,
        warehouses::deactivate,
        sagas::list_sagas, sagas::read, sagas::cancel, sagas::retry, saga_log::read, saga_log::follow,
        admin::list_actors, admin::list_nodes, admin::list_peers, admin::crash, admin::run_audit,
        operations::health, operations::ready, operations::metrics,
    ),
    components(schemas(problem::ProblemDocument, problem::FieldProblem, problem::CodeName)),
    tags(
        (name = "orders", description = "Placing, reading and cancelling orders"),
        (name = "payments", description = "An order's payment, and how it went"),
        (name = "notifications", description = "What others are told of payments, and what they report"),
        (name = "shipments", description = "An order's goods on their way"),
        (name = "stock", description = "What the warehouses hold, and what of it is reserved"),
        (name = "catalogue", description = "Products and their variants, the same for all shops"),
        (name = "shops", description = "Shops, their prices and their warehouses"),
        (name = "sagas", description = "What drives every order, step by step"),
        (name = "admin", description = "Nodes, actors, crashes on purpose, the audit"),
        (name = "operations", description = "Health, readiness, metrics"),
    )
)]
struct Document;

/// The OpenAPI document of everything that is served.
pub fn document() -> serde_json::Value {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    rules::complete(&mut document);
    document
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/openapi.json", [(Method::GET, web::to(serve_document))]);
    config.service(web::redirect("/", "/docs/"));
    config.service(web::redirect("/docs", "/docs/"));
    config.service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")));
}

/// The document, as far as this process serves it.
async fn serve_document(request: HttpRequest) -> HttpResponse {
    let mut document = document();
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.retain(|path, _| request.resource_map().has_resource(path));
    }
    let json = document.to_string();
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(json)
}
