//! Temporary.
pub(super) mod rows;
pub(super) fn vector(
    _name: &crate::domain::catalog::ProductName,
    _category: Option<&crate::domain::catalog::Category>,
) -> String {
    String::new()
}
