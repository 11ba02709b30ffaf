//! Temporary.
pub(in crate::store::postgres) const PRODUCT: &str = "";
pub(in crate::store::postgres) const VARIANT: &str = "";
pub(in crate::store::postgres) const SHOP: &str = "";
pub(in crate::store::postgres) const OFFER: &str = "";
pub(in crate::store::postgres) const WAREHOUSE: &str = "";
pub(in crate::store::postgres) fn product(
    _row: &tokio_postgres::Row,
) -> Result<crate::domain::catalog::Product, crate::store::postgres::codec::Unreadable> {
    Err(crate::store::postgres::codec::Unreadable::because(""))
}
pub(in crate::store::postgres) fn variant(
    _row: &tokio_postgres::Row,
) -> Result<crate::domain::catalog::Variant, crate::store::postgres::codec::Unreadable> {
    Err(crate::store::postgres::codec::Unreadable::because(""))
}
pub(in crate::store::postgres) fn shop(
    _row: &tokio_postgres::Row,
) -> Result<crate::domain::catalog::Shop, crate::store::postgres::codec::Unreadable> {
    Err(crate::store::postgres::codec::Unreadable::because(""))
}
pub(in crate::store::postgres) fn offer(
    _row: &tokio_postgres::Row,
) -> Result<crate::domain::catalog::Offer, crate::store::postgres::codec::Unreadable> {
    Err(crate::store::postgres::codec::Unreadable::because(""))
}
pub(in crate::store::postgres) fn warehouse(
    _row: &tokio_postgres::Row,
) -> Result<crate::domain::catalog::Warehouse, crate::store::postgres::codec::Unreadable> {
    Err(crate::store::postgres::codec::Unreadable::because(""))
}
