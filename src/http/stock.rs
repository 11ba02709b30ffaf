//! Stock over HTTP: what each warehouse holds, what of it is reserved, and every movement of it.

use super::{
    Code, Context, Problem,
    body::{Body, Ruled, faults_of},
    envelope::{list, success},
    idempotency::claim,
    params::{Query, named_path_id, path_id},
    resource,
    wire::Time,
};
use crate::{
    domain::{
        checkout::Policy,
        field::{FieldError, FieldErrors, Note},
        ids::{OrderId, ShopId, TransferId, VariantId, WarehouseId},
        money::Quantity,
        stock::{Adjust, Cause, Level, OnHand, Receive, Shelf, StockChange, StockRefusal, Transfer},
    },
    service::{ServiceError, StockView},
    store::{MovementFilter, MovementRow, MovementSeq, Page, StockedLevel},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/warehouses/{id}/stock", [(Method::POST, web::to(receive)), (Method::GET, web::to(list_levels))]);
    resource(config, "/warehouses/{id}/stock/{variant_id}", [(Method::PUT, web::to(adjust))]);
    resource(config, "/stock/transfers", [(Method::POST, web::to(transfer))]);
    resource(config, "/stock/movements", [(Method::GET, web::to(list_movements))]);
    // After the two above, which it would take for a variant's id.
    resource(config, "/stock/{variant_id}", [(Method::GET, web::to(read_variant))]);
}

/// Goods that have come in.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiveBody {
    variant_id: Uuid,
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
}

impl Ruled for ReceiveBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        let mut errors = FieldErrors::default();
        errors.check("quantity", Quantity::parse(self.quantity));
        errors.finish().err().unwrap_or_default()
    }
}

/// What somebody counted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdjustBody {
    /// How many pieces are there; at least as many as are reserved.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    on_hand: i64,
    /// How many were known of when they were counted: when it is another number by now, nothing changes.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    expected_on_hand: i64,
    /// Why the two differ; 1-500 characters.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl AdjustBody {
    /// What is on hand, what was expected, and why the two differ.
    fn checked(self) -> Result<(OnHand, OnHand, Note), Problem> {
        let mut errors = FieldErrors::default();
        let on_hand = errors.check("on_hand", OnHand::parse(self.on_hand));
        let expected = errors.check("expected_on_hand", OnHand::parse(self.expected_on_hand));
        let reason = errors.check("reason", Note::parse(self.reason));
        let made = on_hand.zip(expected).zip(reason).map(|((on_hand, expected), reason)| (on_hand, expected, reason));
        Problem::unless_invalid(errors, made)
    }
}

impl Ruled for AdjustBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.checked())
    }
}

/// Goods that go from one of a shop's warehouses to another.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferBody {
    from_warehouse_id: Uuid,
    to_warehouse_id: Uuid,
    variant_id: Uuid,
    /// At most as many as are available, reserved ones not counted.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
}

impl TransferBody {
    /// The transfer that the body asks for, with a fresh id.
    fn command(self) -> Result<Transfer, Problem> {
        let Self { from_warehouse_id, to_warehouse_id, variant_id, quantity } = self;
        let mut errors = FieldErrors::default();
        let quantity = errors.check("quantity", Quantity::parse(quantity));
        let ends = [from_warehouse_id, to_warehouse_id].map(WarehouseId::from_uuid);
        let id = TransferId::from_uuid(Uuid::now_v7());
        let variant_id = VariantId::from_uuid(variant_id);
        // Whether the two are different ones is looked at for any quantity.
        let any = quantity.map_or_else(|| Quantity::parse(1), Ok);
        let transfer =
            any.ok().and_then(|any| errors.check("to_warehouse_id", Transfer::parse(id, ends, variant_id, any)));
        Problem::unless_invalid(errors, transfer)
    }
}

impl Ruled for TransferBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command())
    }
}

/// The pieces of one variant in one warehouse.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LevelBody {
    #[schema(value_type = Uuid)]
    variant_id: VariantId,
    #[schema(value_type = Uuid)]
    warehouse_id: WarehouseId,
    /// Whose the warehouse is.
    #[schema(value_type = Uuid)]
    shop_id: ShopId,
    /// Pieces that are there.
    on_hand: i64,
    /// Pieces of those that are promised to orders.
    reserved: i64,
    /// Pieces that are not promised. Orders can have them where the warehouse is active.
    available: i64,
}

impl From<Level> for LevelBody {
    fn from(level: Level) -> Self {
        let Shelf { variant_id, warehouse_id } = level.shelf;
        Self {
            variant_id,
            warehouse_id,
            shop_id: level.shop_id,
            on_hand: level.on_hand(),
            reserved: level.reserved(),
            available: level.available(),
        }
    }
}

/// The pieces of one variant in one warehouse, in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedLevelBody {
    #[serde(flatten)]
    level: LevelBody,
    /// Whether the warehouse is active: from one that is not, orders get nothing new.
    warehouse_active: bool,
    updated_at: Time,
}

impl From<StockedLevel> for ListedLevelBody {
    fn from(stocked: StockedLevel) -> Self {
        Self { level: stocked.level.into(), warehouse_active: stocked.active, updated_at: Time(stocked.updated_at) }
    }
}

/// A variant's stock over all warehouses.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VariantStockBody {
    #[schema(value_type = Uuid)]
    variant_id: VariantId,
    /// Pieces that are there, in active warehouses and others.
    on_hand: i64,
    /// Pieces of those that are promised to orders.
    reserved: i64,
    /// Pieces that orders can have: what is not promised in active warehouses. Where some are not active, it
    /// is less than the difference of the two above.
    available: i64,
    /// Warehouse by warehouse.
    warehouses: Vec<ListedLevelBody>,
}

/// A transfer that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TransferredBody {
    #[schema(value_type = Uuid)]
    id: TransferId,
    /// What is left where the goods came from.
    from: LevelBody,
    /// What is there where they went.
    to: LevelBody,
}

/// A change of a level. A level is the sum of its movements.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MovementBody {
    /// Its place in the ledger.
    seq: i64,
    #[schema(value_type = Uuid)]
    warehouse_id: WarehouseId,
    #[schema(value_type = Uuid)]
    variant_id: VariantId,
    /// `receive`, `adjust`, `transfer_out`, `transfer_in`, `reserve`, `commit` or `release`.
    kind: &'static str,
    /// Pieces more on hand, or fewer.
    on_hand: i64,
    /// Pieces more that are reserved, or fewer.
    reserved: i64,
    /// The order that it was for.
    #[schema(value_type = Option<Uuid>)]
    order_id: Option<OrderId>,
    /// The revision of that order's lines.
    revision: Option<u32>,
    /// The transfer that it is one side of.
    #[schema(value_type = Option<Uuid>)]
    transfer_id: Option<TransferId>,
    /// What the person said who adjusted.
    reason: Option<String>,
    at: Time,
}

impl From<MovementRow> for MovementBody {
    fn from(row: MovementRow) -> Self {
        let MovementRow { seq: MovementSeq(seq), movement } = row;
        let mut body = Self {
            seq,
            warehouse_id: movement.shelf.warehouse_id,
            variant_id: movement.shelf.variant_id,
            kind: movement.delta.kind.as_str(),
            on_hand: movement.delta.on_hand,
            reserved: movement.delta.reserved,
            order_id: None,
            revision: None,
            transfer_id: None,
            reason: None,
            at: Time(movement.at),
        };
        match movement.cause {
            Cause::Receipt => {}
            Cause::Count(reason) => body.reason = Some(reason.as_str().to_owned()),
            Cause::Transfer(transfer_id) => body.transfer_id = Some(transfer_id),
            Cause::Order { order_id, revision } => (body.order_id, body.revision) = (Some(order_id), Some(revision)),
        }
        body
    }
}

/// What a body names does not exist. It is the body that is wrong, not the path: no 404.
fn unknown(field: &str, refusal: &StockRefusal) -> Problem {
    Problem::field(field, refusal.to_string())
}

/// Takes goods in.
#[utoipa::path(
    post, path = "/warehouses/{id}/stock", tag = "stock",
    params(
        ("id" = Uuid, Path, description = "The warehouse's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters"),
    ),
    request_body = ReceiveBody,
    responses(
        (status = 201, description = "The goods are on hand", body = inline(super::envelope::Envelope<LevelBody>)),
        (status = "4XX", description = "No such warehouse or variant, or it takes nothing in", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn receive(
    request: HttpRequest,
    query: Query,
    body: Body<ReceiveBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let claim = claim(&request, &body)?;
    let warehouse_id = path_id(&request, WarehouseId::from_uuid)?;
    let ReceiveBody { variant_id, quantity } = body.value;
    let quantity = Quantity::parse(quantity).map_err(|error| Problem::field("quantity", error.to_string()))?;
    let shelf = Shelf { variant_id: VariantId::from_uuid(variant_id), warehouse_id };
    let received = context.service.change_stock(StockChange::Receive(Receive { shelf, quantity }), claim).await;
    let answer = received.map_err(|error| match error {
        ServiceError::StockRefused(refusal @ StockRefusal::NoVariant(_)) => unknown("variant_id", &refusal),
        other => other.into(),
    })?;
    let level = answer.levels.into_iter().next().ok_or(Code::Internal)?;
    Ok(success(StatusCode::CREATED, LevelBody::from(level)).replayed(answer.replayed).finish())
}

/// Corrects what is on hand, with a reason, where nobody else has changed it meanwhile.
#[utoipa::path(
    put, path = "/warehouses/{id}/stock/{variant_id}", tag = "stock",
    params(
        ("id" = Uuid, Path, description = "The warehouse's id"),
        ("variant_id" = Uuid, Path, description = "The variant's id"),
    ),
    request_body = AdjustBody,
    responses(
        (status = 200, description = "The level is corrected", body = inline(super::envelope::Envelope<LevelBody>)),
        (status = "4XX", description = "No such warehouse or variant, another number on hand than expected, or more reserved than counted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn adjust(
    request: HttpRequest,
    query: Query,
    body: Body<AdjustBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let warehouse_id = path_id(&request, WarehouseId::from_uuid)?;
    let variant_id = named_path_id(&request, "variant_id", VariantId::from_uuid)?;
    let (on_hand, expected_on_hand, reason) = body.value.checked()?;
    let shelf = Shelf { variant_id, warehouse_id };
    let change = StockChange::Adjust(Adjust { shelf, on_hand, expected_on_hand, reason });
    let answer = context.service.change_stock(change, None).await?;
    let level = answer.levels.into_iter().next().ok_or(Code::Internal)?;
    Ok(success(StatusCode::OK, LevelBody::from(level)).finish())
}

/// Lists what a warehouse holds, the newest variants first.
#[utoipa::path(
    get, path = "/warehouses/{id}/stock", tag = "stock",
    params(
        ("id" = Uuid, Path, description = "The warehouse's id"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<ListedLevelBody>)),
        (status = "4XX", description = "No such warehouse", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_levels(
    request: HttpRequest,
    mut query: Query,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let warehouse_id = path_id(&request, WarehouseId::from_uuid)?;
    let (limit, page) = query.page(VariantId::from_uuid);
    query.finish()?;
    let levels = context.service.stock_in(warehouse_id, page).await?;
    Ok(list(levels, limit, |stocked| stocked.level.shelf.variant_id.to_string(), ListedLevelBody::from))
}

/// Reads a variant's stock over all warehouses.
#[utoipa::path(
    get, path = "/stock/{variant_id}", tag = "stock",
    params(("variant_id" = Uuid, Path, description = "The variant's id")),
    responses(
        (status = 200, description = "The stock", body = inline(super::envelope::Envelope<VariantStockBody>)),
        (status = "4XX", description = "No such variant", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read_variant(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let variant_id = named_path_id(&request, "variant_id", VariantId::from_uuid)?;
    let StockView { on_hand, reserved, available, levels } = context.service.stock_of(variant_id).await?;
    let warehouses = levels.into_iter().map(ListedLevelBody::from).collect();
    let stock = VariantStockBody { variant_id, on_hand, reserved, available, warehouses };
    Ok(success(StatusCode::OK, stock).finish())
}

/// Moves goods between two warehouses of a shop, both sides at once.
#[utoipa::path(
    post, path = "/stock/transfers", tag = "stock",
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters")),
    request_body = TransferBody,
    responses(
        (status = 201, description = "The goods are in the other warehouse", body = inline(super::envelope::Envelope<TransferredBody>)),
        (status = "4XX", description = "No such warehouse or variant, too few available, the same warehouse or another shop's", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn transfer(
    request: HttpRequest,
    query: Query,
    body: Body<TransferBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let claim = claim(&request, &body)?;
    let from = WarehouseId::from_uuid(body.value.from_warehouse_id);
    let transfer = body.value.command()?;
    let changed = context.service.change_stock(StockChange::Transfer(transfer), claim).await;
    let end = |id| if id == from { "from_warehouse_id" } else { "to_warehouse_id" };
    let answer = changed.map_err(|error| match error {
        ServiceError::StockRefused(refusal @ StockRefusal::NoWarehouse(id)) => unknown(end(id), &refusal),
        ServiceError::StockRefused(refusal @ StockRefusal::NoVariant(_)) => unknown("variant_id", &refusal),
        ServiceError::StockRefused(refusal @ StockRefusal::WarehouseInactive(id)) => {
            Problem::about(Code::WarehouseInactive, end(id), refusal.to_string())
        }
        other => other.into(),
    })?;
    let (Some(id), Ok([from, to])) = (answer.transfer_id, <[Level; 2]>::try_from(answer.levels)) else {
        return Err(Code::Internal.into());
    };
    let made = TransferredBody { id, from: from.into(), to: to.into() };
    Ok(success(StatusCode::CREATED, made).replayed(answer.replayed).finish())
}

/// Lists movements, newest first.
#[utoipa::path(
    get, path = "/stock/movements", tag = "stock",
    params(
        ("variant_id" = Option<Uuid>, Query, description = "Of this variant"),
        ("warehouse_id" = Option<Uuid>, Query, description = "In this warehouse"),
        ("order_id" = Option<Uuid>, Query, description = "For this order"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<MovementBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_movements(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let filter = MovementFilter {
        variant_id: query.parsed::<Uuid>("variant_id", "a variant's id").map(VariantId::from_uuid),
        warehouse_id: query.parsed::<Uuid>("warehouse_id", "a warehouse's id").map(WarehouseId::from_uuid),
        order_id: query.parsed::<Uuid>("order_id", "an order's id").map(OrderId::from_uuid),
    };
    let (limit, before) = query.part::<i64>();
    query.finish()?;
    let page = Page { before: before.map(MovementSeq), limit: limit + 1 };
    let movements = context.service.queries().stock.movements(filter, page).await.map_err(ServiceError::from)?;
    Ok(list(movements, limit, |row| row.seq.0.to_string(), MovementBody::from))
}
