//! What is searched for, in any script.
//!
//! A word is what stands between spaces and marks of punctuation, where a script has them. Chinese, Japanese,
//! Thai and their neighbours have none: there every character is a word, and a run of them is found wherever
//! they stand together. So is every emoji, which nobody separates by a space either. Capitals and accents make
//! no difference.
//!
//! Owns what the words of a text are, for whatever index keeps them: no database's own idea of a word is asked,
//! so that the same search finds the same products in each.
//!
//! ```text
//!   text ─▶ no accents, small letters ─▶ words: letters, marks, digits and emoji ─▶ index, or phrases of a search
//! ```

use crate::domain::field::{Text, TextError};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// What a client searches for: up to 200 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchText(Text<200>);

/// Words that must be found side by side, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// They; at least one.
    pub words: Vec<String>,
    /// Whether the last of them may be the beginning of what is found.
    pub is_open: bool,
}

impl SearchText {
    /// Parses a client's text.
    ///
    /// # Errors
    /// Blank, too long, or with a control character.
    pub fn parse(text: String) -> Result<Self, TextError> {
        Text::parse(text).map(Self)
    }

    /// What must all be found. What has no word in it is passed over; where nothing is left, nothing is found.
    pub fn phrases(&self) -> Vec<Phrase> {
        let mut parts = self.0.as_str().split_whitespace().map(words).peekable();
        let mut phrases = Vec::new();
        while let Some(words) = parts.next() {
            if !words.is_empty() {
                phrases.push(Phrase { words, is_open: parts.peek().is_none() });
            }
        }
        phrases
    }
}

/// Characters of a word: what is longer goes by its beginning. Short enough for any index, whatever the script.
const MAX_WORD: usize = 100;

/// The words of a text, in their order, without accents and in small letters.
pub fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    // Characters of the last word, if more may follow.
    let mut open = None;
    for character in folded(text) {
        open = if !belongs_to_a_word(character) {
            None
        } else if stands_alone(character) {
            words.push(character.into());
            None
        } else {
            match (open, words.last_mut()) {
                (Some(length), Some(word)) => {
                    if length < MAX_WORD {
                        word.push(character);
                    }
                    Some(length + 1)
                }
                _ => {
                    words.push(character.into());
                    Some(1)
                }
            }
        };
    }
    words
}

/// The words of a text with a space between each two.
pub fn spaced(text: &str) -> String {
    words(text).join(" ")
}

/// The text without accents and in small letters. Letters go by way of their capitals: those that have the same
/// are the same, such as the two small sigmas.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.nfd()
        .filter(|character| !is_accent(*character))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        // The dot over a small i comes back with it.
        .filter(|character| !is_accent(*character))
        // The marks of other scripts are put back where they were.
        .nfc()
}

/// The accents of Latin, Greek and Cyrillic letters, and what says which picture of an emoji is meant.
const fn is_accent(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36F}' | '\u{FE00}'..='\u{FE0F}')
}

/// What is in no list yet is a letter or an emoji of tomorrow.
fn belongs_to_a_word(character: char) -> bool {
    match character.general_category_group() {
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark | GeneralCategoryGroup::Number => true,
        _ => matches!(
            character.general_category(),
            GeneralCategory::OtherSymbol | GeneralCategory::PrivateUse | GeneralCategory::Unassigned
        ),
    }
}

const fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{0E00}'..='\u{0EFF}' // Thai, Lao
        | '\u{1000}'..='\u{109F}' // Burmese
        | '\u{1780}'..='\u{17FF}' // Khmer
        | '\u{2600}'..='\u{27BF}' // symbols that are used as emoji
        | '\u{2E80}'..='\u{2FDF}' // radicals
        | '\u{3005}'..='\u{3007}' // iteration mark, closing mark, zero
        | '\u{3040}'..='\u{30FF}' // Hiragana, Katakana
        | '\u{31F0}'..='\u{31FF}' // small Katakana
        | '\u{3400}'..='\u{4DBF}' // Chinese characters, and below
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}' // narrow Katakana
        | '\u{1F000}'..='\u{1FAFF}' // emoji
        | '\u{20000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(text: &str) -> Vec<String> {
        SearchText::parse(text.into()).unwrap().phrases().iter().map(|phrase| phrase.words.join(" ")).collect()
    }

    #[test]
    fn words_are_separated_by_spaces_where_the_script_has_them() {
        assert_eq!(phrases("Kopi  Gayo"), ["kopi", "gayo"]);
        assert_eq!(phrases("قهوة عربية"), ["قهوة", "عربية"]);
        assert_eq!(phrases("кофе"), ["кофе"]);
    }

    #[test]
    fn every_character_is_a_word_where_the_script_has_no_spaces() {
        assert_eq!(phrases("咖啡豆 茶"), ["咖 啡 豆", "茶"]);
        assert_eq!(phrases("コーヒー"), ["コ ー ヒ ー"]);
        assert_eq!(phrases("A4咖啡"), ["a4 咖 啡"]);
    }

    #[test]
    fn an_emoji_is_a_word() {
        assert_eq!(phrases("Kopi☕🫘"), ["kopi ☕ 🫘"]);
        assert_eq!(phrases("☕\u{FE0F}"), ["☕"], "in whichever picture");
    }

    #[test]
    fn punctuation_separates_words_and_is_none() {
        assert_eq!(words("info@kopi.id, 2-in-1 (B&W)"), ["info", "kopi", "id", "2", "in", "1", "b", "w"]);
        assert_eq!(words("it's \"a\\b\" 'c' 1,5:*"), ["it", "s", "a", "b", "c", "1", "5"]);
        assert!(phrases("!!! \" * \u{200f}").is_empty());
    }

    #[test]
    fn capitals_and_accents_make_no_difference() {
        for (one, other) in [
            ("CAFÉ", "cafe"),
            ("cafe\u{301}", "café"),
            ("Ệ", "e"),
            ("Ёлка", "елка"),
            ("ΚΑΦΈΣ", "καφές"),
            ("λόγος", "ΛΟΓΟΣ"),
            ("İstanbul", "istanbul"),
            ("Straße", "STRASSE"),
        ] {
            assert_eq!(words(one), words(other), "{one}");
        }
    }

    #[test]
    fn marks_of_other_scripts_do() {
        for (one, other) in [("किताब", "कतब"), ("が", "か"), ("한", "하"), ("บ้าน", "บาน")]
        {
            assert_ne!(words(one), words(other), "{one}");
        }
        assert_eq!(words("か\u{3099}"), ["が"], "the same character, written in two parts");
    }

    #[test]
    fn only_the_last_word_of_a_search_may_be_a_beginning() {
        let open = |text: &str| -> Vec<bool> {
            SearchText::parse(text.into()).unwrap().phrases().iter().map(|phrase| phrase.is_open).collect()
        };
        assert_eq!(open("kopi gay"), [false, true]);
        assert_eq!(open("kopi !!! gay"), [false, true]);
        assert_eq!(open("kopi !!!"), [false], "it is finished");
    }

    #[test]
    fn a_long_word_goes_by_its_beginning() {
        let long = "ß".repeat(MAX_WORD);
        assert_eq!(words(&long), ["s".repeat(MAX_WORD)]);
        assert_eq!(words(&format!("{long} x")).len(), 2);
    }
}
