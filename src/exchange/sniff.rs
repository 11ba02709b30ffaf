//! How a spreadsheet has written its file: what stands between cells, and what ends lines.
//!
//! Looks at the beginning of the file alone. Spreadsheets write commas, semicolons or tabulators, as their country has
//! it, and end lines with LF, CRLF or, of old, CR.

use std::io::{self, Cursor, Read};

/// How much is looked at: more than any header.
const LOOK: u64 = 64 << 10;
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// What stands between cells.
    pub(super) separator: u8,
    /// Whether lines end with CR alone.
    returns: bool,
}

/// A file from its beginning, with lines that end with LF.
pub(super) struct Lines<R> {
    file: io::Chain<Cursor<Vec<u8>>, R>,
    returns: bool,
}

/// Looks at the beginning of a file.
///
/// # Errors
/// When it cannot be read, or is in UTF-16 or UTF-32.
pub(super) fn look<R: Read>(mut file: R) -> io::Result<(Lines<R>, Written)> {
    let mut beginning = Vec::new();
    file.by_ref().take(LOOK).read_to_end(&mut beginning)?;
    let written = written(&beginning).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, UTF_16))?;
    Ok((Lines { file: Cursor::new(beginning).chain(file), returns: written.returns }, written))
}

const UTF_16: &str = "it is in UTF-16, which is no CSV in UTF-8: save it as \"CSV UTF-8\"";

fn written(beginning: &[u8]) -> Option<Written> {
    let text = beginning.strip_prefix(UTF_8_MARK).unwrap_or(beginning);
    let marked = text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff");
    // Without a mark, the letters of a header have a zero beside them.
    let is_wide = text.len() >= 4 && (matches!(text[..4], [0, _, 0, _]) || matches!(text[..4], [_, 0, _, 0]));
    if marked || is_wide {
        return None;
    }
    let mut is_quoted = false;
    let mut counts = [0_u32; SEPARATORS.len()];
    let (mut returns, mut has_text) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            // Empty lines before the header say nothing but how lines end.
            b'\r' | b'\n' => {
                returns = *byte == b'\r' && text.get(at + 1) != Some(&b'\n');
                if has_text {
                    break;
                }
            }
            _ => {
                has_text = true;
                if let Some(which) = SEPARATORS.iter().position(|separator| separator == byte) {
                    counts[which] += 1;
                }
            }
        }
    }
    // Of as many the first, which is the comma.
    let most = (0..counts.len()).rev().max_by_key(|which| counts[*which]).unwrap_or_default();
    Some(Written { separator: SEPARATORS[most], returns })
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        if self.returns {
            into[..read].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_stands_between_cells() {
        for (beginning, separator) in [
            ("a,b\n1;2;3;4\n", b','),
            ("a;b;c\n", b';'),
            ("a\tb", b'\t'),
            ("\u{feff}a;b\r\n", b';'),
            ("\n\r\n\"a,b,c\";b\n", b';'),
            ("sep=;\n", b';'),
            ("sku\n", b','),
            ("", b','),
        ] {
            assert_eq!(written(beginning.as_bytes()).unwrap().separator, separator, "{beginning:?}");
        }
    }

    #[test]
    fn lines_that_end_with_returns_alone_become_lines() {
        for (text, lines) in [("a\r1\r2\r", 3), ("a\r\n1\r\n", 2), ("a\n1\r\n", 2)] {
            let (mut file, _) = look(text.as_bytes()).unwrap();
            let mut read = String::new();
            file.read_to_string(&mut read).unwrap();
            assert_eq!(read.matches('\n').count(), lines, "{text:?}");
        }
    }

    #[test]
    fn sixteen_bits_a_letter_are_refused_with_or_without_a_mark() {
        for bytes in [&b"\xff\xfes\0k\0u\0"[..], b"\xfe\xff\0s\0k", b"s\0k\0u\0", b"\0s\0k\0u"] {
            assert!(written(bytes).is_none(), "{bytes:?}");
        }
    }
}
