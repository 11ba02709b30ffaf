//! How many orders there are of each kind, and what they come to.

use super::{Service, ServiceError};
use crate::{
    domain::field::FieldError,
    store::{SummaryGroup, SummaryQuery},
};

/// The longest time whose orders are counted at once, in days: a leap year.
pub const MAX_SUMMARY_DAYS: u64 = 366;

impl Service {
    /// How many orders of a time there are in each group, the largest first. One summary is made after the other:
    /// each reads all orders of its time, and lists must not wait behind it.
    ///
    /// # Errors
    /// Too long a time, or one that ends before it begins; storage away.
    pub async fn order_summary(&self, query: SummaryQuery) -> Result<Vec<SummaryGroup>, ServiceError> {
        let refused = |message: String| ServiceError::Invalid(vec![FieldError { field: "to".to_owned(), message }]);
        if query.until < query.from {
            return Err(refused(format!("must not be before from, {}, is {}", query.from, query.until)));
        }
        if query.until.millis_since(query.from) > MAX_SUMMARY_DAYS * 86_400_000 {
            return Err(refused(format!("must be at most {MAX_SUMMARY_DAYS} days after from, {}", query.from)));
        }
        let _turn = self.summaries.acquire().await;
        Ok(self.queries.orders.summary(query).await?)
    }
}
