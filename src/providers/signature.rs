//! Signatures by the Standard Webhooks scheme: HMAC-SHA256 over id, time and body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Deserializer, de::Error as _};
use sha2::Sha256;
use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// What requests are signed with: `whsec_` and 24 to 64 bytes in base 64. Shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// The headers of a request that is signed at `seconds` since the Unix epoch.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &str) -> [(&'static str, String); 3] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes a key of any length")
        };
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        [("webhook-id", id.to_owned()), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)]
    }
}

/// Now, in seconds since the Unix epoch, by the system's clock, which is what a receiver compares it with.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
        let secret = bytes.filter(|bytes| (24..=64).contains(&bytes.len())).map(Self);
        secret.ok_or_else(|| D::Error::custom("must be whsec_ and 24 to 64 bytes in base 64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the scheme's specification.
    #[test]
    fn a_request_is_signed_as_the_specification_does_it() {
        let secret: Secret = serde_json::from_str(r#""whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw""#).unwrap();
        let [id, time, signature] =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(id, ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()));
        assert_eq!(time, ("webhook-timestamp", "1614265330".to_owned()));
        assert_eq!(signature.1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_neither_short_nor_shown() {
        for text in
            [r#""""#, r#""whsec_""#, r#""whsec_AAAA""#, r#""MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw""#, r#""whsec_%%""#]
        {
            assert!(serde_json::from_str::<Secret>(text).is_err(), "{text}");
        }
        let secret: Secret = serde_json::from_str(r#""whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw""#).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
