//! Listing and counting orders, and what belongs to them: the part of `backstitch.v1.SagaService` that is about many at once.

use super::requests::{millis, part, unknown};
use crate::{
    domain::{
        field::{CustomerRef, FieldErrors},
        ids::{OrderId, PaymentId, ShipmentId, ShopId},
        order::OrderStatus,
        payment::PaymentStatus,
        reason::Reason,
        reference::{Reference, TrackingNumber},
        shipment::ShipmentStatus,
        time::Timestamp,
    },
    proto::{
        self, ListOrdersRequest, ListOrdersResponse, ListPaymentsRequest, ListPaymentsResponse, ListShipmentsRequest,
        ListShipmentsResponse, SummarizeOrdersRequest, SummarizeOrdersResponse, SummaryGroup,
    },
    service::{OrderSearch, Problem, Service, ServiceError},
    store::{OrderFilter, PaymentFilter, ShipmentFilter, SummaryBy, SummaryKey, SummaryQuery},
};
use uuid::Uuid;

pub(super) async fn list(service: &Service, request: ListOrdersRequest) -> Result<ListOrdersResponse, Problem> {
    let mut errors = FieldErrors::default();
    let (limit, page) = part(request.page_size, &request.page_token, OrderId::from_uuid, &mut errors);
    let search = search(request, &mut errors);
    Problem::unless_invalid(errors, Some(()))?;
    let mut views = service.order_views(search, page).await?;
    let more = views.len() > limit as usize;
    views.truncate(limit as usize);
    let next_page_token = views.last().filter(|_| more).map(|view| view.order.id.to_string()).unwrap_or_default();
    Ok(ListOrdersResponse { orders: views.into_iter().map(proto::Order::from).collect(), next_page_token })
}

pub(super) async fn payments(service: &Service, request: ListPaymentsRequest) -> Result<ListPaymentsResponse, Problem> {
    let ListPaymentsRequest { page_size, page_token, statuses, order_id, reference } = request;
    let mut errors = FieldErrors::default();
    let (limit, page) = part(page_size, &page_token, PaymentId::from_uuid, &mut errors);
    let filter = PaymentFilter {
        order_id: id("order_id", order_id, &mut errors).map(OrderId::from_uuid),
        reference: reference.and_then(|text| errors.check("reference", Reference::parse(text))),
        statuses: statuses.into_iter().filter_map(|number| payment_status(number, &mut errors)).collect(),
    };
    Problem::unless_invalid(errors, Some(()))?;
    let mut payments = service.queries().payments.payments(filter, page).await.map_err(ServiceError::from)?;
    let more = payments.len() > limit as usize;
    payments.truncate(limit as usize);
    let next_page_token = payments.last().filter(|_| more).map(|payment| payment.id.to_string()).unwrap_or_default();
    Ok(ListPaymentsResponse { payments: payments.into_iter().map(proto::Payment::from).collect(), next_page_token })
}

pub(super) async fn shipments(
    service: &Service,
    request: ListShipmentsRequest,
) -> Result<ListShipmentsResponse, Problem> {
    let ListShipmentsRequest { page_size, page_token, statuses, order_id, tracking_number } = request;
    let mut errors = FieldErrors::default();
    let (limit, page) = part(page_size, &page_token, ShipmentId::from_uuid, &mut errors);
    let filter = ShipmentFilter {
        order_id: id("order_id", order_id, &mut errors).map(OrderId::from_uuid),
        tracking_number: tracking_number.and_then(|text| errors.check("tracking_number", TrackingNumber::parse(text))),
        statuses: statuses.into_iter().filter_map(|number| shipment_status(number, &mut errors)).collect(),
    };
    Problem::unless_invalid(errors, Some(()))?;
    let mut shipments = service.queries().shipments.shipments(filter, page).await.map_err(ServiceError::from)?;
    let more = shipments.len() > limit as usize;
    shipments.truncate(limit as usize);
    let next_page_token = shipments.last().filter(|_| more).map(|shipment| shipment.id.to_string()).unwrap_or_default();
    Ok(ListShipmentsResponse { shipments: shipments.into_iter().map(proto::Shipment::from).collect(), next_page_token })
}

fn id(field: &str, text: Option<String>, errors: &mut FieldErrors) -> Option<Uuid> {
    let text = text?;
    let parsed = Uuid::parse_str(&text);
    errors.check(field, parsed.map_err(|error| format!("is {text:?}, which is not a UUID: {error}")))
}

fn payment_status(number: i32, errors: &mut FieldErrors) -> Option<PaymentStatus> {
    Some(match proto::PaymentStatus::try_from(number) {
        Ok(proto::PaymentStatus::Pending) => PaymentStatus::Pending,
        Ok(proto::PaymentStatus::Paid) => PaymentStatus::Paid,
        Ok(proto::PaymentStatus::Failed) => PaymentStatus::Failed,
        Ok(proto::PaymentStatus::Expired) => PaymentStatus::Expired,
        Ok(proto::PaymentStatus::Refunding) => PaymentStatus::Refunding,
        Ok(proto::PaymentStatus::Refunded) => PaymentStatus::Refunded,
        Ok(proto::PaymentStatus::Unspecified) | Err(_) => {
            errors.add("statuses", unknown(number, "a status"));
            return None;
        }
    })
}

fn shipment_status(number: i32, errors: &mut FieldErrors) -> Option<ShipmentStatus> {
    Some(match proto::ShipmentStatus::try_from(number) {
        Ok(proto::ShipmentStatus::Requested) => ShipmentStatus::Requested,
        Ok(proto::ShipmentStatus::Shipped) => ShipmentStatus::Shipped,
        Ok(proto::ShipmentStatus::Cancelled) => ShipmentStatus::Cancelled,
        Ok(proto::ShipmentStatus::Unspecified) | Err(_) => {
            errors.add("statuses", unknown(number, "a status"));
            return None;
        }
    })
}

fn search(request: ListOrdersRequest, errors: &mut FieldErrors) -> OrderSearch {
    let statuses = request.statuses.into_iter().filter_map(|number| status(number, errors)).collect();
    let reason = |name: String| {
        let parsed = name.parse::<Reason>();
        errors.check("reasons", parsed.map_err(|_| format!("has {name:?}, which no order is unwound for")))
    };
    let reasons = request.reasons.into_iter().filter_map(reason).collect();
    let shop_id = id("shop_id", request.shop_id, errors).map(ShopId::from_uuid);
    let customer_ref = request.customer_ref.and_then(|text| errors.check("customer_ref", CustomerRef::parse(text)));
    let tracking_number = request.tracking_number.map(TrackingNumber::parse);
    let tracking_number = tracking_number.and_then(|parsed| errors.check("tracking_number", parsed));
    let payment_reference = request.payment_reference.map(Reference::parse);
    let payment_reference = payment_reference.and_then(|parsed| errors.check("payment_reference", parsed));
    let filter = OrderFilter {
        ids: None,
        statuses,
        reasons,
        shop_id,
        customer_ref,
        created_after: time("created_after", request.created_after, errors),
        created_before: time("created_before", request.created_before, errors),
        updated_after: time("updated_after", request.updated_after, errors),
    };
    OrderSearch { filter, tracking_number, payment_reference }
}

fn time(field: &str, given: Option<prost_types::Timestamp>, errors: &mut FieldErrors) -> Option<Timestamp> {
    given.and_then(|time| errors.check(field, millis(time)))
}

fn status(number: i32, errors: &mut FieldErrors) -> Option<OrderStatus> {
    match proto::OrderStatus::try_from(number) {
        Ok(proto::OrderStatus::Pending) => Some(OrderStatus::Pending),
        Ok(proto::OrderStatus::Paid) => Some(OrderStatus::Paid),
        Ok(proto::OrderStatus::Completed) => Some(OrderStatus::Completed),
        Ok(proto::OrderStatus::Failed) => Some(OrderStatus::Failed),
        Ok(proto::OrderStatus::Cancelled) => Some(OrderStatus::Cancelled),
        Ok(proto::OrderStatus::Unspecified) | Err(_) => {
            errors.add("statuses", unknown(number, "a status"));
            None
        }
    }
}

pub(super) async fn summarize(
    service: &Service,
    request: SummarizeOrdersRequest,
) -> Result<SummarizeOrdersResponse, Problem> {
    let SummarizeOrdersRequest { from, until, by } = request;
    let mut errors = FieldErrors::default();
    for (name, given) in [("from", &from), ("until", &until)] {
        if given.is_none() {
            errors.add(name, "is missing");
        }
    }
    let (from, until) = (time("from", from, &mut errors), time("until", until, &mut errors));
    let by = match proto::SummaryBy::try_from(by) {
        Ok(proto::SummaryBy::Status) => Some(SummaryBy::Status),
        Ok(proto::SummaryBy::Reason) => Some(SummaryBy::Reason),
        Ok(proto::SummaryBy::Shop) => Some(SummaryBy::Shop),
        Ok(proto::SummaryBy::Unspecified) => {
            errors.add("by", "is missing");
            None
        }
        Err(_) => {
            errors.add("by", unknown(by, "anything that orders are counted by"));
            None
        }
    };
    let query = from.zip(until).zip(by).map(|((from, until), by)| SummaryQuery { from, until, by });
    let query = Problem::unless_invalid(errors, query)?;
    let groups = service.order_summary(query).await?.into_iter().map(|group| SummaryGroup {
        group: match group.key {
            SummaryKey::Status(status) => Some(status.as_str().to_owned()),
            SummaryKey::Reason(reason) => reason.map(|reason| reason.as_str().to_owned()),
            SummaryKey::Shop(shop) => Some(shop.to_string()),
        },
        currency: <&str>::from(group.currency).to_owned(),
        orders: group.orders,
        total_amount: group.total.0.to_string(),
    });
    Ok(SummarizeOrdersResponse { groups: groups.collect() })
}
