//! Who carries the goods.

use crate::domain::payment::{NoProvider, Provider, ProviderName};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::str::FromStr;

/// Who carries the goods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carrier {
    /// People send the goods and report it; until then the shipment is requested.
    Manual,
    /// The built-in simulation, scripted per order.
    #[default]
    Simulated,
    /// A service outside, under the name that the server's configuration gives it.
    Configured(ProviderName),
}

impl Carrier {
    /// The carrier's stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => Provider::Manual.as_str(),
            Self::Simulated => Provider::Simulated.as_str(),
            Self::Configured(name) => Provider::Configured(name).as_str(),
        }
    }

    /// As it is stored: nothing for the simulation.
    pub fn stored(self) -> Option<Self> {
        Some(self).filter(|carrier| !carrier.is_simulated())
    }

    /// Whether people send the goods, whom nobody calls.
    pub const fn is_manual(&self) -> bool {
        matches!(self, Self::Manual)
    }

    /// Whether it is the simulation.
    pub const fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated)
    }
}

impl From<Carrier> for &'static str {
    fn from(carrier: Carrier) -> Self {
        carrier.as_str()
    }
}

impl From<&Carrier> for &'static str {
    fn from(carrier: &Carrier) -> Self {
        carrier.as_str()
    }
}

/// As of a provider of payments.
impl FromStr for Carrier {
    type Err = NoProvider;

    fn from_str(text: &str) -> Result<Self, NoProvider> {
        match text.parse()? {
            Provider::Simulated => Ok(Self::Simulated),
            Provider::Configured(name) => Ok(Self::Configured(name)),
            Provider::Manual => Ok(Self::Manual),
        }
    }
}

impl Serialize for Carrier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Carrier {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
