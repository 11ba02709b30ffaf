//! The secret by which services and processes of one's own are known, as they say it: `Authorization: Bearer SECRET`, or
//! the same in a call's metadata.
//!
//! Owns how what is said is compared with it. Must not know who says it, or what for.

use sha2::{Digest, Sha256};

/// A secret, as its digest: what is said is compared by its digest, too, and how long that takes tells nothing of it.
#[derive(Clone, Copy)]
pub struct Credential([u8; 32]);

impl Credential {
    /// Of a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether an `Authorization` says the secret.
    pub fn is_said_in(&self, authorization: &str) -> bool {
        let said = authorization.split_once(' ');
        said.is_some_and(|(scheme, secret)| scheme.eq_ignore_ascii_case("bearer") && Self::of(secret).0 == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_said_only_where_all_of_it_is() {
        let credential = Credential::of("correct-horse-battery");
        for said in ["Bearer correct-horse-battery", "bearer correct-horse-battery"] {
            assert!(credential.is_said_in(said), "{said:?}");
        }
        for said in ["", "Bearer", "Bearer ", "correct-horse-battery", "Basic correct-horse-battery"] {
            assert!(!credential.is_said_in(said), "{said:?}");
        }
        for said in [
            "Bearer correct-horse-batter",
            "Bearer correct-horse-battery ",
            "Bearer  correct-horse-battery",
            "Bearer correct-horse-battery2",
            "Bearer Correct-horse-battery",
        ] {
            assert!(!credential.is_said_in(said), "{said:?}");
        }
    }
}
