use super::*;
use crate::domain::field::ItemName;

fn written<T: ToSql>(value: &T, ty: &Type) -> BytesMut {
    let mut out = BytesMut::new();
    assert!(matches!(value.to_sql_checked(ty, &mut out).unwrap(), IsNull::No));
    out
}

fn read_back<T: ToSql + for<'a> FromSql<'a>>(value: &T, ty: &Type) -> T {
    T::from_sql(ty, &written(value, ty)).unwrap()
}

#[test]
fn a_value_is_read_as_it_was_written() {
    let order = OrderId::from_uuid(Uuid::from_u128(7));
    assert_eq!(read_back(&order, &Type::UUID), order);
    assert_eq!(read_back(&PaymentStatus::Refunding, &Type::TEXT), PaymentStatus::Refunding);
    assert_eq!(read_back(&Timestamp::from_millis(-5), &Type::INT8), Timestamp::from_millis(-5));
    let name = ItemName::parse("咖啡 ☕".to_owned()).unwrap();
    assert_eq!(read_back(&name, &Type::TEXT), name);
}

#[test]
fn many_values_are_written_as_one_array() {
    let orders = [OrderId::from_uuid(Uuid::from_u128(1)), OrderId::from_uuid(Uuid::from_u128(2))];
    assert_eq!(read_back(&orders.to_vec(), &Type::UUID_ARRAY), orders);
    let reasons = vec![None, Some(Reason::OutOfStock)];
    assert_eq!(read_back(&reasons, &Type::TEXT_ARRAY), reasons);
}

#[test]
fn a_value_of_a_column_of_another_type_is_refused() {
    assert!(Amount::ZERO.to_sql_checked(&Type::TEXT, &mut BytesMut::new()).is_err());
    assert!(!<OrderId as FromSql>::accepts(&Type::TEXT));
}

#[test]
fn what_the_rules_do_not_know_cannot_be_read() {
    assert!(PaymentStatus::from_sql(&Type::TEXT, b"lost").is_err());
    assert!(Amount::from_sql(&Type::INT8, &(-1_i64).to_be_bytes()).is_err());
}
