//! Variants of products over HTTP.

use super::{
    Context, Problem,
    body::{Body, Ruled, faults_of},
    envelope::{list, success},
    params::{Query, path_id},
    resource,
    wire::Time,
};
use crate::{
    domain::{
        catalog::{AddVariant, Attributes, Edit, EditVariant, Size, Sku, Variant},
        checkout::Policy,
        field::{FieldError, FieldErrors},
        ids::{ProductId, VariantId},
    },
    service::ServiceError,
    store::VariantFilter,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};
use std::{collections::BTreeMap, fmt};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/variants", [(Method::GET, web::to(list_variants))]);
    resource(config, "/variants/{id}", [(Method::GET, web::to(read)), (Method::PATCH, web::to(edit))]);
}

/// A variant to be added.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddVariantBody {
    /// Its stock-keeping unit, which no other variant has.
    #[schema(min_length = 1, max_length = 64)]
    sku: String,
    /// Its size.
    #[schema(max_length = 64)]
    size: Option<String>,
    /// What else tells it from the product's others: at most 20, names of up to 64 characters and values of
    /// up to 200.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    attributes: Option<Given>,
    /// Whether it can be bought; true when left out.
    active: Option<bool>,
}

/// Attributes as a client writes them. A name that is given twice is a mistake, not the last one's.
#[derive(Debug, Default, Serialize)]
struct Given(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Given;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Given, A::Error> {
                let mut given = BTreeMap::new();
                while let Some((name, value)) = entries.next_entry::<String, String>()? {
                    if given.contains_key(&name) {
                        return Err(A::Error::custom(format!("has the name {name:?} more than once")));
                    }
                    given.insert(name, value);
                }
                Ok(Given(given))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

/// What is to be changed of a variant; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditVariantBody {
    /// Its stock-keeping unit, which no other variant has.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    sku: Edit<String>,
    /// Its size; null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    size: Edit<Option<String>>,
    /// What else tells it from the product's others, all of it: what was there before is gone.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    attributes: Edit<Given>,
    /// Whether it can be bought.
    #[serde(default)]
    #[schema(value_type = bool)]
    active: Edit<bool>,
}

/// One form in which a product is sold.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VariantBody {
    #[schema(value_type = Uuid)]
    id: VariantId,
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    sku: String,
    size: Option<String>,
    attributes: BTreeMap<String, String>,
    /// Whether it can be bought.
    active: bool,
    created_at: Time,
    updated_at: Time,
}

impl From<Variant> for VariantBody {
    fn from(variant: Variant) -> Self {
        Self {
            id: variant.id,
            product_id: variant.product_id,
            sku: variant.sku.as_str().to_owned(),
            size: variant.size.map(|text| text.as_str().to_owned()),
            attributes: variant.attributes.get().clone(),
            active: variant.active,
            created_at: Time(variant.created_at),
            updated_at: Time(variant.updated_at),
        }
    }
}

impl Ruled for AddVariantBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command(ProductId::from_uuid(Uuid::nil())))
    }
}

impl AddVariantBody {
    /// The command that the body asks for, with a fresh id.
    pub(super) fn command(self, product_id: ProductId) -> Result<AddVariant, Problem> {
        let mut errors = FieldErrors::default();
        let sku = errors.check("sku", Sku::parse(self.sku));
        let size = self.size.and_then(|text| errors.check("size", Size::parse(text)));
        let attributes = Attributes::parse(self.attributes.unwrap_or_default().0, "attributes", &mut errors);
        let (id, active) = (VariantId::from_uuid(Uuid::now_v7()), self.active.unwrap_or(true));
        let made = sku.zip(attributes);
        let made = made.map(|(sku, attributes)| AddVariant { id, product_id, sku, size, attributes, active });
        Problem::unless_invalid(errors, made)
    }
}

impl Ruled for EditVariantBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command(VariantId::from_uuid(Uuid::nil())))
    }
}

impl EditVariantBody {
    fn command(self, id: VariantId) -> Result<EditVariant, Problem> {
        let mut errors = FieldErrors::default();
        let attributes = match self.attributes {
            Edit::Keep => Edit::Keep,
            Edit::Set(Given(given)) => {
                Attributes::parse(given, "attributes", &mut errors).map_or(Edit::Keep, Edit::Set)
            }
        };
        let edit = EditVariant {
            id,
            sku: self.sku.parse("sku", &mut errors, Sku::parse),
            size: self.size.parse_some("size", &mut errors, Size::parse),
            attributes,
            active: self.active,
        };
        Problem::unless_invalid(errors, Some(edit))
    }
}

/// Lists variants of all products, newest first.
#[utoipa::path(
    get, path = "/variants", tag = "catalogue",
    params(
        ("sku" = Option<String>, Query, description = "With this stock-keeping unit: one variant, or none"),
        ("product_id" = Option<Uuid>, Query, description = "Of this product"),
        ("active" = Option<bool>, Query, description = "Those that can be bought, or those that cannot"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<VariantBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_variants(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let filter = VariantFilter {
        sku: query.checked("sku", Sku::parse),
        product_id: query.parsed::<Uuid>("product_id", "a product's id").map(ProductId::from_uuid),
        active: query.active(),
    };
    let (limit, page) = query.page(VariantId::from_uuid);
    query.finish()?;
    let variants = context.service.queries().catalog.variants(filter, page).await.map_err(ServiceError::from)?;
    Ok(list(variants, limit, |variant| variant.id.to_string(), VariantBody::from))
}

/// Reads a variant.
#[utoipa::path(
    get, path = "/variants/{id}", tag = "catalogue",
    params(("id" = Uuid, Path, description = "The variant's id")),
    responses(
        (status = 200, description = "The variant", body = inline(super::envelope::Envelope<VariantBody>)),
        (status = "4XX", description = "No such variant", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let variant = context.service.variant(path_id(&request, VariantId::from_uuid)?).await?;
    Ok(success(StatusCode::OK, VariantBody::from(variant)).finish())
}

/// Changes a variant.
#[utoipa::path(
    patch, path = "/variants/{id}", tag = "catalogue",
    params(("id" = Uuid, Path, description = "The variant's id")),
    request_body = EditVariantBody,
    responses(
        (status = 200, description = "The variant as it is now", body = inline(super::envelope::Envelope<VariantBody>)),
        (status = "4XX", description = "No such variant, a sku that is taken, or the request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn edit(
    request: HttpRequest,
    query: Query,
    body: Body<EditVariantBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let command = body.value.command(path_id(&request, VariantId::from_uuid)?)?;
    let changed = context.service.change_catalog(command, None).await?;
    Ok(success(StatusCode::OK, VariantBody::from(changed.item)).finish())
}
