//! A file with something after its end.
//!
//! CSV does not say when a quoted field has never been closed: the parser makes a field of whatever is left.
//! So the file is given one more record of its own. When the parser finds that as a record, every quote before
//! it was closed; when it does not, the file ends inside one.

use indicatif::ProgressBar;
use std::io::{self, Read};

/// The field of the record after the end. What comes before it ends the last line, if the file does not.
pub(super) const END: &[u8] = b"\0";
const TAIL: &[u8] = b"\n\0";

/// Reads a file, then [`END`].
pub(super) struct Tail<R> {
    file: R,
    bar: ProgressBar,
    /// What is left of the tail, once the file has ended.
    left: Option<&'static [u8]>,
    delivered: u64,
}

impl<R: Read> Tail<R> {
    /// `bar` moves with what is read.
    pub(super) const fn new(file: R, bar: ProgressBar) -> Self {
        Self { file, bar, left: None, delivered: 0 }
    }

    /// Whether `at` bytes are all that there ever is.
    pub(super) fn is_whole(&self, at: u64) -> bool {
        self.left.is_some_and(<[u8]>::is_empty) && self.delivered == at
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.left {
            None => match self.file.read(into)? {
                0 if !into.is_empty() => {
                    self.left = Some(TAIL);
                    return self.read(into);
                }
                read => read,
            },
            Some(left) => left.read(into)?,
        };
        self.delivered += read as u64;
        self.bar.set_position(self.delivered);
        Ok(read)
    }
}
