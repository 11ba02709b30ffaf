//! What services and processes say to be believed.

use std::fmt;

/// 16 to 255 visible ASCII characters. Shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Parses a secret; `None` where there is none.
    ///
    /// # Errors
    /// What is allowed.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, &'static str> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        match text.len() {
            0 => Ok(None),
            16..=255 if is_visible => Ok(Some(Self(text.to_owned()))),
            _ => Err("16 to 255 visible ASCII characters, or \"\" for none"),
        }
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
