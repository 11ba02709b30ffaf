//! What a basket may hold, and how a client is told what it may not.

use super::given::line;
use backstitch::domain::{
    field::{CustomerRef, FieldError, ItemName, Note},
    order::{Basket, LineDraft, MAX_LINES},
};

const MAX_QUANTITY: i64 = 1_000_000;
const MAX_PRICE: i64 = 1_000_000_000_000;

fn parse(lines: Vec<LineDraft>) -> Result<Basket, Vec<FieldError>> {
    Basket::parse(lines, |index, field| format!("lines[{index}].{field}"))
}

fn errors(lines: Vec<LineDraft>) -> Vec<(String, String)> {
    let errors = parse(lines).expect_err("the basket is not good");
    errors.into_iter().map(|FieldError { field, message }| (field, message)).collect()
}

fn fields(lines: Vec<LineDraft>) -> Vec<String> {
    errors(lines).into_iter().map(|(field, _)| field).collect()
}

#[test]
fn the_total_is_the_sum_of_price_times_quantity() {
    let basket = parse(vec![line("Kopi", 2, 85_000), line("Teh", 3, 10), line("Gula", 1, 1)]).expect("a good basket");
    assert_eq!(basket.total().get(), 170_031);
    assert_eq!(basket.sum(), Some(basket.total()));
    let names: Vec<_> = basket.lines().iter().map(|line| line.item_name.as_str()).collect();
    assert_eq!(names, ["Kopi", "Teh", "Gula"], "in the client's order");
}

#[test]
fn the_smallest_and_the_largest_of_each_are_accepted() {
    let lines = vec![line("a", 1, 1), line("b", MAX_QUANTITY, 1), line("c", 1, MAX_PRICE)];
    parse(lines).expect("each is at its limit");
    parse(vec![line("a", MAX_QUANTITY, 9_007_199_254)]).expect("as much as a total may be");
    parse((0..MAX_LINES).map(|_| line("a", 1, 1)).collect()).expect("as many lines as may be");
    parse(vec![line(&"é".repeat(200), 1, 1)]).expect("characters count, not bytes");
}

#[test]
fn a_quantity_or_price_outside_its_limits_is_named_with_its_line() {
    for quantity in [0, -1, MAX_QUANTITY + 1, i64::MIN, i64::MAX] {
        let expected = (String::from("lines[1].quantity"), format!("must be from 1 to 1000000, is {quantity}"));
        assert_eq!(errors(vec![line("a", 1, 1), line("b", quantity, 1)]), [expected]);
    }
    for price in [0, -1, MAX_PRICE + 1, i64::MIN, i64::MAX] {
        let expected = (String::from("lines[0].price"), format!("must be from 1 to 1000000000000, is {price}"));
        assert_eq!(errors(vec![line("a", 1, price), line("b", 1, 1)]), [expected]);
    }
}

#[test]
fn an_item_name_must_be_visible_short_and_without_control_characters() {
    for bad in ["", "   ", "a\u{0}", "a\nb", &"x".repeat(201)] {
        assert_eq!(fields(vec![line(bad, 1, 1)]), ["lines[0].item_name"], "{bad:?}");
    }
}

#[test]
fn every_error_of_a_basket_is_told_at_once_in_the_clients_order() {
    let lines = vec![line("", 0, 0), line("good", 1, 1), line("b", 0, 1), line(" ", 1, -5)];
    assert_eq!(
        fields(lines),
        [
            "lines[0].item_name",
            "lines[0].quantity",
            "lines[0].price",
            "lines[2].quantity",
            "lines[3].item_name",
            "lines[3].price",
        ]
    );
}

#[test]
fn the_short_form_has_its_own_names_for_the_fields() {
    let short = Basket::parse(vec![line("", 0, 0)], |_, field| field.to_owned()).expect_err("nothing is good");
    let fields: Vec<_> = short.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["item_name", "quantity", "price"]);
}

#[test]
fn a_basket_has_at_least_one_line_and_at_most_a_hundred() {
    for (count, told) in [(0, "must have 1 to 100 lines, has 0"), (101, "must have 1 to 100 lines, has 101")] {
        let lines = (0..count).map(|_| line("", 0, 0)).collect();
        assert_eq!(errors(lines), [("lines".to_owned(), told.to_owned())]);
    }
}

#[test]
fn a_total_that_does_not_fit_is_refused() {
    let largest = |count: usize| (0..count).map(|_| line("a", MAX_QUANTITY, MAX_PRICE)).collect::<Vec<_>>();
    let thousands = |quantity| vec![line("a", quantity, MAX_PRICE)];
    parse(thousands(9_007)).expect("less than 2^53");
    let expected = ("lines".to_owned(), "the total exceeds 9007199254740991".to_owned());
    assert_eq!(errors(thousands(9_008)), std::slice::from_ref(&expected));
    assert_eq!(errors(largest(10)), [expected]);
    assert_eq!(errors(largest(100)).len(), 1);
}

#[test]
fn texts_are_as_long_as_their_fields_allow() {
    assert!(ItemName::parse("x".repeat(200)).is_ok() && ItemName::parse("x".repeat(201)).is_err());
    assert!(CustomerRef::parse("x".repeat(128)).is_ok() && CustomerRef::parse("x".repeat(129)).is_err());
    assert!(Note::parse("x".repeat(500)).is_ok() && Note::parse("x".repeat(501)).is_err());
}
