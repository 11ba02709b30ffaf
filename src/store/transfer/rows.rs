//! Rows on their way: by column, as both backends understand them.

use super::tables::{Column, Kind, Table};
use std::fmt;
use uuid::Uuid;

/// A part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Part {
    Id(Uuid),
    Number(i64),
    Text(String),
}

/// Which row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Key(pub(in crate::store) Vec<Part>);

/// Written so that a person finds the row by it, and [`Key::parse`] understands it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "/" })?;
            match part {
                Part::Id(id) => id.fmt(f)?,
                Part::Number(number) => number.fmt(f)?,
                Part::Text(text) => f.write_str(&text.replace('%', "%25").replace('/', "%2F"))?,
            }
        }
        Ok(())
    }
}

impl Key {
    /// What was written of a table's key.
    pub(in crate::store) fn parse(table: &Table, text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('/').collect();
        let read = |(part, column): (&&str, &Column)| match column.kind {
            Kind::Id => Uuid::parse_str(part).ok().map(Part::Id),
            Kind::Number => part.parse().ok().map(Part::Number),
            Kind::Text => Some(Part::Text(part.replace("%2F", "/").replace("%25", "%"))),
            Kind::Flag | Kind::Bytes => None,
        };
        if parts.len() != table.key.len() {
            return None;
        }
        parts.iter().zip(table.key).map(read).collect::<Option<_>>().map(Self)
    }
}

/// The values of a column.
#[derive(Debug)]
pub(in crate::store) enum Values {
    Ids(Vec<Option<Uuid>>),
    Numbers(Vec<Option<i64>>),
    Flags(Vec<Option<bool>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Values {
    const fn new(kind: Kind) -> Self {
        match kind {
            Kind::Id => Self::Ids(Vec::new()),
            Kind::Number => Self::Numbers(Vec::new()),
            Kind::Flag => Self::Flags(Vec::new()),
            Kind::Text => Self::Texts(Vec::new()),
            Kind::Bytes => Self::Bytes(Vec::new()),
        }
    }

    /// One of them alone.
    pub(in crate::store) fn only(&self, row: usize) -> Self {
        fn at<T: Clone>(values: &[Option<T>], row: usize) -> Vec<Option<T>> {
            vec![values.get(row).cloned().flatten()]
        }
        match self {
            Self::Ids(values) => Self::Ids(at(values, row)),
            Self::Numbers(values) => Self::Numbers(at(values, row)),
            Self::Flags(values) => Self::Flags(at(values, row)),
            Self::Texts(values) => Self::Texts(at(values, row)),
            Self::Bytes(values) => Self::Bytes(at(values, row)),
        }
    }
}

/// Rows of one table that are written together.
#[derive(Debug)]
pub(in crate::store) struct Portion {
    /// In the order of the table's columns.
    pub(in crate::store) columns: Vec<Values>,
    /// Of each row.
    pub(in crate::store) keys: Vec<Key>,
}

impl Portion {
    pub(in crate::store) fn new(table: &Table) -> Self {
        Self { columns: table.columns.iter().map(|column| Values::new(column.kind)).collect(), keys: Vec::new() }
    }

    /// One of its rows alone.
    pub(in crate::store) fn only(&self, row: usize) -> Self {
        Self {
            columns: self.columns.iter().map(|values| values.only(row)).collect(),
            keys: self.keys.get(row).cloned().into_iter().collect(),
        }
    }

    /// How many rows.
    pub(in crate::store) fn rows(&self) -> usize {
        self.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::transfer::tables::TABLES;

    #[test]
    fn a_key_that_was_written_is_understood_whatever_stands_in_it() {
        for table in &TABLES {
            let part = |(column, number): (&Column, i64)| match column.kind {
                Kind::Id => Part::Id(Uuid::from_u128(number.unsigned_abs().into())),
                Kind::Text => Part::Text("POST /orders?a=%2F 100 %25 /".into()),
                _ => Part::Number(-number),
            };
            let key = Key(table.key.iter().zip(7..).map(part).collect());
            assert_eq!(Key::parse(table, &key.to_string()), Some(key), "{table}");
        }
    }

    #[test]
    fn a_key_of_another_table_is_none() {
        let movements = TABLES.iter().find(|table| table.name == "stock_movement").expect("a table");
        for text in ["", "7/7", "seven"] {
            assert_eq!(Key::parse(movements, text), None, "{text:?}");
        }
    }
}
