//! The mark that a node leaves with every transaction.
//!
//! It is how a node whose connection was lost while it committed learns whether it has, and it is what a node that
//! was given up by the others can no longer write: nothing it sends after that is kept.

use super::{Call, exactly};
use crate::store::postgres::peers::Channel;

/// The mark of one transaction.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) struct Mark {
    /// The node.
    pub(in crate::store::postgres) epoch: i64,
    /// Which of its connections.
    pub(in crate::store::postgres) session: i64,
    /// Which of its transactions.
    pub(in crate::store::postgres) batch: i64,
    /// Where other nodes are told what comes to rest with it, if there are some.
    pub(in crate::store::postgres) announces: Option<Channel>,
}

impl Mark {
    /// Leaves it, unless the node was given up, or has another connection by now.
    pub(super) fn call(&self) -> Call<'static> {
        Call::control(
            exactly!(
                "UPDATE node SET batch = $4::bigint \
                 WHERE epoch = $2::bigint AND session = $3::bigint AND NOT given_up"
            ),
            vec![Box::new(1_i64), Box::new(self.epoch), Box::new(self.session), Box::new(self.batch)],
        )
    }
}
