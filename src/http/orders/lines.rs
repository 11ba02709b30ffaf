//! The lines of an order as a client writes them, when it places one and when it edits one.

use crate::{
    domain::{
        catalog::{NotForSale, PricedOffer},
        field::FieldErrors,
        ids::{ShopId, VariantId},
        order::{Basket, Draft, LineDraft, LinesRefused, MAX_LINES, OfferDraft},
    },
    http::{Code, Context, Problem, body::objects},
};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a free-text line is refused where only the catalogue is sold.
const NO_FREE_TEXT: &str = "free-text lines are not taken by this server; order a shop's offer (shop_id, \
                            variant_id), or set orders.allow_free_text_lines";
/// An order's new lines: `lines`, or the fields of its only line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct EditOrderBody {
    /// What is bought instead, 1 to 100 lines.
    #[serde(default, deserialize_with = "objects")]
    lines: Option<Vec<LineBody>>,
    /// Short form: what the only line sells.
    #[schema(max_length = 200)]
    item_name: Option<String>,
    /// Short form: how many.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: Option<i64>,
    /// Short form: the price of one.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    price: Option<i64>,
}

impl EditOrderBody {
    /// The lines that the body asks for, and what is wrong with them.
    pub(super) fn parse(self, context: &Context) -> (LinesRequest, FieldErrors) {
        let mut errors = FieldErrors::default();
        let only = (self.item_name, self.quantity, self.price);
        (LinesRequest::parse(self.lines, only, context, &mut errors), errors)
    }
}

/// A line: a shop's offer (`shop_id`, `variant_id`), which the shop prices and a warehouse has, or free text
/// (`item_name`, `price`).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LineBody {
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    /// Who sells it.
    shop_id: Option<Uuid>,
    /// What it is.
    variant_id: Option<Uuid>,
    /// The shop's price of one as the client has seen it: refused with `price_changed` where it is another.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    expected_price: Option<i64>,
    /// Free text: what it sells.
    #[schema(min_length = 1, max_length = 200)]
    item_name: Option<String>,
    /// Free text: the price of one, in the currency's smallest unit in use.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    price: Option<i64>,
}

impl LineBody {
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
            let (shop_id, variant_id) = (ShopId::from_uuid(shop_id?), VariantId::from_uuid(variant_id?));
            Some(Draft::Offer(OfferDraft { shop_id, variant_id, quantity, expected_price }))
        } else {
            Some(Draft::FreeText(LineDraft { item_name: item_name?, quantity, price: price? }))
        }
    }
}

/// The short form's fields: what, how many, the price of one.
type OnlyLine = (Option<String>, Option<i64>, Option<i64>);

/// Lines as their client wants them, all but the prices of shops' offers.
pub(super) struct LinesRequest {
    /// The lines, unless one of them is no line at all.
    drafts: Option<Vec<Draft>>,
    /// Whether the only line was written in the short form.
    short: bool,
}

impl LinesRequest {
    /// Takes in a body's lines.
    pub(super) fn parse(
        lines: Option<Vec<LineBody>>,
        only: OnlyLine,
        context: &Context,
        errors: &mut FieldErrors,
    ) -> Self {
        let short = lines.is_none();
        Self { drafts: drafts(lines, only, context.free_text_lines, errors), short }
    }

    /// The shops' offers that are to be looked up; none where there are more lines than an order can have, which
    /// no offer could help.
    pub(super) fn offers(&self) -> Vec<(ShopId, VariantId)> {
        if self.drafts.as_ref().is_some_and(|drafts| drafts.len() > MAX_LINES) {
            return Vec::new();
        }
        let offer = |draft: &Draft| match draft {
            Draft::Offer(OfferDraft { shop_id, variant_id, .. }) => Some((*shop_id, *variant_id)),
            Draft::FreeText(_) => None,
        };
        self.drafts.iter().filter(|drafts| drafts.len() <= MAX_LINES).flatten().filter_map(offer).collect()
    }

    /// The basket that is asked for. `offers` has what there is behind each of [`Self::offers`], and `errors` what
    /// is wrong with the request besides.
    pub(super) fn basket(
        self,
        offers: Vec<Result<PricedOffer, NotForSale>>,
        mut errors: FieldErrors,
    ) -> Result<Arc<Basket>, Problem> {
        let field = |index, name: &str| if self.short { name.to_owned() } else { format!("lines[{index}].{name}") };
        let basket = match self.drafts.map(|drafts| Basket::price(drafts, offers, field)) {
            Some(Ok(basket)) => Some(Arc::new(basket)),
            Some(Err(LinesRefused::Invalid(found))) => {
                found.into_iter().for_each(|error| errors.add(error.field, error.message));
                None
            }
            Some(Err(LinesRefused::PriceChanged(found))) => {
                errors.finish().map_err(Problem::invalid)?;
                return Err(Problem::fields(Code::PriceChanged, found));
            }
            None => None,
        };
        Problem::unless_invalid(errors, basket)
    }
}

/// The lines of a body: those it lists, or the only one that its own fields are.
fn drafts(
    lines: Option<Vec<LineBody>>,
    (item_name, quantity, price): OnlyLine,
    free_text: bool,
    errors: &mut FieldErrors,
) -> Option<Vec<Draft>> {
    let short = [("item_name", item_name.is_some()), ("quantity", quantity.is_some()), ("price", price.is_some())];
    let Some(lines) = lines else {
        if short.iter().all(|(_, given)| !given) {
            errors.add("lines", "is missing: give lines, or item_name, quantity and price of an only line");
        } else {
            short.iter().filter(|(_, given)| !given).for_each(|(name, _)| errors.add(*name, "is missing"));
            if !free_text {
                errors.add("item_name", NO_FREE_TEXT);
                return None;
            }
        }
        let draft = LineDraft { item_name: item_name?, quantity: quantity?, price: price? };
        return Some(vec![Draft::FreeText(draft)]);
    };
    for (name, _) in short.iter().filter(|(_, given)| *given) {
        errors.add(*name, "is the short form of an only line and cannot stand beside lines");
    }
    // Each line is looked at, so that a client learns of all that is wrong at once.
    let drafts: Vec<_> =
        lines.into_iter().enumerate().map(|(index, line)| line.draft(index, free_text, errors)).collect();
    drafts.into_iter().collect()
}

#[cfg(test)]
mod tests;
