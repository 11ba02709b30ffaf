//! The actors: each alone with its store, then all together, crashed wherever a crash can hurt.

/// Has a store of sagas that gets in the way of commands answer questions as the one beneath it does.
macro_rules! queries_of_its_store {
    ($store:ty) => {
        const _: () = {
            use backstitch::{
                domain::ids::{OrderId, SagaId},
                store::{Claim, Page, SagaFilter, SagaQueries, SagaRow, StoreError, StoredSaga},
            };
            use futures::future::BoxFuture;

            impl SagaQueries for $store {
                fn claimed(&self, claim: Claim) -> BoxFuture<'static, Result<Option<(OrderId, SagaId)>, StoreError>> {
                    self.store.claimed(claim)
                }

                fn saga(&self, id: SagaId) -> BoxFuture<'static, Result<Option<SagaRow>, StoreError>> {
                    self.store.saga(id)
                }

                fn saga_with_log(&self, id: SagaId) -> BoxFuture<'static, Result<Option<StoredSaga>, StoreError>> {
                    self.store.saga_with_log(id)
                }

                fn unfinished(&self) -> BoxFuture<'static, Result<u64, StoreError>> {
                    self.store.unfinished()
                }

                fn sagas(
                    &self,
                    filter: SagaFilter,
                    page: Page<SagaId>,
                ) -> BoxFuture<'static, Result<Vec<SagaRow>, StoreError>> {
                    self.store.sagas(filter, page)
                }
            }
        };
    };
}

mod given;
mod stock;
mod stubs;

mod alone;
mod announced;
mod apart;
mod catalog;
mod crashes;
mod late_money;
mod late_starts;
mod poison;
mod prefixes;
mod races;
mod recovery;
mod requests;
mod unknown;
mod wishes;
