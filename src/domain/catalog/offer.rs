//! Offers: a shop's own price for a variant, and whether it can be bought.

use super::{ProductName, Size, Sku};
use crate::domain::{
    ids::{ShopId, VariantId},
    money::{Currency, Price},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A shop's offer of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Whose it is.
    pub shop_id: ShopId,
    /// What it sells.
    pub variant_id: VariantId,
    /// For how much.
    pub price: Price,
    /// In which currency.
    pub currency: Currency,
    /// Whether the shop sells it now.
    pub active: bool,
    /// When it was first made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it has been written.
    pub version: i64,
}

/// What must be active for an offer to be for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a yes or no of another item; any may be combined")]
pub struct Standing {
    /// Whether the shop is.
    pub shop: bool,
    /// Whether the product is.
    pub product: bool,
    /// Whether the variant is.
    pub variant: bool,
    /// Whether the offer itself is.
    pub offer: bool,
}

impl Standing {
    /// The rule of what can be bought.
    ///
    /// # Errors
    /// What is in the way, the widest first.
    pub const fn check(self) -> Result<(), NotForSale> {
        match self {
            Self { shop: false, .. } => Err(NotForSale::ShopInactive),
            Self { product: false, .. } => Err(NotForSale::ProductInactive),
            Self { variant: false, .. } => Err(NotForSale::VariantInactive),
            Self { offer: false, .. } => Err(NotForSale::OfferInactive),
            Self { shop: true, product: true, variant: true, offer: true } => Ok(()),
        }
    }
}

/// Why a shop's variant cannot be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NotForSale {
    /// There is no such shop.
    #[error("there is no such shop")]
    UnknownShop,
    /// There is no such variant.
    #[error("there is no such variant")]
    UnknownVariant,
    /// The shop has never offered it.
    #[error("the shop does not offer this variant")]
    NotOffered,
    /// The shop sells nothing.
    #[error("the shop is not active")]
    ShopInactive,
    /// The product is not sold by anyone.
    #[error("the product is not active")]
    ProductInactive,
    /// The variant is not sold by anyone.
    #[error("the variant is not active")]
    VariantInactive,
    /// The shop does not sell it now.
    #[error("the shop's offer is not active")]
    OfferInactive,
}

/// An offer with all that an order line says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedOffer {
    /// Whose it is.
    pub shop_id: ShopId,
    /// What it sells.
    pub variant_id: VariantId,
    /// The variant's name among people and machines.
    pub sku: Sku,
    /// What the product is called.
    pub product_name: ProductName,
    /// The variant's size.
    pub size: Option<Size>,
    /// For how much.
    pub price: Price,
    /// In which currency.
    pub currency: Currency,
    /// What of it is active.
    pub standing: Standing,
}

impl PricedOffer {
    /// The offer, if it can be bought.
    ///
    /// # Errors
    /// What is in the way.
    pub fn check(self) -> Result<Self, NotForSale> {
        self.standing.check().map(|()| self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_for_sale_when_shop_product_variant_and_offer_are_active() {
        let all = Standing { shop: true, product: true, variant: true, offer: true };
        assert_eq!(all.check(), Ok(()));
        for (standing, why) in [
            (Standing { shop: false, ..all }, NotForSale::ShopInactive),
            (Standing { product: false, ..all }, NotForSale::ProductInactive),
            (Standing { variant: false, ..all }, NotForSale::VariantInactive),
            (Standing { offer: false, ..all }, NotForSale::OfferInactive),
        ] {
            assert_eq!(standing.check(), Err(why));
        }
    }
}
