//! `[providers]`: read as a whole, because its keys have names that users choose.

use crate::{
    domain::{payment::Provider, shipment::Carrier},
    providers::{Purpose, ServiceConfig},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::BTreeMap;

/// `[providers]`: services outside that the server calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Providers {
    /// Those that take money, by the names under which orders ask for them: `[providers.payment.NAME]`.
    #[serde(default, deserialize_with = "configured")]
    pub payment: BTreeMap<Provider, ServiceConfig>,
    /// Those that carry goods: `[providers.shipping.NAME]`.
    #[serde(default, deserialize_with = "carriers")]
    pub shipping: BTreeMap<Carrier, ServiceConfig>,
}

/// Services of one purpose, by names of which none is built in.
fn services<'de, D, N>(
    from: D,
    purpose: Purpose,
    is_built_in: fn(N) -> bool,
) -> Result<BTreeMap<N, ServiceConfig>, D::Error>
where
    D: Deserializer<'de>,
    N: Deserialize<'de> + Copy + Ord + Into<&'static str>,
{
    let services = BTreeMap::<N, ServiceConfig>::deserialize(from)?;
    for (name, service) in &services {
        let text: &'static str = (*name).into();
        if is_built_in(*name) {
            return Err(D::Error::custom(format!("the provider {text} is built in")));
        }
        service.check(purpose).map_err(|why| D::Error::custom(format!("{text}: {why}")))?;
    }
    Ok(services)
}

fn carriers<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Carrier, ServiceConfig>, D::Error> {
    services(from, Purpose::Shipping, |carrier: Carrier| carrier.is_simulated() || carrier.is_manual())
}

fn configured<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Provider, ServiceConfig>, D::Error> {
    services(from, Purpose::Payment, |provider| !matches!(provider, Provider::Configured(_)))
}
