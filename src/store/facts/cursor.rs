//! One owner's rows in the order of a key.

use super::{Keyed, Readable};

/// Rows that come one after the other in the order of their key, of which one is held at a time.
pub(super) struct Cursor<'s, K, T, E> {
    rows: Keyed<'s, K, T, E>,
    head: Option<(K, Readable<T>)>,
}

impl<'s, K: Copy + PartialEq, T, E> Cursor<'s, K, T, E> {
    pub(super) fn new(mut rows: Keyed<'s, K, T, E>) -> Result<Self, E> {
        let head = rows.next().transpose()?;
        Ok(Self { rows, head })
    }

    pub(super) fn key(&self) -> Option<K> {
        self.head.as_ref().map(|(key, _)| *key)
    }

    /// The next row if it is of this key.
    pub(super) fn take(&mut self, key: K) -> Result<Option<Readable<T>>, E> {
        self.take_if(|next| next == key).map(|head| head.map(|(_, value)| value))
    }

    /// The next row if its key is one of these.
    pub(super) fn take_if(&mut self, is_wanted: impl FnOnce(K) -> bool) -> Result<Option<(K, Readable<T>)>, E> {
        if !self.key().is_some_and(is_wanted) {
            return Ok(None);
        }
        let next = self.rows.next().transpose()?;
        Ok(std::mem::replace(&mut self.head, next))
    }

    /// All rows of this key.
    pub(super) fn take_all(&mut self, key: K) -> Result<Vec<Readable<T>>, E> {
        let mut all = Vec::new();
        while let Some(value) = self.take(key)? {
            all.push(value);
        }
        Ok(all)
    }
}
