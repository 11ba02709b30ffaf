//! The rows of a file: its header, its lines, and cells by the names of their columns.

use super::{
    cells,
    faults::Faults,
    sniff::Written,
    tail::{END, Tail},
};
use csv::{ByteRecord, ReaderBuilder, Terminator};
use std::{
    fmt::Display,
    io::{self, Read},
};

/// A column that a file has, or may have.
pub(super) struct Column {
    pub(super) name: &'static str,
    is_optional: bool,
    /// Whether its cells may be left out at the end of a row, which spreadsheets do with empty ones.
    may_be_empty: bool,
    pub(super) is_exported: bool,
}

impl Column {
    pub(super) const fn required(name: &'static str) -> Self {
        Self { name, is_optional: false, may_be_empty: false, is_exported: true }
    }

    /// One that a file has, and whose cells can be empty.
    pub(super) const fn blank(name: &'static str) -> Self {
        Self { name, is_optional: false, may_be_empty: true, is_exported: true }
    }

    pub(super) const fn optional(name: &'static str) -> Self {
        Self { name, is_optional: true, may_be_empty: true, is_exported: true }
    }

    /// One that is read where a file has it, and is not written.
    pub(super) const fn understood(name: &'static str) -> Self {
        Self { name, is_optional: true, may_be_empty: true, is_exported: false }
    }
}

/// A file under way.
pub(super) struct Rows<R> {
    reader: csv::Reader<Tail<R>>,
    record: ByteRecord,
    /// The file's columns, in its order.
    columns: Vec<&'static Column>,
}

/// A row, and where to note what is wrong with it.
pub(super) struct Row<'r> {
    pub(super) line: u64,
    columns: &'r [&'static Column],
    cells: Vec<&'r str>,
    faults: &'r mut Faults,
}

/// What is wrong with a cell has been noted.
pub(super) struct Noted;

enum Next {
    Record { line: u64 },
    End,
    OpenQuote { line: u64 },
}

impl<R: Read> Rows<R> {
    /// Reads the header; nothing where it is not what `known` asks for.
    pub(super) fn open(
        tail: Tail<R>,
        written: Written,
        known: &'static [Column],
        faults: &mut Faults,
    ) -> Result<Option<Self>, io::Error> {
        // Lines end with LF, so that they are counted; the CR before it is taken off below. Records of any
        // length are let through, so that a wrong one is named by its line.
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(written.separator)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(tail);
        let mut rows = Self { reader, record: ByteRecord::new(), columns: Vec::new() };
        let mut first = rows.read()?;
        // Excel's own line, which says what stands between cells.
        if matches!(first, Next::Record { .. }) && rows.record.get(0).is_some_and(|cell| cell.starts_with(b"sep=")) {
            first = rows.read()?;
        }
        match first {
            Next::End => faults.add(1, None, format!("there is no header; it must name the columns {}", names(known))),
            Next::OpenQuote { line } => faults.add(line, None, OPEN_QUOTE),
            Next::Record { line } => rows.read_header(line, known, faults),
        }
        Ok(faults.is_empty().then_some(rows))
    }

    fn read_header(&mut self, line: u64, known: &'static [Column], faults: &mut Faults) {
        let named = self.record.iter().rposition(|cell| !is_blank(cell)).map_or(0, |last| last + 1);
        for cell in self.record.iter().take(named) {
            let given = String::from_utf8_lossy(cell);
            let name = cells::column(&given);
            match known.iter().find(|column| column.name == name) {
                Some(column) if self.has(column.name) => {
                    faults.add(line, None, format!("column {} is there twice", column.name));
                }
                Some(column) => self.columns.push(column),
                None => {
                    faults.add(line, None, format!("there is no column {given:?}; the columns are {}", names(known)));
                }
            }
        }
        for column in known.iter().filter(|column| !column.is_optional && !self.has(column.name)) {
            faults.add(line, None, format!("column {} is missing", column.name));
        }
    }

    /// Whether the file has a column.
    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }

    /// The next row that has as many cells as there are columns, all of them text; what is wrong with others
    /// is noted.
    pub(super) fn next<'r>(&'r mut self, faults: &'r mut Faults) -> Result<Option<Row<'r>>, io::Error> {
        let line = loop {
            let line = match self.read()? {
                Next::End => return Ok(None),
                Next::OpenQuote { line } => {
                    faults.add(line, None, OPEN_QUOTE);
                    return Ok(None);
                }
                Next::Record { line } => line,
            };
            if self.record.iter().all(is_blank) {
                continue;
            }
            let (cells, columns) = (self.record.len(), self.columns.len());
            let is_short = self.columns.iter().skip(cells).any(|column| !column.may_be_empty);
            if is_short || self.record.iter().skip(columns).any(|cell| !is_blank(cell)) {
                faults.add(line, None, format!("has {cells} cells, and the header names {columns} columns"));
            } else if let Some(at) = self.record.iter().position(|cell| std::str::from_utf8(cell).is_err()) {
                let value = String::from_utf8_lossy(&self.record[at]);
                let column = self.columns.get(at).map_or("", |column| column.name);
                faults.add(line, Some((column, &value)), "must be UTF-8");
            } else {
                break line;
            }
        };
        // Each has been looked at above.
        let cells = self.record.iter().map(|cell| cells::unprotect(std::str::from_utf8(cell).unwrap_or_default()));
        let cells = cells.collect();
        Ok(Some(Row { line, columns: &self.columns, cells, faults }))
    }

    /// Reads a record that is not an empty line, and finds out which line it begins in.
    fn read(&mut self) -> Result<Next, io::Error> {
        while self.reader.read_byte_record(&mut self.record)? {
            let breaks = self.record.iter().flatten().filter(|byte| **byte == b'\n').count() as u64;
            let at = self.reader.position().clone();
            if self.reader.get_ref().is_whole(at.byte()) {
                let is_end = self.record.len() == 1 && self.record.get(0) == Some(END);
                return Ok(if is_end { Next::End } else { Next::OpenQuote { line: at.line() - breaks } });
            }
            if self.record.get(self.record.len() - 1).is_some_and(|last| last.ends_with(b"\r")) {
                self.take_off_return();
            }
            if self.record.len() == 1 && self.record.get(0) == Some(b"") {
                continue;
            }
            return Ok(Next::Record { line: at.line() - breaks - 1 });
        }
        Ok(Next::End)
    }

    fn take_off_return(&mut self) {
        let last = self.record.len() - 1;
        let mut shorter: ByteRecord = self.record.iter().take(last).collect();
        shorter.push_field(self.record[last].strip_suffix(b"\r").unwrap_or_default());
        self.record = shorter;
    }
}

/// Whether nothing can be seen in a cell.
fn is_blank(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|text| text.trim().is_empty())
}

const OPEN_QUOTE: &str = "a quoted cell begins in this row and never ends; the file may be cut off";

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

impl<'r> Row<'r> {
    /// What stands in a column; nothing where the file has no such column.
    pub(super) fn get(&self, column: &str) -> Option<&'r str> {
        let at = self.columns.iter().position(|known| known.name == column)?;
        Some(self.cells.get(at).copied().unwrap_or_default())
    }

    /// What stands in a column that every file has.
    pub(super) fn text(&self, column: &str) -> &'r str {
        self.get(column).unwrap_or_default()
    }

    /// Notes what is wrong with a cell.
    pub(super) fn fault(&mut self, column: &'static str, message: impl Into<String>) {
        let value = self.text(column);
        self.faults.add(self.line, Some((column, value)), message);
    }

    /// The value, or its error noted at the cell.
    pub(super) fn check<T, E: Display>(&mut self, column: &'static str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.fault(column, error.to_string())).ok()
    }

    /// A cell as what it must be.
    pub(super) fn parse<T, E: Display>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        self.check(column, parse(self.text(column).to_owned()))
    }

    /// As [`Self::parse`], of a cell that can be empty.
    pub(super) fn parse_some<T, E: Display>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Result<Option<T>, Noted> {
        if self.text(column).is_empty() { Ok(None) } else { self.parse(column, parse).map(Some).ok_or(Noted) }
    }

    /// As [`Self::parse`], of a whole number.
    pub(super) fn number<T, E: Display>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(i64) -> Result<T, E>,
    ) -> Option<T> {
        let number = self.text(column).trim().parse().map_err(|_| "must be a whole number, in digits alone");
        let number = self.check(column, number)?;
        self.check(column, parse(number))
    }

    /// A cell that says yes or no.
    pub(super) fn yes_or_no(&mut self, column: &'static str) -> Option<bool> {
        self.check(column, cells::yes_or_no(self.text(column)).ok_or("must be true or false"))
    }
}
