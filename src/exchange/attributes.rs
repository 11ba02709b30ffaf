//! A variant's attributes in one cell: `colour=merah;grind=halus`, or JSON where that would not be clear.

use crate::domain::{catalog::Attributes, field::FieldErrors};
use std::collections::BTreeMap;

/// Reads a cell.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(cell: &str) -> Result<Attributes, String> {
    let given = if cell.is_empty() {
        BTreeMap::new()
    } else if cell.starts_with('{') {
        serde_json::from_str(cell).map_err(|error| format!("must be a JSON object of texts: {error}"))?
    } else {
        pairs(cell)?
    };
    let mut errors = FieldErrors::default();
    let parsed = Attributes::parse(given, "", &mut errors);
    let wrong = errors.finish().err().unwrap_or_default();
    let told = |field: &str, message: &str| match field.strip_prefix('.') {
        Some(name) => format!("{name:?} {message}"),
        None => message.to_owned(),
    };
    let wrong: Vec<_> = wrong.iter().map(|error| told(&error.field, &error.message)).collect();
    parsed.ok_or_else(|| wrong.join("; "))
}

fn pairs(cell: &str) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    for pair in cell.split(';') {
        let (name, value) = pair.split_once('=').ok_or("must be name=value;name=value, or a JSON object of texts")?;
        if pairs.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("has {name:?} twice"));
        }
    }
    Ok(pairs)
}

/// Writes a cell that [`parse`] reads.
pub(super) fn show(attributes: &Attributes) -> String {
    let pairs: Vec<_> = attributes.get().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cell = pairs.join(";");
    if parse(&cell).as_ref() == Ok(attributes) { cell } else { serde_json::to_string(attributes).unwrap_or(cell) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_json_say_the_same() {
        assert_eq!(parse("colour=merah;grind=halus"), parse(r#"{"grind":"halus","colour":"merah"}"#));
        assert_eq!(parse(""), Ok(Attributes::default()));
        assert_eq!(parse("formula=a=b").unwrap().get()["formula"], "a=b");
    }

    #[test]
    fn whatever_is_shown_is_read_back() {
        for cell in
            ["", "colour=merah 🔴", "اللون=أحمر;色=赤", r#"{"a;b":"c"}"#, r#"{"{a":"b"}"#, r#"{"a":"b;c=d","e=f":"g"}"#]
        {
            let attributes = parse(cell).unwrap();
            assert_eq!(parse(&show(&attributes)), Ok(attributes), "{cell}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_name() {
        for (cell, expected) in [
            ("red", "name=value"),
            ("a=1;a=2", "\"a\" twice"),
            ("a=", "\"a\" must not be blank"),
            ("{\"a\":1}", "JSON object of texts"),
            ("{\"a\":", "JSON object of texts"),
        ] {
            let wrong = parse(cell).unwrap_err();
            assert!(wrong.contains(expected), "{cell}: {wrong}");
        }
    }
}
