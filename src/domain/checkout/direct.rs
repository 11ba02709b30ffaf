//! What a client may ask for its direct order, step by step.

use super::{NotSimulated, Policy, ProviderRefused};
use crate::domain::{
    field::{CustomerRef, FieldErrors},
    order::{Basket, LinesFields, LinesRefused},
    payment::Provider,
    simulation::Script,
};
use std::sync::Arc;

/// A direct order as a client writes it.
#[derive(Clone, Debug, Default)]
pub struct DirectFields {
    /// The client's own reference to its customer.
    pub customer_ref: Option<String>,
    /// What is bought, where the order is to know that: free text, since nothing is reserved for it.
    pub lines: Option<LinesFields>,
}

impl DirectFields {
    /// What they ask for, on a server of this policy.
    ///
    /// # Errors
    /// Every field that cannot be accepted.
    pub fn parse(self, policy: &Policy) -> Result<(Option<CustomerRef>, Arc<Basket>), LinesRefused> {
        let mut errors = FieldErrors::default();
        let customer_ref = self.customer_ref.and_then(|text| errors.check("customer_ref", CustomerRef::parse(text)));
        let Some(lines) = self.lines else {
            errors.finish().map_err(LinesRefused::Invalid)?;
            return Ok((customer_ref, Arc::new(Basket::empty())));
        };
        Ok((customer_ref, lines.parse(policy.free_text_lines, errors).basket(Vec::new())?))
    }
}

impl Policy {
    /// Who takes the money of a direct order: whom its client names, or whom the server has for that. Somebody must be
    /// asked: a client that drives its order wants to hear how it went.
    ///
    /// # Errors
    /// One that there is not, not here, or that waits for somebody to report the money; or there is none.
    pub fn direct_provider(&self, name: Option<&str>) -> Result<Provider, ProviderRefused> {
        let refused = |message: &str| Err(ProviderRefused::Unknown(message.into()));
        let simulated = self.simulation.then_some(Provider::Simulated);
        match name.map(|name| self.provider(name)).transpose()?.or(self.direct_provider).or(simulated) {
            Some(Provider::Simulated) if !self.simulation => Err(NotSimulated("the simulated payment provider").into()),
            Some(Provider::Manual) => refused("must be one that is asked for the money; manual waits to be told"),
            Some(provider) => Ok(provider),
            None => refused("is missing: name one, or set grpc.payment_provider on the server"),
        }
    }

    /// What a simulated participant does, where a client may say that.
    ///
    /// # Errors
    /// It may not, here.
    pub fn script(&self, script: Option<Script>) -> Result<Script, NotSimulated> {
        match script {
            Some(_) if !self.simulation => Err(NotSimulated("simulate")),
            script => Ok(script.unwrap_or_default()),
        }
    }
}
