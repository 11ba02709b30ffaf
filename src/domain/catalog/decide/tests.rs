use super::*;
use crate::domain::{
    catalog::{Address, Attributes, Category, City, Priority, ProductName, ShopName, WarehouseName},
    money::{Currency, Price},
};
use std::{convert::Infallible, fmt::Debug};
use uuid::Uuid;

/// A catalogue of a few items.
#[derive(Default)]
struct Few(Vec<CatalogItem>);

impl Few {
    fn find<T: TryFrom<CatalogItem>>(&self, is: impl Fn(&T) -> bool) -> Option<T> {
        self.0.iter().filter_map(|item| T::try_from(item.clone()).ok()).find(is)
    }

    /// Does what a command asks for, at this time.
    fn run(&mut self, command: impl Into<CatalogCommand>, now: i64) -> Result<Change, CatalogRefusal> {
        let Ok(decided) = decide(&command.into(), self, Timestamp::from_millis(now));
        let change = decided?;
        let index = |item: &CatalogItem| self.0.iter().position(|known| key(known) == key(item));
        match (change.write, index(&change.item)) {
            (Write::Nothing, Some(at)) => assert_eq!(self.0[at], change.item),
            (Write::Insert, None) => self.0.push(change.item.clone()),
            (Write::Update, Some(at)) => self.0[at] = change.item.clone(),
            impossible => panic!("{impossible:?}"),
        }
        Ok(change)
    }
}

fn key(item: &CatalogItem) -> (Uuid, Uuid) {
    match item {
        CatalogItem::Product(product) => (product.id.uuid(), Uuid::nil()),
        CatalogItem::Variant(variant) => (variant.id.uuid(), Uuid::nil()),
        CatalogItem::Shop(shop) => (shop.id.uuid(), Uuid::nil()),
        CatalogItem::Offer(offer) => (offer.shop_id.uuid(), offer.variant_id.uuid()),
        CatalogItem::Warehouse(warehouse) => (warehouse.id.uuid(), Uuid::nil()),
    }
}

impl Shelf for Few {
    type Error = Infallible;

    fn product(&self, id: ProductId) -> Result<Option<Product>, Infallible> {
        Ok(self.find(|product: &Product| product.id == id))
    }

    fn count_variants(&self, product: ProductId) -> Result<u32, Infallible> {
        let of_product = |item: &&CatalogItem| matches!(item, CatalogItem::Variant(v) if v.product_id == product);
        Ok(u32::try_from(self.0.iter().filter(of_product).count()).unwrap())
    }

    fn variant(&self, id: VariantId) -> Result<Option<Variant>, Infallible> {
        Ok(self.find(|variant: &Variant| variant.id == id))
    }

    fn holder(&self, sku: &Sku) -> Result<Option<VariantId>, Infallible> {
        Ok(self.find(|variant: &Variant| variant.sku == *sku).map(|variant| variant.id))
    }

    fn shop(&self, id: ShopId) -> Result<Option<Shop>, Infallible> {
        Ok(self.find(|shop: &Shop| shop.id == id))
    }

    fn count_warehouses(&self, shop: ShopId) -> Result<u32, Infallible> {
        let of_shop = |item: &&CatalogItem| matches!(item, CatalogItem::Warehouse(w) if w.shop_id == shop);
        Ok(u32::try_from(self.0.iter().filter(of_shop).count()).unwrap())
    }

    fn offer(&self, shop: ShopId, variant: VariantId) -> Result<Option<Offer>, Infallible> {
        Ok(self.find(|offer: &Offer| (offer.shop_id, offer.variant_id) == (shop, variant)))
    }

    fn warehouse(&self, id: WarehouseId) -> Result<Option<Warehouse>, Infallible> {
        Ok(self.find(|warehouse: &Warehouse| warehouse.id == id))
    }
}

const PRODUCT: ProductId = ProductId::from_uuid(Uuid::from_u128(1));
const SHOP: ShopId = ShopId::from_uuid(Uuid::from_u128(2));
const WAREHOUSE: WarehouseId = WarehouseId::from_uuid(Uuid::from_u128(3));

fn variant_id(n: u32) -> VariantId {
    VariantId::from_uuid(Uuid::from_u128(1_000 + u128::from(n)))
}

fn sku(text: &str) -> Sku {
    Sku::parse(text.into()).unwrap()
}

fn add_product() -> AddProduct {
    let name = ProductName::parse("Kopi Gayo".into()).unwrap();
    AddProduct { id: PRODUCT, name, description: None, category: None, active: true }
}

fn edit_product() -> EditProduct {
    let (name, description, category) = (Edit::Keep, Edit::Keep, Edit::Keep);
    EditProduct { id: PRODUCT, name, description, category, active: Edit::Keep }
}

fn add_variant(n: u32, text: &str) -> AddVariant {
    let attributes = Attributes::default();
    AddVariant { id: variant_id(n), product_id: PRODUCT, sku: sku(text), size: None, attributes, active: true }
}

fn edit_sku(n: u32, text: &str) -> EditVariant {
    let (size, attributes, active) = (Edit::Keep, Edit::Keep, Edit::Keep);
    EditVariant { id: variant_id(n), sku: Edit::Set(sku(text)), size, attributes, active }
}

fn add_shop() -> AddShop {
    let (name, city) = (ShopName::parse("Toko Takengon".into()), City::parse("Takengon".into()));
    AddShop { id: SHOP, name: name.unwrap(), city: city.unwrap(), active: true }
}

fn put_offer(price: i64) -> PutOffer {
    let price = Price::parse(price).unwrap();
    PutOffer { shop_id: SHOP, variant_id: variant_id(1), price, currency: Currency::Idr, active: true }
}

fn add_warehouse() -> AddWarehouse {
    let (name, address) = (WarehouseName::parse("Gudang".into()), Address::parse("Jalan Lebe Kader 1".into()));
    let (name, address) = (name.unwrap(), address.unwrap());
    AddWarehouse { id: WAREHOUSE, shop_id: SHOP, name, address, priority: Priority::default(), active: true }
}

/// A product with a variant, a shop that offers it, and a warehouse.
fn shelf() -> Few {
    let mut few = Few::default();
    few.run(add_product(), 10).unwrap();
    few.run(add_variant(1, "KG-250"), 10).unwrap();
    few.run(add_shop(), 10).unwrap();
    few.run(put_offer(85_000), 10).unwrap();
    few.run(add_warehouse(), 10).unwrap();
    few
}

fn item<T: TryFrom<CatalogItem, Error: Debug>>(change: Change) -> T {
    change.item.try_into().unwrap()
}

#[test]
fn whatever_is_added_again_is_there_once() {
    let mut few = shelf();
    let repeats: [CatalogCommand; 5] = [
        add_product().into(),
        add_variant(1, "KG-250").into(),
        add_shop().into(),
        put_offer(85_000).into(),
        add_warehouse().into(),
    ];
    for command in repeats {
        assert_eq!(few.run(command.clone(), 20).unwrap().write, Write::Nothing, "{command:?}");
    }
    assert_eq!(few.0.len(), 5);
}

#[test]
fn an_edit_changes_what_it_names_and_nothing_else() {
    let mut few = shelf();
    let category = Some(Category::parse("Kopi".into()).unwrap());
    let edit = EditProduct { category: Edit::Set(category.clone()), active: Edit::Set(false), ..edit_product() };
    let before = few.product(PRODUCT).unwrap().unwrap();
    let after: Product = item(few.run(edit, 20).unwrap());
    let now = Timestamp::from_millis(20);
    assert_eq!(after, Product { category, active: false, updated_at: now, version: 2, ..before });
}

#[test]
fn an_edit_can_empty_a_field() {
    let mut few = shelf();
    let category = Category::parse("Kopi".into()).unwrap();
    few.run(EditProduct { category: Edit::Set(Some(category)), ..edit_product() }, 20).unwrap();
    let emptied: Product = item(few.run(EditProduct { category: Edit::Set(None), ..edit_product() }, 30).unwrap());
    assert_eq!((emptied.category, emptied.version), (None, 3));
}

#[test]
fn an_edit_to_what_is_there_already_writes_nothing() {
    let mut few = shelf();
    let edit = EditProduct { active: Edit::Set(true), ..edit_product() };
    assert_eq!(few.run(edit, 20).unwrap().write, Write::Nothing);
    assert_eq!(few.run(edit_sku(1, "KG-250"), 20).unwrap().write, Write::Nothing);
}

#[test]
fn what_is_not_there_cannot_be_edited_or_built_upon() {
    let mut none = Few::default();
    let (product, shop) = (CatalogRefusal::NoProduct(PRODUCT), CatalogRefusal::NoShop(SHOP));
    assert_eq!(none.run(edit_product(), 10), Err(product.clone()));
    assert_eq!(none.run(add_variant(1, "KG-250"), 10), Err(product));
    assert_eq!(none.run(edit_sku(1, "KG-250"), 10), Err(CatalogRefusal::NoVariant(variant_id(1))));
    assert_eq!(none.run(put_offer(1), 10), Err(shop.clone()));
    assert_eq!(none.run(add_warehouse(), 10), Err(shop));
    none.run(add_shop(), 10).unwrap();
    assert_eq!(none.run(put_offer(1), 10), Err(CatalogRefusal::NoVariant(variant_id(1))));
}

#[test]
fn no_two_variants_have_the_same_sku() {
    let mut few = shelf();
    let taken = Err(CatalogRefusal::DuplicateSku { sku: "KG-250".into(), holder: variant_id(1) });
    assert_eq!(few.run(add_variant(2, "KG-250"), 20), taken);
    few.run(add_variant(2, "kg-250"), 20).unwrap();
    assert_eq!(few.run(edit_sku(2, "KG-250"), 20), taken);
}

#[test]
fn a_sku_that_was_given_up_is_free() {
    let mut few = shelf();
    few.run(edit_sku(1, "KG-250-OLD"), 20).unwrap();
    few.run(add_variant(2, "KG-250"), 20).unwrap();
}

#[test]
fn a_product_has_a_bounded_number_of_variants() {
    let mut few = shelf();
    for n in 2..=MAX_VARIANTS {
        few.run(add_variant(n, &n.to_string()), 20).unwrap();
    }
    assert_eq!(few.run(add_variant(0, "one more"), 20), Err(CatalogRefusal::TooManyVariants(PRODUCT)));
}

#[test]
fn a_shop_has_a_bounded_number_of_warehouses() {
    let mut few = shelf();
    let another =
        |n: u32| AddWarehouse { id: WarehouseId::from_uuid(Uuid::from_u128(5_000 + u128::from(n))), ..add_warehouse() };
    for n in 2..=MAX_WAREHOUSES {
        few.run(another(n), 20).unwrap();
    }
    assert_eq!(few.run(another(0), 20), Err(CatalogRefusal::TooManyWarehouses(SHOP)));
}

#[test]
fn an_offer_put_again_has_the_new_price() {
    let mut few = shelf();
    let change = few.run(put_offer(90_000), 20).unwrap();
    assert_eq!(change.write, Write::Update);
    let offer: Offer = item(change);
    assert_eq!((offer.price.get(), offer.version, offer.created_at.millis()), (90_000, 2, 10));
}
