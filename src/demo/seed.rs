//! Ids and numbers that look random and are the same every time.
//!
//! They are digests and not a generator's numbers: the first stay what they are when something is added, and
//! no other release of a crate makes others.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// The time in the demo's ids: 2026-01-01T00:00:00Z.
const BEGIN: u64 = 1_767_225_600_000;

/// A UUIDv7 for the `n`th item of a kind. Those of one kind are in the order of their numbers.
pub(super) fn id(kind: &str, n: u64) -> Uuid {
    let digest = digest(kind, n);
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    Builder::from_unix_timestamp_millis(BEGIN + n, &random).into_uuid()
}

/// A number below `bound` for the `n`th item of a kind.
pub(super) fn below(bound: u64, kind: &str, n: u64) -> u64 {
    let digest = digest(kind, n);
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(number) % bound.max(1)
}

fn digest(kind: &str, n: u64) -> [u8; 32] {
    Sha256::new().chain_update(kind).chain_update(n.to_be_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_v7_in_order_and_the_same_every_time() {
        let ids: Vec<_> = (0..100).map(|n| id("product", n)).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7) && ids.is_sorted());
        assert_eq!(ids[0].to_string(), "019b76da-a800-7b83-bcf5-bbbf17563a60");
    }
}
