//! What an order is made of: its lines, priced, and what they come to.

use crate::domain::{
    catalog::{NotForSale, PricedOffer, Size, Sku},
    field::{FieldError, FieldErrors, ItemName},
    ids::{ShopId, VariantId},
    money::{Amount, Price, Quantity},
    stock::Demand,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most lines an order can have.
pub const MAX_LINES: usize = 100;

/// One thing that is bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is called.
    pub item_name: ItemName,
    /// How many.
    pub quantity: Quantity,
    /// The price of one.
    pub price: Price,
    /// Whose offer it is; `None` for a free-text line, which no warehouse knows of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stocked: Option<Stocked>,
}

/// What a stocked line takes from a warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stocked {
    /// Who sells it.
    pub shop_id: ShopId,
    /// What it is.
    pub variant_id: VariantId,
    /// What the shop and its customers call it.
    pub sku: Sku,
    /// The variant's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
}

/// A free-text line as a client writes it, not yet checked.
#[derive(Clone, Debug)]
pub struct LineDraft {
    /// What it is called.
    pub item_name: String,
    /// How many.
    pub quantity: i64,
    /// The price of one.
    pub price: i64,
}

/// A stocked line as a client writes it, not yet checked.
#[derive(Clone, Copy, Debug)]
pub struct OfferDraft {
    /// Who sells it.
    pub shop_id: ShopId,
    /// What it is.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: i64,
    /// The price of one that the client has seen, where it insists on that.
    pub expected_price: Option<i64>,
}

/// A line as a client writes it.
#[derive(Clone, Debug)]
pub enum Draft {
    /// Something that only this order knows of.
    FreeText(LineDraft),
    /// A shop's offer.
    Offer(OfferDraft),
}

/// Why an order's lines are not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinesRefused {
    /// These fields cannot be.
    Invalid(Vec<FieldError>),
    /// The shops ask for other prices than the client has seen.
    PriceChanged(Vec<FieldError>),
}

/// What one shop sells of an order.
#[derive(Clone, Debug)]
pub struct ShopOrder<'a> {
    /// The shop.
    pub shop_id: ShopId,
    /// The sum of its lines.
    pub total: Amount,
    /// Its lines, in the client's order.
    pub lines: Vec<&'a Line>,
}

/// The lines of an order and their total: at least one line, and a total that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    lines: Vec<Line>,
    total: Amount,
}

impl Basket {
    /// Checks a client's free-text lines and adds them up. `field` gives the request's name for a line's
    /// field, so that the errors speak the client's language.
    ///
    /// # Errors
    /// Every field that cannot be accepted.
    pub fn parse(drafts: Vec<LineDraft>, field: impl Fn(usize, &str) -> String) -> Result<Self, Vec<FieldError>> {
        let drafts = drafts.into_iter().map(Draft::FreeText).collect();
        Self::price(drafts, Vec::new(), field).map_err(|refused| match refused {
            LinesRefused::Invalid(errors) | LinesRefused::PriceChanged(errors) => errors,
        })
    }

    /// As [`Self::parse`], of lines some of which are shops' offers: these get the shop's price. `offers` has,
    /// in their order, what there is behind each of them.
    ///
    /// # Errors
    /// Every field that cannot be accepted; where all can be, every price that is another one by now.
    pub fn price(
        drafts: Vec<Draft>,
        offers: Vec<Result<PricedOffer, NotForSale>>,
        field: impl Fn(usize, &str) -> String,
    ) -> Result<Self, LinesRefused> {
        let mut errors = FieldErrors::default();
        if !has_so_many_lines(drafts.len(), &mut errors) {
            return Err(LinesRefused::Invalid(errors.finish().err().unwrap_or_default()));
        }
        let mut changed = FieldErrors::default();
        let mut offers = offers.into_iter();
        let mut lines = Vec::with_capacity(drafts.len());
        let mut total = Some(Amount::ZERO);
        for (index, draft) in drafts.into_iter().enumerate() {
            let field = |name: &str| field(index, name);
            let line = match draft {
                Draft::FreeText(draft) => free_text(draft, field, &mut errors),
                Draft::Offer(draft) => {
                    let offer = offers.next().unwrap_or(Err(NotForSale::NotOffered));
                    stocked(&draft, offer, field, &mut errors, &mut changed)
                }
            };
            if let Some(line) = line {
                total = total.zip(line.amount()).and_then(|(sum, amount)| sum.checked_add(amount));
                lines.push(line);
            }
        }
        if total.is_none() {
            errors.add("lines", format!("the total exceeds {}", Amount::MAX));
        }
        errors.finish().map_err(LinesRefused::Invalid)?;
        changed.finish().map_err(LinesRefused::PriceChanged)?;
        Ok(Self { lines, total: total.unwrap_or(Amount::ZERO) })
    }

    /// No lines at all: the basket of an order that was cancelled before it was created.
    pub const fn empty() -> Self {
        Self { lines: Vec::new(), total: Amount::ZERO }
    }

    /// A basket as it was stored. The audit checks that its total is the sum of its lines.
    pub const fn stored(lines: Vec<Line>, total: Amount) -> Self {
        Self { lines, total }
    }

    /// The lines in the client's order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What the customer pays.
    pub const fn total(&self) -> Amount {
        self.total
    }

    /// Whether any line takes something from a warehouse.
    pub fn is_stocked(&self) -> bool {
        self.lines.iter().any(|line| line.stocked.is_some())
    }

    /// Whether any line is free text.
    pub fn has_free_text(&self) -> bool {
        self.lines.iter().any(|line| line.stocked.is_none())
    }

    /// What is to be reserved for the order, line by line.
    pub fn demands(&self) -> Arc<[Demand]> {
        let demand = |line: &Line| {
            let Stocked { shop_id, variant_id, .. } = line.stocked.as_ref()?;
            Some(Demand { shop_id: *shop_id, variant_id: *variant_id, quantity: line.quantity })
        };
        self.lines.iter().filter_map(demand).collect()
    }

    /// The part of each shop, in the order in which the lines first name them. Free-text lines are nobody's.
    pub fn shop_orders(&self) -> Vec<ShopOrder<'_>> {
        let mut orders: Vec<ShopOrder<'_>> = Vec::new();
        for line in &self.lines {
            let (Some(Stocked { shop_id, .. }), Some(amount)) = (&line.stocked, line.amount()) else { continue };
            match orders.iter_mut().find(|order| order.shop_id == *shop_id) {
                // No sum of some lines is more than that of all, which fits.
                Some(order) => {
                    order.total = order.total.checked_add(amount).unwrap_or(order.total);
                    order.lines.push(line);
                }
                None => orders.push(ShopOrder { shop_id: *shop_id, total: amount, lines: vec![line] }),
            }
        }
        orders
    }

    /// The total added up again, or `None` when it does not fit.
    pub fn sum(&self) -> Option<Amount> {
        self.lines.iter().try_fold(Amount::ZERO, |sum, line| sum.checked_add(line.amount()?))
    }
}

impl Line {
    /// Price times quantity, or `None` when it does not fit.
    pub fn amount(&self) -> Option<Amount> {
        self.price.checked_mul(self.quantity)
    }
}

/// Whether an order can have so many lines; where not, the error says so.
pub(super) fn has_so_many_lines(lines: usize, errors: &mut FieldErrors) -> bool {
    let can = (1..=MAX_LINES).contains(&lines);
    if !can {
        errors.add("lines", format!("must have 1 to {MAX_LINES} lines, has {lines}"));
    }
    can
}

fn free_text(draft: LineDraft, field: impl Fn(&str) -> String, errors: &mut FieldErrors) -> Option<Line> {
    let item_name = errors.check(field("item_name"), ItemName::parse(draft.item_name));
    let quantity = errors.check(field("quantity"), Quantity::parse(draft.quantity));
    let price = errors.check(field("price"), Price::parse(draft.price));
    Some(Line { item_name: item_name?, quantity: quantity?, price: price?, stocked: None })
}

fn stocked(
    draft: &OfferDraft,
    offer: Result<PricedOffer, NotForSale>,
    field: impl Fn(&str) -> String,
    errors: &mut FieldErrors,
    changed: &mut FieldErrors,
) -> Option<Line> {
    let quantity = errors.check(field("quantity"), Quantity::parse(draft.quantity));
    let culprit = match offer {
        Err(NotForSale::UnknownShop | NotForSale::ShopInactive) => "shop_id",
        _ => "variant_id",
    };
    let PricedOffer { shop_id, variant_id, sku, product_name, size, price, .. } =
        errors.check(field(culprit), offer)?;
    if let Some(expected) = draft.expected_price.filter(|expected| *expected != price.get()) {
        changed.add(field("expected_price"), format!("the shop asks for {} now, not {expected}", price.get()));
    }
    let stocked = Some(Stocked { shop_id, variant_id, sku, size });
    Some(Line { item_name: product_name, quantity: quantity?, price, stocked })
}
