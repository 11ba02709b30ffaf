//! What is shown when, and that the oldest go first.

use super::{LookUps, Rows};
use crate::domain::{
    catalog::{PricedOffer, ProductName, Sku, Standing},
    ids::{ShopId, VariantId},
    money::{Currency, Price},
};
use crate::store::recent::GENERATION;
use uuid::Uuid;

fn offer(price: i64) -> PricedOffer {
    PricedOffer {
        shop_id: ShopId::from_uuid(Uuid::from_u128(1)),
        variant_id: VariantId::from_uuid(Uuid::from_u128(2)),
        sku: Sku::stored("GAYO-250".into()),
        product_name: ProductName::stored("Kopi Gayo".into()),
        size: None,
        price: Price::parse(price).expect("a price"),
        currency: Currency::Idr,
        standing: Standing { shop: true, product: true, variant: true, offer: true },
    }
}

type Offers = LookUps<PricedOffer>;

fn find(offers: &Offers) -> Result<i64, u64> {
    let any = offer(1);
    offers.find(any.shop_id, any.variant_id).map(|found| found.price.get())
}

fn keep(offers: &Offers, offer: PricedOffer, state: u64) {
    offers.keep(offer.shop_id, offer.variant_id, offer, state);
}

#[test]
fn an_offer_is_kept_until_the_catalogue_is_written() {
    let offers = Offers::default();
    let state = find(&offers).expect_err("nothing is known");
    keep(&offers, offer(5), state);
    assert_eq!(find(&offers), Ok(5));
    offers.touch();
    assert_eq!(find(&offers), Ok(5), "until the COMMIT");
    offers.publish();
    assert!(find(&offers).is_err());
}

#[test]
fn the_writer_does_not_see_what_it_may_have_changed_itself() {
    let (offers, any) = (Offers::default(), offer(5));
    keep(&offers, offer(5), find(&offers).expect_err("nothing is known"));
    let latest = || offers.latest(any.shop_id, any.variant_id).map(|found| found.price.get());
    assert_eq!(latest(), Ok(5));
    offers.touch();
    assert_eq!(latest(), Err(None));
    offers.discard();
    assert_eq!(latest(), Ok(5));
}

#[test]
fn an_offer_that_was_read_before_the_catalogue_was_written_is_not_kept_after_it() {
    let offers = Offers::default();
    let before = find(&offers).expect_err("nothing is known");
    offers.touch();
    offers.publish();
    keep(&offers, offer(5), before);
    let after = find(&offers).expect_err("what was read is old");
    // Where everything is to be forgotten, the transaction under way may write anything.
    offers.clear();
    keep(&offers, offer(6), find(&offers).expect_err("forgotten"));
    offers.publish();
    assert!(find(&offers).expect_err("forgotten again") > after);
}

#[test]
fn a_write_that_was_rolled_back_forgets_nothing() {
    let offers = Offers::default();
    keep(&offers, offer(5), find(&offers).expect_err("nothing is known"));
    offers.touch();
    offers.discard();
    offers.publish();
    assert_eq!(find(&offers), Ok(5));
}

#[test]
fn a_row_is_shown_to_others_once_its_transaction_is_committed_and_to_the_writer_before() {
    let rows = Rows::default();
    rows.write(1, Some("first"));
    assert_eq!((rows.committed(1), rows.latest(1)), (None, Some("first")));
    rows.publish();
    assert_eq!((rows.committed(1), rows.latest(1)), (Some("first"), Some("first")));
    rows.write(1, Some("second"));
    assert_eq!((rows.committed(1), rows.latest(1)), (Some("first"), Some("second")));
}

#[test]
fn what_was_rolled_back_was_never_there() {
    let rows = Rows::default();
    rows.write(1, Some("first"));
    rows.publish();
    rows.write(1, Some("second"));
    rows.write(2, Some("new"));
    rows.discard();
    rows.publish();
    assert_eq!((rows.latest(1), rows.committed(1), rows.committed(2)), (Some("first"), Some("first"), None));
}

#[test]
fn a_row_that_is_no_longer_kept_is_gone_for_the_writer_at_once_and_for_all_after_the_commit() {
    let rows = Rows::default();
    rows.write(1, Some("row"));
    rows.publish();
    rows.write(1, None);
    assert_eq!((rows.latest(1), rows.committed(1)), (None, Some("row")));
    rows.publish();
    assert_eq!((rows.latest(1), rows.committed(1)), (None, None));
}

#[test]
fn the_latest_rows_stay_and_the_oldest_go() {
    let rows = Rows::default();
    for row in 0..GENERATION * 4 {
        rows.write(row, Some(row));
        rows.publish();
    }
    let last = GENERATION * 4 - 1;
    assert!((0..GENERATION).all(|back| rows.committed(last - back) == Some(last - back)));
    let kept = (0..=last).filter(|row| rows.committed(*row).is_some()).count();
    assert!(kept <= GENERATION * 2, "{kept} rows are kept");
}

#[test]
fn a_row_that_is_written_again_hides_its_older_self_in_both_generations() {
    let rows = Rows::default();
    rows.write(0, Some(0));
    rows.publish();
    for other in 1..=GENERATION {
        rows.write(other, Some(0));
        rows.publish();
    }
    rows.write(0, Some(1));
    rows.publish();
    assert_eq!(rows.committed(0), Some(1));
}
