//! Names that a configuration gives: each is kept for as long as the process lives, so that it is cheap to copy.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Whether a text can be a name: 1 to 32 of `a-z 0-9 _`, a letter first.
pub(in crate::domain) fn is_name(text: &str) -> bool {
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let of = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    begins && text.len() <= 32 && text.bytes().all(of)
}

/// The one copy of a name. `None` for a text that is no name. Never for a client's text, of which there may be any number.
pub(in crate::domain) fn interned(text: &str) -> Option<&'static str> {
    static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    if !is_name(text) {
        return None;
    }
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    Some(match names.get(text) {
        Some(known) => known,
        None => {
            let name: &'static str = Box::leak(text.into());
            names.insert(name);
            name
        }
    })
}
