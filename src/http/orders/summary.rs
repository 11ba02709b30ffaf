//! How many orders there are of each kind, over HTTP.

use crate::{
    dialect::Vocabulary,
    domain::{reason::Reason, time::Moment},
    http::{Context, Problem, envelope::success, params::Query, wire::Time},
    store::{SummaryBy, SummaryGroup, SummaryKey, SummaryQuery},
};
use actix_web::{HttpResponse, http::StatusCode, web};
use serde::Serialize;
use std::cmp::Reverse;
use utoipa::ToSchema;

/// Orders of a time, counted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SummaryBody {
    /// Those that were placed at this time or later are counted.
    from: Time,
    /// Those that were placed before this time are counted.
    until: Time,
    /// `status`, `reason` or `shop`.
    by: &'static str,
    /// The largest first; none that is empty.
    groups: Vec<SummaryGroupBody>,
}

/// Orders that have something in common.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SummaryGroupBody {
    /// Their status, why they were unwound, or the id of the shop that sells; null for orders that were not unwound.
    group: Option<String>,
    currency: &'static str,
    /// How many orders.
    orders: u64,
    /// What they come to, in the currency's smallest unit in use: of a shop, what it sells of them. A client whose
    /// numbers are exact up to 2^53 alone reads `total_amount_text`.
    #[schema(value_type = i64)]
    total_amount: i128,
    /// The same in decimal digits.
    total_amount_text: String,
}

impl SummaryGroupBody {
    /// Groups in these words: those that are called the same are one.
    fn of(groups: Vec<SummaryGroup>, vocabulary: Vocabulary) -> Vec<Self> {
        let mut bodies: Vec<Self> = Vec::new();
        for SummaryGroup { key, currency, orders, total } in groups {
            let group = match key {
                SummaryKey::Status(status) => Some(vocabulary.order(status).to_owned()),
                SummaryKey::Reason(reason) => reason.map(|reason| Reason::as_str(reason).to_owned()),
                SummaryKey::Shop(shop) => Some(shop.to_string()),
            };
            let currency = currency.into();
            match bodies.iter_mut().find(|body| body.group == group && body.currency == currency) {
                Some(same) => {
                    same.orders += orders;
                    same.total_amount += total.0;
                }
                None => bodies.push(Self {
                    group,
                    currency,
                    orders,
                    total_amount: total.0,
                    total_amount_text: String::new(),
                }),
            }
        }
        bodies.iter_mut().for_each(|body| body.total_amount_text = body.total_amount.to_string());
        bodies.sort_by_key(|body| Reverse(body.orders));
        bodies
    }
}

/// Counts the orders of a time, and what they come to.
#[utoipa::path(
    get, path = "/orders/summary", tag = "orders",
    params(
        ("from" = String, Query, description = "Placed then or later: an RFC 3339 time, or a day in UTC"),
        ("to" = String, Query, description = "Placed before that time, or until the end of that day in UTC; at most 366 days after from"),
        ("by" = String, Query, description = "status, reason (null: not unwound) or shop (an order of several counts for each, with what each sells)"),
    ),
    responses(
        (status = 200, description = "How many there are, and what they come to", body = inline(crate::http::envelope::Envelope<SummaryBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = crate::http::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn summary(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    for name in ["from", "to", "by"] {
        query.require(name);
    }
    let from = query.time("from");
    let until = query.moment("to").map(Moment::end);
    let by = query.parsed::<SummaryBy>("by", "status, reason or shop");
    query.finish()?;
    let (Some(from), Some(until), Some(by)) = (from, until, by) else {
        return Err(Problem::field("by", "is missing"));
    };
    let groups = context.service.order_summary(SummaryQuery { from, until, by }).await?;
    let groups = SummaryGroupBody::of(groups, context.vocabulary);
    let body = SummaryBody { from: Time(from), until: Time(until), by: by.into(), groups };
    Ok(success(StatusCode::OK, body).finish())
}
