//! Who takes the money.

use crate::domain::interned::interned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{str::FromStr, sync::Arc};

/// Who takes the money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// Somebody outside reports the result; until then, or the deadline, the payment waits.
    #[default]
    Manual,
    /// The built-in simulation, scripted per order.
    Simulated,
    /// A service outside, under the name that the server's configuration gives it.
    Configured(ProviderName),
}

/// The name of a service outside: 1 to 32 of `a-z 0-9 _`, a letter first; none of the built-in ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderName(&'static str);

/// A text that is no provider's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a provider: 1 to 32 of a-z 0-9 _, a letter first")]
pub struct NoProvider(String);

const MANUAL: &str = "manual";
const SIMULATED: &str = "simulated";

impl NoProvider {
    pub(in crate::domain) fn of(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }
}

impl Provider {
    /// The provider's stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => MANUAL,
            Self::Simulated => SIMULATED,
            Self::Configured(ProviderName(name)) => name,
        }
    }

    /// Whether it is asked for the money, and does not only wait for somebody to report it.
    pub(super) const fn charges(self) -> bool {
        !matches!(self, Self::Manual)
    }
}

/// The names that clients have, beside `manual`, for payments whose result somebody reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManualNames {
    /// Any name that no provider has.
    any: bool,
    names: Arc<[String]>,
}

/// A text that lists no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("names of 1 to 64 visible characters with commas between them, * for any that no provider has, or nothing")]
pub struct NoNames;

impl ManualNames {
    /// The longest name, in characters.
    const LONGEST: usize = 64;

    /// Whether a payment under this name is manual.
    pub fn have(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name) || self.any && Self::is_name(name)
    }

    fn is_name(text: &str) -> bool {
        let is_visible = !text.trim().is_empty() && !text.chars().any(char::is_control);
        is_visible && text.chars().count() <= Self::LONGEST
    }
}

impl FromStr for ManualNames {
    type Err = NoNames;

    fn from_str(text: &str) -> Result<Self, NoNames> {
        match text.trim() {
            "" => Ok(Self::default()),
            "*" => Ok(Self { any: true, ..Self::default() }),
            names => {
                let names =
                    names.split(',').map(|name| Some(name.trim().to_owned()).filter(|name| Self::is_name(name)));
                let names = names.collect::<Option<Vec<_>>>().ok_or(NoNames)?;
                Ok(Self { any: false, names: names.into() })
            }
        }
    }
}

impl From<Provider> for &'static str {
    fn from(provider: Provider) -> Self {
        provider.as_str()
    }
}

impl From<&Provider> for &'static str {
    fn from(provider: &Provider) -> Self {
        provider.as_str()
    }
}

/// For names from the configuration and from stored rows: each is kept for as long as the process lives, so that a
/// payment is cheap to copy. A client's text is looked up among the providers that there are, never parsed.
impl FromStr for Provider {
    type Err = NoProvider;

    fn from_str(text: &str) -> Result<Self, NoProvider> {
        match text {
            MANUAL => Ok(Self::Manual),
            SIMULATED => Ok(Self::Simulated),
            name => interned(name).map(|name| Self::Configured(ProviderName(name))).ok_or_else(|| NoProvider::of(text)),
        }
    }
}

impl Serialize for Provider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_manual_payments_are_listed_or_any() {
        let any: ManualNames = "*".parse().unwrap();
        assert!(any.have("gopay") && any.have("Transfer BCA") && !any.have(" ") && !any.have(&"x".repeat(65)));
        let two: ManualNames = "gopay, Transfer BCA".parse().unwrap();
        assert!(two.have("gopay") && two.have("Transfer BCA") && !two.have("ovo") && !two.have("*"));
        assert!(!"".parse::<ManualNames>().unwrap().have("gopay"));
        for wrong in [",", "a,,b", "a,\u{0}", &"x".repeat(65)] {
            assert_eq!(wrong.parse::<ManualNames>(), Err(NoNames), "{wrong}");
        }
    }

    #[test]
    fn a_provider_is_what_its_name_says() {
        for name in ["manual", "simulated", "acme", "a", "bank_2", &"x".repeat(32)] {
            let provider: Provider = name.parse().unwrap();
            assert_eq!(provider.as_str(), name);
            assert_eq!(name.parse(), Ok(provider));
            let json = serde_json::to_string(&provider).unwrap();
            assert_eq!(serde_json::from_str::<Provider>(&json).unwrap(), provider);
        }
        for text in ["", "Acme", "2bank", "_a", "a-b", "a b", "é", &"x".repeat(33)] {
            assert!(text.parse::<Provider>().is_err(), "{text}");
        }
    }
}
