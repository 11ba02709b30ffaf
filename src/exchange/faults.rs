//! What is wrong with a file: where, and with which value.

use std::fmt;

/// Most faults that are told one by one.
const SHOWN: usize = 20;
/// Most characters of a value that are shown.
const VALUE: usize = 60;

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line that the row begins in, from 1.
    pub line: u64,
    /// The column, where it is one's, and what stands there.
    pub cell: Option<(String, String)>,
    /// What is wrong with it.
    pub message: String,
}

/// All that is wrong with a file: the first of it, and how much it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    first: Vec<Fault>,
    count: u64,
}

impl Faults {
    /// Notes a fault.
    pub(super) fn add(&mut self, line: u64, cell: Option<(&str, &str)>, message: impl Into<String>) {
        self.count += 1;
        if self.first.len() < SHOWN {
            let cell = cell.map(|(column, value)| (column.to_owned(), value.to_owned()));
            self.first.push(Fault { line, cell, message: message.into() });
        }
    }

    /// Whether nothing is wrong.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first of them, in the order of the file.
    pub fn first(&self) -> &[Fault] {
        &self.first
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some((column, value)) = &self.cell {
            let shown: String = value.chars().take(VALUE).collect();
            let more = if shown.len() < value.len() { "…" } else { "" };
            write!(f, ", column {column}, {shown:?}{more}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
        match self.count - self.first.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
