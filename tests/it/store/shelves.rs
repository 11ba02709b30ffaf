//! Commands that fill a catalogue.

use backstitch::domain::{
    catalog::{
        AddProduct, AddShop, AddVariant, AddWarehouse, Attributes, Category, City, Priority, ProductName, PutOffer,
        ShopName, Size, Sku, WarehouseName,
    },
    field::{FieldErrors, Text},
    ids::{ProductId, ShopId, VariantId, WarehouseId},
    money::{Currency, Price},
};
use uuid::Uuid;

/// A text that fits.
pub(crate) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::parse(text.into()).unwrap()
}

/// A product of this name.
pub(crate) fn product(name: &str, category: Option<&str>) -> AddProduct {
    let (name, category): (ProductName, Option<Category>) = (text(name), category.map(text));
    AddProduct { id: ProductId::from_uuid(Uuid::now_v7()), name, description: None, category, active: true }
}

/// A variant with attributes in two scripts.
pub(crate) fn variant(product_id: ProductId, sku: &str) -> AddVariant {
    let given = [("colour".into(), "merah 🔴".into()), ("اللون".into(), "أحمر".into())].into();
    let attributes = Attributes::parse(given, "attributes", &mut FieldErrors::default()).unwrap();
    let (id, sku): (_, Sku) = (VariantId::from_uuid(Uuid::now_v7()), Sku::parse(sku.into()).unwrap());
    let size: Option<Size> = Some(text("250 g"));
    AddVariant { id, product_id, sku, size, attributes, active: true }
}

/// A shop of this name.
pub(crate) fn shop(name: &str) -> AddShop {
    let (name, city): (ShopName, City) = (text(name), text("Takengon"));
    AddShop { id: ShopId::from_uuid(Uuid::now_v7()), name, city, active: true }
}

/// A warehouse with this priority.
pub(crate) fn warehouse(shop_id: ShopId, priority: i64) -> AddWarehouse {
    let (id, name): (_, WarehouseName) = (WarehouseId::from_uuid(Uuid::now_v7()), text("Gudang"));
    let priority = Priority::parse(priority).unwrap();
    AddWarehouse { id, shop_id, name, address: text("Jalan Lebe Kader 1"), priority, active: true }
}

/// An offer at this price.
pub(crate) fn offer(shop_id: ShopId, variant_id: VariantId, price: i64) -> PutOffer {
    PutOffer { shop_id, variant_id, price: Price::parse(price).unwrap(), currency: Currency::Idr, active: true }
}
