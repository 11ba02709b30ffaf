//! tmp
use std::sync::Arc;
/// tmp
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Report {}
/// tmp
pub async fn run(_f: Arc<dyn crate::store::FactSource>) -> Result<Report, crate::store::StoreError> {
    Ok(Report {})
}
impl Report {
    /// tmp
    pub fn is_clean(&self) -> bool {
        true
    }
}
impl std::fmt::Display for Report {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
