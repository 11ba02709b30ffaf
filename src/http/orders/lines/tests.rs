use super::*;

fn request(lines: usize) -> LinesRequest {
    let (shop_id, variant_id) = (ShopId::from_uuid(Uuid::nil()), VariantId::from_uuid(Uuid::nil()));
    let offer = Draft::Offer(OfferDraft { shop_id, variant_id, quantity: 1, expected_price: None });
    LinesRequest { drafts: Some(vec![offer; lines]), short: false }
}

#[test]
fn no_offer_is_looked_up_for_more_lines_than_an_order_can_have() {
    assert_eq!(request(MAX_LINES).offers().len(), MAX_LINES);
    let too_many = request(MAX_LINES + 1);
    assert!(too_many.offers().is_empty());
    let problem = too_many.basket(Vec::new(), FieldErrors::default()).expect_err("too many lines");
    assert!(problem.to_string().contains("must have 1 to 100 lines, has 101"), "{problem}");
}
