//! Products and their variants: a variant in each row, and what its product is beside it.
//!
//! Rows that name the same product are one product, and must say the same about it. A stock-keeping unit that
//! is known changes its variant, and the product that this belongs to; a new one is a new variant.

use super::{Column, Effect, Row, Take, attributes};
use crate::{
    domain::{
        catalog::{
            AddProduct, AddVariant, Attributes, CatalogCommand, CatalogRefusal, Category, Description, Edit,
            EditProduct, EditVariant, Product, ProductName, Size, Sku, Variant, Write,
        },
        ids::{IdMap, ProductId, VariantId},
    },
    store::{BulkTx, StoreError, VariantRow},
};
use uuid::Uuid;

/// The sheet, and what is remembered of the rows so far: the line that named each variant and each product first.
#[derive(Default)]
pub(super) struct ProductSheet {
    variants: IdMap<VariantId, u64>,
    products: IdMap<ProductId, u64>,
    /// What the row above is about: a row without a product's name is about the same.
    above: Option<ProductName>,
}

/// What a row says.
struct Said {
    sku: Sku,
    name: ProductName,
    description: Option<Description>,
    category: Option<Category>,
    size: Option<Size>,
    attributes: Attributes,
    active: bool,
    /// Whether the product is active, where the file says so: a file made by hand need not.
    product_active: Option<bool>,
}

impl Take for ProductSheet {
    const COLUMNS: &'static [Column] = &[
        Column::required("sku"),
        Column::required("product"),
        Column::blank("description"),
        Column::blank("category"),
        Column::blank("size"),
        Column::blank("attributes"),
        Column::required("active"),
        Column::optional("product_active"),
    ];

    fn take(&mut self, row: &mut Row<'_>, tx: &dyn BulkTx) -> Result<Effect, StoreError> {
        let said = read(row, &mut self.above);
        let Some(said) = said else { return Ok(Effect::Nothing) };
        let known = tx.variant(&said.sku)?;
        if let Some(first) = known.as_ref().and_then(|variant| self.variants.get(&variant.id)) {
            row.fault("sku", format!("is in line {first} already"));
            return Ok(Effect::Nothing);
        }
        let Some((product_id, product)) = self.product(&said, known.as_ref(), row, tx)? else {
            return Ok(Effect::Nothing);
        };
        let Some((id, variant)) = put_variant(said, known.as_ref(), product_id, row, tx)? else {
            return Ok(Effect::Nothing);
        };
        self.variants.insert(id, row.line);
        Ok(match (variant, product) {
            (Write::Insert, _) => Effect::Added,
            (Write::Nothing, Write::Nothing) => Effect::Nothing,
            _ => Effect::Changed,
        })
    }
}

fn read(row: &mut Row<'_>, above: &mut Option<ProductName>) -> Option<Said> {
    let sku = row.parse("sku", Sku::parse);
    let name = match above {
        Some(name) if row.text("product").trim().is_empty() => Some(name.clone()),
        _ => row.parse("product", ProductName::parse),
    };
    above.clone_from(&name);
    let description = row.parse_some("description", Description::parse);
    let category = row.parse_some("category", Category::parse);
    let size = row.parse_some("size", Size::parse);
    let attributes = row.check("attributes", attributes::parse(row.text("attributes")));
    let active = row.yes_or_no("active");
    let product_active = match row.get("product_active") {
        Some(said) if !said.trim().is_empty() => Some(row.yes_or_no("product_active")?),
        _ => None,
    };
    Some(Said {
        sku: sku?,
        name: name?,
        description: description.ok()?,
        category: category.ok()?,
        size: size.ok()?,
        attributes: attributes?,
        active: active?,
        product_active,
    })
}

impl ProductSheet {
    /// The row's product, made what the row says it is; nothing where that cannot be.
    fn product(
        &mut self,
        said: &Said,
        known: Option<&Variant>,
        row: &mut Row<'_>,
        tx: &dyn BulkTx,
    ) -> Result<Option<(ProductId, Write)>, StoreError> {
        let product = match which_product(said, known, row, tx)? {
            Belongs::Unclear => return Ok(None),
            Belongs::To(product) => product,
            Belongs::ToNew => return self.new_product(said, row, tx),
        };
        if let Some(first) = self.products.get(&product.id) {
            if let Some(column) = differs(said, &product) {
                row.fault(column, format!("is not what line {first} says of the same product"));
                return Ok(None);
            }
            return Ok(Some((product.id, Write::Nothing)));
        }
        self.products.insert(product.id, row.line);
        let edit = EditProduct {
            id: product.id,
            name: Edit::Set(said.name.clone()),
            description: Edit::Set(said.description.clone()),
            category: Edit::Set(said.category.clone()),
            active: said.product_active.map_or(Edit::Keep, Edit::Set),
        };
        Ok(make(&edit.into(), row, tx)?.map(|write| (product.id, write)))
    }

    fn new_product(
        &mut self,
        said: &Said,
        row: &mut Row<'_>,
        tx: &dyn BulkTx,
    ) -> Result<Option<(ProductId, Write)>, StoreError> {
        let id = ProductId::from_uuid(Uuid::now_v7());
        let Said { name, description, category, .. } = said;
        let (name, description, category) = (name.clone(), description.clone(), category.clone());
        let active = said.product_active.unwrap_or(true);
        let add = AddProduct { id, name, description, category, active };
        self.products.insert(id, row.line);
        Ok(make(&add.into(), row, tx)?.map(|write| (id, write)))
    }
}

/// Whose variant a row is.
enum Belongs {
    /// A known product's, as it is now.
    To(Product),
    /// A product's that is not known yet.
    ToNew,
    /// That is not clear, and has been noted.
    Unclear,
}

/// The product that a row is about.
fn which_product(
    said: &Said,
    known: Option<&Variant>,
    row: &mut Row<'_>,
    tx: &dyn BulkTx,
) -> Result<Belongs, StoreError> {
    if let Some(variant) = known {
        let product = tx.product(variant.product_id)?;
        let Some(product) = product else {
            row.fault("sku", format!("is that of variant {}, which has lost its product", variant.id));
            return Ok(Belongs::Unclear);
        };
        if product.name != said.name && !tx.products_named(&said.name)?.is_empty() {
            let own = product.name.as_str();
            row.fault("product", format!("is another product; the sku is one of {own:?} and cannot change products"));
            return Ok(Belongs::Unclear);
        }
        return Ok(Belongs::To(product));
    }
    match tx.products_named(&said.name)?.as_slice() {
        [] => Ok(Belongs::ToNew),
        [only] => Ok(tx.product(*only)?.map_or(Belongs::ToNew, Belongs::To)),
        _ => {
            row.fault("product", "there are several products of this name; add the variant over HTTP");
            Ok(Belongs::Unclear)
        }
    }
}

/// The column in which a row says something else of a product than what it is.
fn differs(said: &Said, product: &Product) -> Option<&'static str> {
    [
        ("product", said.name != product.name),
        // What was said once need not be said again.
        ("description", said.description.is_some() && said.description != product.description),
        ("category", said.category.is_some() && said.category != product.category),
        ("product_active", said.product_active.is_some_and(|active| active != product.active)),
    ]
    .into_iter()
    .find_map(|(column, differs)| differs.then_some(column))
}

/// Makes the variant what the row says; nothing where that cannot be.
fn put_variant(
    said: Said,
    known: Option<&Variant>,
    product_id: ProductId,
    row: &mut Row<'_>,
    tx: &dyn BulkTx,
) -> Result<Option<(VariantId, Write)>, StoreError> {
    let Said { sku, size, attributes, active, .. } = said;
    let (id, command): (_, CatalogCommand) = if let Some(&Variant { id, .. }) = known {
        let (size, attributes, active) = (Edit::Set(size), Edit::Set(attributes), Edit::Set(active));
        (id, EditVariant { id, sku: Edit::Keep, size, attributes, active }.into())
    } else {
        let id = VariantId::from_uuid(Uuid::now_v7());
        (id, AddVariant { id, product_id, sku, size, attributes, active }.into())
    };
    Ok(make(&command, row, tx)?.map(|write| (id, write)))
}

/// Makes a change; nothing where the rules forbid it.
fn make(command: &CatalogCommand, row: &mut Row<'_>, tx: &dyn BulkTx) -> Result<Option<Write>, StoreError> {
    Ok(match tx.change_catalog(command)? {
        Ok(change) => Some(change.write),
        Err(refusal) => {
            let column = if matches!(refusal, CatalogRefusal::DuplicateSku { .. }) { "sku" } else { "product" };
            row.fault(column, refusal.to_string());
            None
        }
    })
}

/// A variant as this sheet reads it.
pub(super) fn cells(VariantRow { variant, product }: &VariantRow) -> Vec<String> {
    vec![
        variant.sku.as_str().to_owned(),
        product.name.as_str().to_owned(),
        product.description.as_ref().map_or_else(String::new, |description| description.as_str().to_owned()),
        product.category.as_ref().map_or_else(String::new, |category| category.as_str().to_owned()),
        variant.size.as_ref().map_or_else(String::new, |size| size.as_str().to_owned()),
        attributes::show(&variant.attributes),
        variant.active.to_string(),
        product.active.to_string(),
    ]
}
