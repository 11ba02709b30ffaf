//! The words of products, as PostgreSQL keeps and looks for them.
//!
//! `catalog_product.words` has the words that the domain makes of name and category, each with its place: a phrase
//! is found where its words stand side by side. What PostgreSQL itself takes for a word (addresses, numbers with
//! signs, parts of hyphenated ones) is not asked: a text becomes a `tsvector` or a `tsquery` as it is written here.

use crate::domain::catalog::{Category, Phrase, ProductName, SearchText, words};

/// What is indexed of a product, to be bound as text: `$1::text::tsvector`. Between the name's last word and the
/// category's first one a place is left empty, so that no phrase runs from one into the other.
pub(in crate::store::postgres) fn vector(name: &ProductName, category: Option<&Category>) -> String {
    let name = words(name.as_str());
    let category = category.map(|category| words(category.as_str())).unwrap_or_default();
    let behind_the_gap = name.len() + 2;
    let placed = name.into_iter().zip(1..).chain(category.into_iter().zip(behind_the_gap..));
    placed.map(|(word, place)| format!("{}:{place}", quoted(&word))).collect::<Vec<_>>().join(" ")
}

/// What is searched for, to be bound as text: `$1::text::tsquery`. Where there is no word, it finds nothing.
pub(super) fn query(text: &SearchText) -> String {
    text.phrases().iter().map(phrase).collect::<Vec<_>>().join(" & ")
}

fn phrase(Phrase { words, is_open }: &Phrase) -> String {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    format!("{}{}", words.join(" <-> "), if *is_open { ":*" } else { "" })
}

/// A word in which no character means anything but itself.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_cannot_run_from_the_name_into_the_category() {
        let (name, category) = (ProductName::stored("Kopi Gayo".into()), Category::stored("Biji Kopi".into()));
        assert_eq!(vector(&name, Some(&category)), "'kopi':1 'gayo':2 'biji':4 'kopi':5");
        assert_eq!(vector(&name, None), "'kopi':1 'gayo':2");
    }

    #[test]
    fn words_of_a_search_stand_side_by_side_and_the_last_may_be_a_beginning() {
        let query = |text: &str| query(&SearchText::parse(text.into()).unwrap());
        assert_eq!(query("Kopi 咖啡 t-shirt"), "'kopi' & '咖' <-> '啡' & 't' <-> 'shirt':*");
        assert_eq!(query("!!!"), "");
    }

    #[test]
    fn no_character_of_a_word_means_anything_else() {
        assert_eq!(quoted("a'b\\c"), "'a''b\\\\c'");
    }
}
