use super::*;
use uuid::Uuid;

fn request(lines: usize) -> LinesRequest {
    let (shop_id, variant_id) = (ShopId::from_uuid(Uuid::nil()), VariantId::from_uuid(Uuid::nil()));
    let offer = Draft::Offer(OfferDraft { shop_id, variant_id, quantity: 1, expected_price: None });
    LinesRequest { drafts: Some(vec![offer; lines]), short: None, errors: FieldErrors::default() }
}

#[test]
fn no_offer_is_looked_up_for_more_lines_than_an_order_can_have() {
    assert_eq!(request(MAX_LINES).offers().len(), MAX_LINES);
    let too_many = request(MAX_LINES + 1);
    assert!(too_many.offers().is_empty());
    let LinesRefused::Invalid(errors) = too_many.basket(Vec::new()).expect_err("too many lines") else {
        panic!("not their prices")
    };
    assert_eq!(errors[0].message, "must have 1 to 100 lines, has 101");
}
