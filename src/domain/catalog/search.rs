//! What is searched for, in any script.
//!
//! A word is what stands between spaces, where a script has them. Chinese, Japanese, Thai and their
//! neighbours have none: there every character is a word, and a run of them is found wherever they stand
//! together. So is every emoji, which nobody separates by a space either.

use crate::domain::field::{Text, TextError};

/// What a client searches for: up to 200 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText(Text<200>);

impl SearchText {
    /// Parses a client's text.
    ///
    /// # Errors
    /// Blank, too long, or with a control character.
    pub fn parse(text: String) -> Result<Self, TextError> {
        Text::parse(text).map(Self)
    }

    /// What must all be found, each written as in [`spaced`]; the last may be the beginning of a word.
    pub fn phrases(&self) -> Vec<String> {
        self.0.as_str().split_whitespace().map(spaced).collect()
    }
}

/// The text with spaces around every character that is a word of its own.
pub fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for character in text.chars() {
        if stands_alone(character) {
            spaced.extend([' ', character, ' ']);
        } else {
            spaced.push(character);
        }
    }
    spaced
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
        let phrases = SearchText::parse(text.into()).unwrap().phrases();
        phrases.iter().map(|phrase| phrase.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn words_are_separated_by_spaces_where_the_script_has_them() {
        assert_eq!(phrases("Kopi  Gayo"), ["Kopi", "Gayo"]);
        assert_eq!(phrases("قهوة عربية"), ["قهوة", "عربية"]);
        assert_eq!(phrases("кофе"), ["кофе"]);
    }

    #[test]
    fn every_character_is_a_word_where_the_script_has_no_spaces() {
        assert_eq!(phrases("咖啡豆 茶"), ["咖 啡 豆", "茶"]);
        assert_eq!(phrases("コーヒー"), ["コ ー ヒ ー"]);
        assert_eq!(phrases("A4咖啡"), ["A4 咖 啡"]);
    }

    #[test]
    fn an_emoji_is_a_word() {
        assert_eq!(phrases("Kopi☕🫘"), ["Kopi ☕ 🫘"]);
    }
}
