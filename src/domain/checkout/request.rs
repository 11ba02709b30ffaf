//! An order as a client writes it, in no facade's types, and the checkout that it asks for.

use super::{Checkout, MAX_DEADLINE_MS};
use crate::domain::{
    catalog::{NotForSale, PricedOffer},
    field::{CustomerRef, FieldError, FieldErrors},
    ids::{OrderId, PaymentId, ShipmentId, ShopId, VariantId},
    money::Currency,
    order::{LinesFields, LinesRefused, LinesRequest},
    payment::{ManualNames, Provider},
    shipment::Carrier,
    simulation::Simulation,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a server lets its clients ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The services that take money, beside the built-in ones.
    pub providers: Arc<[Provider]>,
    /// What else clients call manual payments.
    pub manual_names: ManualNames,
    /// Whether orders may carry simulated faults and be paid by the simulation.
    pub simulation: bool,
    /// Who takes the money of direct orders whose client names nobody; `None` is the simulation, where that is allowed.
    pub direct_provider: Option<Provider>,
    /// Who carries the goods of new orders.
    pub carrier: Carrier,
    /// Whether orders may have lines that no shop offers.
    pub free_text_lines: bool,
    /// How long a payment is waited for when the client names no deadline, in milliseconds.
    pub default_deadline_ms: u64,
}

/// Something simulated is asked for where payments are real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not allowed on this server; set simulation.enabled to allow it")]
pub struct NotSimulated(pub(super) &'static str);

/// A payment cannot be of the provider that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderRefused {
    /// It would say "paid" where payments are real.
    #[error(transparent)]
    NotSimulated(#[from] NotSimulated),
    /// There is none of this name; says which there are.
    #[error("{0}")]
    Unknown(String),
}

impl Policy {
    /// The provider that a client names.
    ///
    /// # Errors
    /// One that there is not, or not here.
    pub fn provider(&self, name: &str) -> Result<Provider, ProviderRefused> {
        let built_in = [Provider::Manual, Provider::Simulated];
        let mut known = built_in.iter().chain(self.providers.iter());
        match known.clone().find(|provider| provider.as_str() == name) {
            Some(Provider::Simulated) if !self.simulation => Err(NotSimulated("the simulated payment provider").into()),
            Some(provider) => Ok(*provider),
            None if self.manual_names.have(name) => Ok(Provider::Manual),
            None => {
                let names: Vec<_> = known.by_ref().map(|provider| provider.as_str()).collect();
                let given: String = name.chars().take(64).collect();
                Err(ProviderRefused::Unknown(format!("must be {}, is {given:?}", names.join(" or "))))
            }
        }
    }
}

/// An order as a client writes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OrderFields {
    /// What is bought.
    pub lines: LinesFields,
    /// The client's own reference to its customer.
    pub customer_ref: Option<String>,
    /// Who takes the money, by name; somebody reports it by hand when left out.
    pub provider: Option<String>,
    /// How long the order waits for it, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// Faults to simulate.
    pub simulate: Option<Simulation>,
}

/// An order as its client wants it, all but the prices of its shops' offers.
#[derive(Clone, Debug)]
pub struct OrderRequest {
    lines: LinesRequest,
    customer_ref: Option<CustomerRef>,
    provider: Provider,
    deadline_ms: u64,
    carrier: Carrier,
    simulate: Simulation,
}

/// The ids of what a checkout makes, fresh for each.
#[derive(Clone, Copy, Debug)]
pub struct CheckoutIds {
    /// The order's.
    pub order_id: OrderId,
    /// Its payment's.
    pub payment_id: PaymentId,
    /// Its first shipment's.
    pub shipment_id: ShipmentId,
}

impl OrderFields {
    /// What they ask for, on a server of this policy. Fields that cannot be accepted are named by
    /// [`OrderRequest::checkout`], with those of which only the shops know.
    ///
    /// # Errors
    /// What the server does not allow at all.
    pub fn parse(self, policy: &Policy) -> Result<OrderRequest, NotSimulated> {
        let Self { lines, customer_ref, provider, deadline_ms, simulate } = self;
        if simulate.is_some() && !policy.simulation {
            return Err(NotSimulated("simulate"));
        }
        let mut errors = FieldErrors::default();
        let provider = match provider.map_or(Ok(Provider::default()), |name| policy.provider(&name)) {
            Err(ProviderRefused::NotSimulated(refused)) => return Err(refused),
            found => errors.check("payment.provider", found).unwrap_or_default(),
        };
        let customer_ref = customer_ref.and_then(|text| errors.check("customer_ref", CustomerRef::parse(text)));
        let deadline_ms = deadline_ms.unwrap_or(policy.default_deadline_ms);
        if !(1..=MAX_DEADLINE_MS).contains(&deadline_ms) {
            errors.add("payment.deadline_ms", format!("must be from 1 to {MAX_DEADLINE_MS}, is {deadline_ms}"));
        }
        let simulate = simulate.unwrap_or_default();
        simulate.check(&mut errors);
        simulate.check_simulated(provider, policy.carrier, &mut errors);
        let lines = lines.parse(policy.free_text_lines, errors);
        Ok(OrderRequest { lines, customer_ref, provider, deadline_ms, carrier: policy.carrier, simulate })
    }
}

impl OrderRequest {
    /// The shops' offers that are to be looked up.
    pub fn offers(&self) -> Vec<(ShopId, VariantId)> {
        self.lines.offers()
    }

    /// What is wrong with it, whatever the shops offer.
    pub fn faults(self) -> Vec<FieldError> {
        self.lines.faults()
    }

    /// The checkout of these lines. `offers` has what there is behind each of [`Self::offers`].
    ///
    /// # Errors
    /// Every field that cannot be accepted; where all can be, every price that is another one by now.
    pub fn checkout(
        self,
        offers: Vec<Result<PricedOffer, NotForSale>>,
        ids: CheckoutIds,
    ) -> Result<Checkout, LinesRefused> {
        let Self { lines, customer_ref, provider, deadline_ms, carrier, simulate } = self;
        let CheckoutIds { order_id, payment_id, shipment_id } = ids;
        Ok(Checkout {
            order_id,
            payment_id,
            shipment_id,
            customer_ref,
            currency: Currency::default(),
            basket: lines.basket(offers)?,
            revision: 0,
            provider,
            deadline_ms,
            carrier,
            simulate,
        })
    }
}
