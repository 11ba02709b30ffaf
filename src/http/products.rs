//! Products over HTTP.

use super::{
    Context, Problem,
    body::{Body, Ruled, faults_of},
    envelope::{list, success},
    idempotency::claim,
    params::{Query, path_id},
    resource,
    variants::{AddVariantBody, VariantBody},
    wire::Time,
};
use crate::{
    domain::{
        catalog::{AddProduct, Category, Description, Edit, EditProduct, Product, ProductName, SearchText},
        checkout::Policy,
        field::{FieldError, FieldErrors},
        ids::ProductId,
    },
    service::{ProductView, ServiceError},
    store::ProductFilter,
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
    resource(config, "/products", [(Method::POST, web::to(add)), (Method::GET, web::to(list_products))]);
    resource(config, "/products/{id}", [(Method::GET, web::to(read)), (Method::PATCH, web::to(edit))]);
    resource(config, "/products/{id}/variants", [(Method::POST, web::to(add_variant))]);
}

/// A product to be added.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddProductBody {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What is said about it; may have several lines.
    #[schema(max_length = 5_000)]
    description: Option<String>,
    /// What kind of product it is.
    #[schema(max_length = 100)]
    category: Option<String>,
    /// Whether it can be bought; true when left out.
    active: Option<bool>,
}

/// What is to be changed of a product; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditProductBody {
    /// What it is called.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Edit<String>,
    /// What is said about it; null for nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 5_000)]
    description: Edit<Option<String>>,
    /// What kind of product it is; null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    category: Edit<Option<String>>,
    /// Whether it can be bought.
    #[serde(default)]
    #[schema(value_type = bool)]
    active: Edit<bool>,
}

/// A product. It has no price: that is each shop's own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProductBody {
    #[schema(value_type = Uuid)]
    id: ProductId,
    name: String,
    description: Option<String>,
    category: Option<String>,
    /// Whether it can be bought.
    active: bool,
    /// In which forms it is sold, oldest first. Left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<Vec<VariantBody>>,
    created_at: Time,
    updated_at: Time,
}

impl From<Product> for ProductBody {
    fn from(product: Product) -> Self {
        Self {
            id: product.id,
            name: product.name.as_str().to_owned(),
            description: product.description.map(|text| text.as_str().to_owned()),
            category: product.category.map(|text| text.as_str().to_owned()),
            active: product.active,
            variants: None,
            created_at: Time(product.created_at),
            updated_at: Time(product.updated_at),
        }
    }
}

impl From<ProductView> for ProductBody {
    fn from(ProductView { product, variants }: ProductView) -> Self {
        Self { variants: Some(variants.into_iter().map(VariantBody::from).collect()), ..Self::from(product) }
    }
}

impl Ruled for AddProductBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command())
    }
}

impl AddProductBody {
    /// The command that the body asks for, with a fresh id.
    fn command(self) -> Result<AddProduct, Problem> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", ProductName::parse(self.name));
        let description = self.description.and_then(|text| errors.check("description", Description::parse(text)));
        let category = self.category.and_then(|text| errors.check("category", Category::parse(text)));
        let (id, active) = (ProductId::from_uuid(Uuid::now_v7()), self.active.unwrap_or(true));
        Problem::unless_invalid(errors, name.map(|name| AddProduct { id, name, description, category, active }))
    }
}

impl Ruled for EditProductBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command(ProductId::from_uuid(Uuid::nil())))
    }
}

impl EditProductBody {
    fn command(self, id: ProductId) -> Result<EditProduct, Problem> {
        let mut errors = FieldErrors::default();
        let edit = EditProduct {
            id,
            name: self.name.parse("name", &mut errors, ProductName::parse),
            description: self.description.parse_some("description", &mut errors, Description::parse),
            category: self.category.parse_some("category", &mut errors, Category::parse),
            active: self.active,
        };
        Problem::unless_invalid(errors, Some(edit))
    }
}

/// Adds a product.
#[utoipa::path(
    post, path = "/products", tag = "catalogue",
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters; a repeat answers the same product")),
    request_body = AddProductBody,
    responses(
        (status = 201, description = "The product exists durably", body = inline(super::envelope::Envelope<ProductBody>),
            headers(("Location" = String), ("Idempotent-Replayed" = String))),
        (status = "4XX", description = "The request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add(
    request: HttpRequest,
    query: Query,
    body: Body<AddProductBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let claim = claim(&request, &body)?;
    let added = context.service.change_catalog(body.value.command()?, claim).await?;
    let view = context.service.with_variants(added.item).await.map_err(ServiceError::from)?;
    let location = format!("/products/{}", view.product.id);
    let response = success(StatusCode::CREATED, ProductBody::from(view)).replayed(added.replayed);
    Ok(response.header("Location", location).finish())
}

/// Lists products, newest first, without their variants.
#[utoipa::path(
    get, path = "/products", tag = "catalogue",
    params(
        ("category" = Option<String>, Query, description = "Of exactly this category"),
        ("text" = Option<String>, Query, description = "Name and category together have all these words; the last may be the beginning of one"),
        ("active" = Option<bool>, Query, description = "Those that can be bought, or those that cannot"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<ProductBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_products(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let category = query.text("category").map(Category::parse);
    let category = category.and_then(|parsed| query.errors.check("category", parsed));
    let text = query.text("text").map(SearchText::parse);
    let text = text.and_then(|parsed| query.errors.check("text", parsed));
    let active = query.active();
    let (limit, page) = query.page(ProductId::from_uuid);
    query.finish()?;
    let products = context.service.queries().catalog.products(ProductFilter { category, text, active }, page).await;
    let products = products.map_err(ServiceError::from)?;
    Ok(list(products, limit, |product| product.id.to_string(), ProductBody::from))
}

/// Reads a product with its variants.
#[utoipa::path(
    get, path = "/products/{id}", tag = "catalogue",
    params(("id" = Uuid, Path, description = "The product's id")),
    responses(
        (status = 200, description = "The product", body = inline(super::envelope::Envelope<ProductBody>)),
        (status = "4XX", description = "No such product", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let view = context.service.product_view(path_id(&request, ProductId::from_uuid)?).await?;
    Ok(success(StatusCode::OK, ProductBody::from(view)).finish())
}

/// Changes a product.
#[utoipa::path(
    patch, path = "/products/{id}", tag = "catalogue",
    params(("id" = Uuid, Path, description = "The product's id")),
    request_body = EditProductBody,
    responses(
        (status = 200, description = "The product as it is now", body = inline(super::envelope::Envelope<ProductBody>)),
        (status = "4XX", description = "No such product, or the request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn edit(
    request: HttpRequest,
    query: Query,
    body: Body<EditProductBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let command = body.value.command(path_id(&request, ProductId::from_uuid)?)?;
    let changed = context.service.change_catalog(command, None).await?;
    let view = context.service.with_variants(changed.item).await.map_err(ServiceError::from)?;
    Ok(success(StatusCode::OK, ProductBody::from(view)).finish())
}

/// Adds a variant to a product.
#[utoipa::path(
    post, path = "/products/{id}/variants", tag = "catalogue",
    params(
        ("id" = Uuid, Path, description = "The product's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters; a repeat answers the same variant"),
    ),
    request_body = AddVariantBody,
    responses(
        (status = 201, description = "The variant exists durably", body = inline(super::envelope::Envelope<VariantBody>),
            headers(("Location" = String), ("Idempotent-Replayed" = String))),
        (status = "4XX", description = "No such product, a sku that is taken, or the request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add_variant(
    request: HttpRequest,
    query: Query,
    body: Body<AddVariantBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let claim = claim(&request, &body)?;
    let command = body.value.command(path_id(&request, ProductId::from_uuid)?)?;
    let added = context.service.change_catalog(command, claim).await?;
    let location = format!("/variants/{}", added.item.id);
    let response = success(StatusCode::CREATED, VariantBody::from(added.item)).replayed(added.replayed);
    Ok(response.header("Location", location).finish())
}
