//! Cells as spreadsheets read and write them.

/// What a text begins with that a spreadsheet would run as a formula.
const RUN: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// What makes it a text for a spreadsheet.
const MARK: char = '\'';

const YES: [&str; 10] = ["true", "yes", "1", "benar", "ya", "wahr", "ja", "vrai", "oui", "verdadero"];
const NO: [&str; 10] = ["false", "no", "0", "salah", "tidak", "falsch", "nein", "faux", "non", "falso"];

/// Yes or no, as spreadsheets and people write it.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    let said = text.trim().to_lowercase();
    match () {
        () if YES.contains(&said.as_str()) => Some(true),
        () if NO.contains(&said.as_str()) => Some(false),
        () => None,
    }
}

/// The name of a column: capitals, and what stands around and between its words, make no difference.
pub(super) fn column(header: &str) -> String {
    header
        .trim()
        .to_lowercase()
        .split(|c: char| c.is_whitespace() || c == '-' || c == '_')
        .collect::<Vec<_>>()
        .join("_")
}

/// A cell that [`unprotect`] reads: one that a spreadsheet would run gets a mark where that is asked for. One that has
/// the mark already gets another, so that every text comes back as it was.
pub(super) fn protect(cell: String, asked: bool) -> String {
    if is_run(&cell) && (asked || cell.starts_with(MARK)) { format!("{MARK}{cell}") } else { cell }
}

/// A cell without its mark, if it has one.
pub(super) fn unprotect(cell: &str) -> &str {
    if is_run(cell) { cell.strip_prefix(MARK).unwrap_or(cell) } else { cell }
}

fn is_run(cell: &str) -> bool {
    cell.trim_start_matches(MARK).starts_with(RUN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_protected_or_not() {
        for text in ["=1+1", "'=1", "''@x", "'", "'kopi", "kopi", "", "-5", "\t=1", "＝1", "it's"] {
            for asked in [false, true] {
                let cell = protect(text.to_owned(), asked);
                assert_eq!(unprotect(&cell), text, "{asked}");
                assert!(!asked || !cell.starts_with(RUN), "{cell:?} is run");
            }
        }
    }

    #[test]
    fn a_column_is_known_in_capitals_and_with_spaces() {
        for header in ["on_hand", " On Hand ", "ON-HAND", "\u{a0}On_hand"] {
            assert_eq!(column(header), "on_hand");
        }
    }

    #[test]
    fn what_says_neither_yes_nor_no_is_neither() {
        assert_eq!(["WAHR", " Yes", "1"].map(yes_or_no), [Some(true); 3]);
        assert_eq!(["FALSCH", "no ", "0"].map(yes_or_no), [Some(false); 3]);
        assert_eq!(["", "2", "perhaps", "x"].map(yes_or_no), [None; 4]);
    }
}
