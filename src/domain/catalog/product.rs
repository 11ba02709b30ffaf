//! Products and the variants in which they are sold.

use crate::domain::{
    field::{FieldErrors, Text, TextError, normalized},
    ids::{ProductId, VariantId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most variants of one product.
pub const MAX_VARIANTS: u32 = 250;

/// What a product is called.
pub type ProductName = Text<200>;
/// What kind of product it is, in the words of whoever keeps the catalogue.
pub type Category = Text<100>;
/// A variant's size, in whatever its product is measured.
pub type Size = Text<64>;

/// A text of several lines, of 1 to 5,000 characters in any script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description(String);

impl Description {
    /// Most characters.
    pub const MAX: usize = 5_000;

    /// Parses a client's text. White space around it is kept: it is the client's.
    ///
    /// # Errors
    /// Blank, too long, or with a control character that neither ends a line nor is a tabulator.
    pub fn parse(text: String) -> Result<Self, TextError> {
        let text = normalized(text);
        if text.trim().is_empty() {
            return Err(TextError::Blank);
        }
        let len = text.chars().count();
        if len > Self::MAX {
            return Err(TextError::TooLong { max: Self::MAX, len });
        }
        match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            Some(control) => Err(TextError::Control(control.into())),
            None => Ok(Self(text)),
        }
    }

    /// A text as it was stored: parsed when it came in.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that cannot be a stock-keeping unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkuError {
    /// It is no text of the right length.
    #[error(transparent)]
    Text(#[from] TextError),
    /// White space that nobody sees would tell two of them apart.
    #[error("must not begin or end with white space")]
    Padded,
    /// Nobody sees it, and it would tell two of them apart.
    #[error("must not contain characters that cannot be seen, has U+{0:04X}")]
    Invisible(u32),
}

/// What is in a text without being seen: soft hyphens, joiners, marks of direction, spaces without width.
const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}')
}

/// A stock-keeping unit: a variant's name among people and machines, of 1 to 64 characters; no two
/// variants have the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sku(Text<64>);

impl Sku {
    /// Parses a client's text.
    ///
    /// # Errors
    /// Blank, too long, with a character that nobody sees, or with white space at either end.
    pub fn parse(text: String) -> Result<Self, SkuError> {
        // Every space looks like any other.
        let spaces = |c: char| if c.is_whitespace() && !c.is_control() { ' ' } else { c };
        let text = Text::parse(if text.is_ascii() { text } else { text.chars().map(spaces).collect() })?;
        if let Some(invisible) = text.as_str().chars().find(|c| is_invisible(*c)) {
            return Err(SkuError::Invisible(invisible.into()));
        }
        if text.as_str().trim() != text.as_str() {
            return Err(SkuError::Padded);
        }
        Ok(Self(text))
    }

    /// A unit as it was stored: parsed when it came in.
    pub const fn stored(text: String) -> Self {
        Self(Text::stored(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Too many attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {max} entries, has {len}", max = Attributes::MAX)]
pub struct AttributesError {
    /// How many there are.
    pub len: usize,
}

/// What tells a variant from its product's others, by name: `colour` is `red`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// Most of them.
    pub const MAX: usize = 20;

    /// Parses a client's attributes, which are the field `field`; notes what is wrong with them.
    pub fn parse(given: BTreeMap<String, String>, field: &str, errors: &mut FieldErrors) -> Option<Self> {
        let len = given.len();
        let given: BTreeMap<_, _> =
            given.into_iter().map(|(name, value)| (normalized(name), normalized(value))).collect();
        if len > Self::MAX {
            errors.add(field, AttributesError { len }.to_string());
            return None;
        }
        let mut fine = true;
        for (name, value) in &given {
            let path = || format!("{field}.{name}");
            let parsed_name = Text::<64>::parse(name.clone()).map_err(|error| format!("has a name that {error}"));
            fine &= errors.check(path(), parsed_name).is_some();
            fine &= errors.check(path(), Text::<200>::parse(value.clone())).is_some();
        }
        fine.then_some(Self(given))
    }

    /// The names and their values, by name.
    pub const fn get(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// A product of the central catalogue. It has no price: that is each shop's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// What it is called.
    pub name: ProductName,
    /// What is said about it.
    pub description: Option<Description>,
    /// What kind it is.
    pub category: Option<Category>,
    /// Whether it can be bought at all.
    pub active: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it has been written.
    pub version: i64,
}

/// One form in which a product is sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its id.
    pub id: VariantId,
    /// The product; never changes.
    pub product_id: ProductId,
    /// Its name among people and machines.
    pub sku: Sku,
    /// Its size.
    pub size: Option<Size>,
    /// What else tells it from the others.
    pub attributes: Attributes,
    /// Whether it can be bought at all.
    pub active: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it has been written.
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_lines_and_no_other_control_characters() {
        assert!(Description::parse("Roasted\r\n\tin Takengon ☕ قهوة".into()).is_ok());
        assert_eq!(Description::parse("a\u{7}b".into()), Err(TextError::Control(7)));
        assert_eq!(Description::parse("\n\t".into()), Err(TextError::Blank));
        assert!(matches!(Description::parse("é".repeat(5_001)), Err(TextError::TooLong { max: 5_000, len: 5_001 })));
    }

    #[test]
    fn a_sku_has_no_white_space_around_it() {
        assert!(Sku::parse("KOPI GAYO-250".into()).is_ok());
        for padded in [" KOPI", "KOPI ", "KOPI\u{3000}"] {
            assert_eq!(Sku::parse(padded.into()), Err(SkuError::Padded), "{padded:?}");
        }
        assert_eq!(Sku::parse(String::new()), Err(SkuError::Text(TextError::Blank)));
        assert!(Sku::parse("x".repeat(65)).is_err());
    }

    /// The fields that are refused.
    fn refused(given: &[(&str, &str)]) -> Vec<String> {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut errors = FieldErrors::default();
        let parsed = Attributes::parse(given, "attributes", &mut errors);
        let errors = errors.finish().err().unwrap_or_default();
        assert_eq!(parsed.is_none(), !errors.is_empty());
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn attributes_are_short_texts_with_short_names() {
        assert!(refused(&[]).is_empty());
        assert!(refused(&[("colour", "red"), ("اللون", "أحمر"), ("色", "🔴")]).is_empty());
        let (long_name, long_value) = ("x".repeat(65), "x".repeat(201));
        assert_eq!(refused(&[("a", ""), ("b", &long_value)]), ["attributes.a", "attributes.b"]);
        assert_eq!(
            refused(&[(&long_name, "x"), ("", "x")]),
            ["attributes.".to_owned(), format!("attributes.{long_name}")]
        );
    }

    #[test]
    fn a_variant_has_at_most_twenty_attributes() {
        let names: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        let given: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        assert!(refused(&given[..20]).is_empty());
        assert_eq!(refused(&given), ["attributes"]);
    }
}
