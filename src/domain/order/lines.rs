//! The lines of an order as a client writes them, in no facade's types, when it places one and when it edits one:
//! which of the two kinds each is, and what keeps it from being either.

use super::{Basket, Draft, LineDraft, LinesRefused, MAX_LINES, OfferDraft, basket::has_so_many_lines};
use crate::domain::{
    catalog::{NotForSale, PricedOffer},
    field::{FieldError, FieldErrors, ItemName},
    ids::{ShopId, VariantId},
    money::{Price, Quantity},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Why a free-text line is refused where only the catalogue is sold.
const NO_FREE_TEXT: &str = "free-text lines are not taken by this server; order a shop's offer (shop_id, \
                            variant_id), or set orders.allow_free_text_lines";

/// A line as a client writes it: a shop's offer (`shop_id`, `variant_id`), which the shop prices and a warehouse
/// has, or free text (`item_name`, `price`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LineFields {
    /// How many.
    pub quantity: i64,
    /// Who sells it.
    pub shop_id: Option<ShopId>,
    /// What it is.
    pub variant_id: Option<VariantId>,
    /// The shop's price of one as the client has seen it, where it insists on that.
    pub expected_price: Option<i64>,
    /// Free text: what it sells.
    pub item_name: Option<String>,
    /// Free text: the price of one.
    pub price: Option<i64>,
}

/// All lines as a client writes them: listed, or the fields of an only line. That is free text (`item_name`,
/// `price`); or a product by its name (`product_id` or `id`), which is a sku that some shop sells, or free text where
/// there is a price.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LinesFields {
    /// The lines, where they are listed.
    pub lines: Option<Vec<LineFields>>,
    /// Short form: what the only line sells.
    pub item_name: Option<String>,
    /// Short form: how many.
    pub quantity: Option<i64>,
    /// Short form: the price of one.
    pub price: Option<i64>,
    /// Short form: the product that the only line sells.
    #[serde(default)]
    pub product_id: Option<String>,
    /// Another name of `product_id`.
    #[serde(default)]
    pub id: Option<String>,
    /// Another name of `quantity`.
    #[serde(default)]
    pub jumlah: Option<i64>,
    /// What was found of the product: who sells it, and which variant it is.
    #[serde(default)]
    pub found: Option<(ShopId, VariantId)>,
}

/// What an only line's fields are called by the client that has written them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ShortNames {
    item: &'static str,
    quantity: &'static str,
}

impl ShortNames {
    /// The client's name of a line's field.
    fn of(self, field: &str) -> &str {
        match field {
            "quantity" => self.quantity,
            "item_name" | "shop_id" | "variant_id" => self.item,
            other => other,
        }
    }
}

/// Lines as their client wants them, all but the prices of shops' offers.
#[derive(Clone, Debug)]
pub struct LinesRequest {
    /// The lines, unless one of them is no line at all.
    drafts: Option<Vec<Draft>>,
    /// How the fields are called, where the only line was written in the short form.
    short: Option<ShortNames>,
    /// What is wrong with the request they came in.
    errors: FieldErrors,
}

/// What is wrong with the values of a line that lacks others, so that a client learns of both at once.
fn check(
    field: impl Fn(&str) -> String,
    item_name: Option<String>,
    quantity: Option<i64>,
    price: Option<i64>,
    errors: &mut FieldErrors,
) {
    item_name.and_then(|text| errors.check(field("item_name"), ItemName::parse(text)));
    quantity.and_then(|number| errors.check(field("quantity"), Quantity::parse(number)));
    price.and_then(|number| errors.check(field("price"), Price::parse(number)));
}

impl LineFields {
    /// Whether the line has what makes it one of the two kinds.
    const fn is_whole(&self, free_text: bool) -> bool {
        if self.shop_id.is_some() || self.variant_id.is_some() || self.expected_price.is_some() {
            self.shop_id.is_some() && self.variant_id.is_some()
        } else {
            free_text && self.item_name.is_some() && self.price.is_some()
        }
    }

    /// The line as one of the two kinds, or what keeps it from being either.
    fn draft(self, index: usize, free_text: bool, errors: &mut FieldErrors) -> Option<Draft> {
        let Self { quantity, shop_id, variant_id, expected_price, item_name, price } = self;
        let field = |name: &str| format!("lines[{index}].{name}");
        let offer = [
            ("shop_id", shop_id.is_some()),
            ("variant_id", variant_id.is_some()),
            ("expected_price", expected_price.is_some()),
        ];
        let text = [("item_name", item_name.is_some()), ("price", price.is_some())];
        let is_offer = offer.iter().any(|(_, given)| *given);
        let (own, other, instead) = if is_offer {
            (&offer[..2], &text[..], "is a free-text line's and cannot stand beside a shop's offer")
        } else {
            (&text[..], &[][..], "")
        };
        own.iter().filter(|(_, given)| !given).for_each(|(name, _)| errors.add(field(name), "is missing"));
        other.iter().filter(|(_, given)| *given).for_each(|(name, _)| errors.add(field(name), instead));
        if !is_offer && !free_text {
            errors.add(field("item_name"), NO_FREE_TEXT);
            return None;
        }
        if is_offer {
            Some(Draft::Offer(OfferDraft { shop_id: shop_id?, variant_id: variant_id?, quantity, expected_price }))
        } else {
            Some(Draft::FreeText(LineDraft { item_name: item_name?, quantity, price: price? }))
        }
    }
}

impl LinesFields {
    /// The product that an only line names without a price, which somebody must look for.
    pub fn product(&self) -> Option<&str> {
        let named = self.product_id.as_deref().or(self.id.as_deref());
        named.filter(|_| self.lines.is_none() && self.price.is_none())
    }

    /// How many of it are wanted.
    pub fn pieces(&self) -> i64 {
        self.quantity.or(self.jumlah).unwrap_or_default()
    }

    /// Takes them in, where free-text lines are allowed or not. What is wrong with them is said together with what is
    /// wrong with the request besides, which `errors` has.
    pub fn parse(self, free_text: bool, mut errors: FieldErrors) -> LinesRequest {
        let short = self.lines.is_none().then(|| self.names());
        let drafts = self.drafts(free_text, &mut errors);
        LinesRequest { drafts, short, errors }
    }

    fn names(&self) -> ShortNames {
        let item = match (&self.product_id, &self.id) {
            (Some(_), _) => "product_id",
            (None, Some(_)) => "id",
            (None, None) => "item_name",
        };
        ShortNames {
            item,
            quantity: if self.jumlah.is_some() && self.quantity.is_none() { "jumlah" } else { "quantity" },
        }
    }

    /// The only line.
    fn short_draft(self, free_text: bool, errors: &mut FieldErrors) -> Option<Draft> {
        let names = self.names();
        let quantity = self.quantity.or(self.jumlah);
        let mut refuse = |name: &str, given: bool, beside: &str| {
            if given {
                errors.add(name, format!("is another name of {beside} and cannot stand beside it"));
            }
        };
        refuse("id", self.id.is_some() && self.product_id.is_some(), "product_id");
        refuse("jumlah", self.jumlah.is_some() && self.quantity.is_some(), "quantity");
        let product = self.product_id.or(self.id);
        if product.is_some() && self.item_name.is_some() {
            errors.add(names.item, "cannot stand beside item_name, which says what is sold");
        }
        if quantity.is_none() {
            errors.add(names.quantity, "is missing");
        }
        match (product, self.price, self.found) {
            (Some(_), None, Some((shop_id, variant_id))) => {
                Some(Draft::Offer(OfferDraft { shop_id, variant_id, quantity: quantity?, expected_price: None }))
            }
            (Some(product), None, None) => {
                let shown: String = product.chars().take(64).collect();
                let instead = if free_text { "; give a price to order it as free text" } else { "" };
                errors.add(names.item, format!("is {shown:?}, which is nothing that a shop sells{instead}"));
                None
            }
            (product, price, _) => {
                let item_name = product.or(self.item_name);
                let own = [(names.item, item_name.is_some()), ("price", price.is_some())];
                own.iter().filter(|(_, given)| !given).for_each(|(name, _)| errors.add(*name, "is missing"));
                if !free_text {
                    errors.add(names.item, NO_FREE_TEXT);
                    return None;
                }
                if item_name.is_none() || quantity.is_none() || price.is_none() {
                    let as_given = |name: &str| match name {
                        "item_name" => names.item.to_owned(),
                        "quantity" => names.quantity.to_owned(),
                        other => other.to_owned(),
                    };
                    check(as_given, item_name, quantity, price, errors);
                    return None;
                }
                Some(Draft::FreeText(LineDraft { item_name: item_name?, quantity: quantity?, price: price? }))
            }
        }
    }

    fn drafts(mut self, free_text: bool, errors: &mut FieldErrors) -> Option<Vec<Draft>> {
        let short = [
            ("item_name", self.item_name.is_some()),
            ("quantity", self.quantity.is_some()),
            ("price", self.price.is_some()),
            ("product_id", self.product_id.is_some()),
            ("id", self.id.is_some()),
            ("jumlah", self.jumlah.is_some()),
        ];
        let Some(lines) = self.lines.take() else {
            if short.iter().all(|(_, given)| !given) {
                errors.add("lines", "is missing: give lines, or item_name, quantity and price of an only line");
                return None;
            }
            return self.short_draft(free_text, errors).map(|draft| vec![draft]);
        };
        for (name, _) in short.iter().filter(|(_, given)| *given) {
            errors.add(*name, "is the short form of an only line and cannot stand beside lines");
        }
        if !has_so_many_lines(lines.len(), errors) {
            return None;
        }
        // Each line is looked at, so that a client learns of all that is wrong at once.
        if !lines.iter().all(|line| line.is_whole(free_text)) {
            for (index, line) in lines.iter().enumerate() {
                let field = |name: &str| format!("lines[{index}].{name}");
                check(field, line.item_name.clone(), Some(line.quantity), line.price, errors);
            }
        }
        let drafts: Vec<_> =
            lines.into_iter().enumerate().map(|(index, line)| line.draft(index, free_text, errors)).collect();
        drafts.into_iter().collect()
    }
}

impl LinesRequest {
    /// The shops' offers that are to be looked up; none where there are more lines than an order can have, which
    /// no offer could help.
    pub fn offers(&self) -> Vec<(ShopId, VariantId)> {
        let offer = |draft: &Draft| match draft {
            Draft::Offer(OfferDraft { shop_id, variant_id, .. }) => Some((*shop_id, *variant_id)),
            Draft::FreeText(_) => None,
        };
        self.drafts.iter().filter(|drafts| drafts.len() <= MAX_LINES).flatten().filter_map(offer).collect()
    }

    /// What is wrong with the request, whatever the shops offer.
    pub fn faults(self) -> Vec<FieldError> {
        let Self { drafts, short, mut errors } = self;
        let field = |index, name: &str| match short {
            Some(names) => names.of(name).to_owned(),
            None => format!("lines[{index}].{name}"),
        };
        for (index, draft) in drafts.into_iter().flatten().enumerate() {
            let (item_name, quantity, price) = match draft {
                Draft::Offer(offer) => (None, offer.quantity, None),
                Draft::FreeText(line) => (Some(line.item_name), line.quantity, Some(line.price)),
            };
            check(|name| field(index, name), item_name, Some(quantity), price, &mut errors);
        }
        errors.finish().err().unwrap_or_default()
    }

    /// The basket that is asked for. `offers` has what there is behind each of [`Self::offers`].
    ///
    /// # Errors
    /// Every field of the request that cannot be accepted; where all can be, every price that is another one by now.
    pub fn basket(self, offers: Vec<Result<PricedOffer, NotForSale>>) -> Result<Arc<Basket>, LinesRefused> {
        let Self { drafts, short, mut errors } = self;
        let field = |index, name: &str| match short {
            Some(names) => names.of(name).to_owned(),
            None => format!("lines[{index}].{name}"),
        };
        let basket = match drafts.map(|drafts| Basket::price(drafts, offers, field)) {
            Some(Ok(basket)) => Some(Arc::new(basket)),
            Some(Err(LinesRefused::Invalid(found))) => {
                found.into_iter().for_each(|error| errors.add(error.field, error.message));
                None
            }
            Some(Err(changed @ LinesRefused::PriceChanged(_))) => {
                errors.finish().map_err(LinesRefused::Invalid)?;
                return Err(changed);
            }
            None => None,
        };
        match (basket, errors.finish()) {
            (Some(basket), Ok(())) => Ok(basket),
            (_, errors) => Err(LinesRefused::Invalid(errors.err().unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests;
