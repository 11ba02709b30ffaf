//! The name of a question, with the types of what is asked and answered.

use std::marker::PhantomData;

/// A question `Q` that is answered with `A`, by the name under which it is asked.
pub struct Endpoint<Q, A> {
    name: &'static str,
    types: PhantomData<fn(Q) -> A>,
}

impl<Q, A> Endpoint<Q, A> {
    /// The question of this name, `role.what`; no other may have it.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<Q, A> Clone for Endpoint<Q, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q, A> Copy for Endpoint<Q, A> {}
