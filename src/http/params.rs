//! Path and query parameters.

use super::{Code, Problem};
use crate::{
    domain::{
        field::FieldErrors,
        time::{Moment, Timestamp},
    },
    service::MAX_WAIT_SECONDS,
    store::Page,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    future::{Ready, ready},
    str::FromStr,
    time::Duration,
};
use uuid::Uuid;

/// The id in the path.
pub(super) fn path_id<T>(request: &HttpRequest, make: fn(Uuid) -> T) -> Result<T, Problem> {
    named_path_id(request, "id", make)
}

/// The id in the path that has this name there.
pub(super) fn named_path_id<T>(request: &HttpRequest, name: &str, make: fn(Uuid) -> T) -> Result<T, Problem> {
    let text = request.match_info().query(name);
    Uuid::parse_str(text)
        .map(make)
        .map_err(|error| Problem::new(Code::InvalidId, format!("the id {text:?} is not a UUID: {error}")))
}

/// The query's parameters: each may be given once, and all must be known.
#[derive(Debug, Default)]
pub(super) struct Query {
    values: HashMap<String, String>,
    pub(super) errors: FieldErrors,
}

impl FromRequest for Query {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = request.query_string();
        if query.is_empty() {
            return ready(Ok(Self::default()));
        }
        let pairs = web::Query::<Vec<(String, String)>>::from_query(query).map(web::Query::into_inner);
        ready(match pairs {
            Ok(pairs) => {
                let mut parsed = Self::default();
                for (name, value) in pairs {
                    // No text that is stored or looked for has one, and PostgreSQL takes none.
                    if value.contains('\0') || name.contains('\0') {
                        parsed.errors.add(name.replace('\0', ""), "must not contain the character U+0000");
                    }
                    if parsed.values.insert(name.clone(), value).is_some() {
                        parsed.errors.add(name, "is given more than once");
                    }
                }
                Ok(parsed)
            }
            Err(error) => Err(Problem::field("query", error.to_string())),
        })
    }
}

impl Query {
    /// Takes a parameter's text.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// Notes a parameter that must be given and is not.
    pub(super) fn require(&mut self, name: &str) {
        if !self.values.contains_key(name) {
            self.errors.add(name, "is missing");
        }
    }

    /// Takes a parameter of a type that parses; `expected` says of what kind.
    pub(super) fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.errors.add(name, format!("must be {expected}, is {text:?}"));
        }
        parsed
    }

    /// Takes a parameter that a rule of the domain takes in.
    pub(super) fn checked<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = parse(self.text(name)?);
        self.errors.check(name, parsed)
    }

    /// Takes one or several values of a closed list, with commas between them; `expected` says which there are.
    pub(super) fn several<T: FromStr + PartialEq>(&mut self, name: &str, expected: &str) -> Vec<T> {
        self.several_words(name, expected, |word| word.parse().into_iter().collect())
    }

    /// As [`Self::several`], of words each of which may stand for several values.
    pub(super) fn several_words<T: PartialEq>(
        &mut self,
        name: &str,
        expected: &str,
        meant: impl Fn(&str) -> Vec<T>,
    ) -> Vec<T> {
        let Some(text) = self.text(name) else { return Vec::new() };
        let mut values = Vec::new();
        for word in text.split(',') {
            let meant = meant(word.trim());
            if meant.is_empty() {
                let message = format!("must be {expected}, or several of these with commas, is {text:?}");
                self.errors.add(name, message);
                return Vec::new();
            }
            for value in meant {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        values
    }

    /// Takes a time, or a day in UTC.
    pub(super) fn moment(&mut self, name: &str) -> Option<Moment> {
        self.checked(name, |text| with_plus(&text).parse::<Moment>())
    }

    /// Takes a time, or a day, which stands for its first instant in UTC.
    pub(super) fn time(&mut self, name: &str) -> Option<Timestamp> {
        self.moment(name).map(Moment::start)
    }

    /// Takes `wait`, in seconds.
    pub(super) fn wait(&mut self) -> Duration {
        let expected = format!("a whole number of seconds from 0 to {MAX_WAIT_SECONDS}");
        let wait = self.parsed::<u64>("wait", &expected).unwrap_or(0);
        if wait > MAX_WAIT_SECONDS {
            self.errors.add("wait", format!("must be {expected}, is {wait}"));
        }
        Duration::from_secs(wait)
    }

    /// Takes `limit` and `cursor`. The page holds one more than the limit, to know whether more follow.
    pub(super) fn page<Id>(&mut self, make: fn(Uuid) -> Id) -> (u32, Page<Id>) {
        let (limit, before) = self.part::<Uuid>();
        (limit, Page { before: before.map(make), limit: limit + 1 })
    }

    /// Takes `limit` and a `cursor` of any kind.
    pub(super) fn part<Cursor: FromStr>(&mut self) -> (u32, Option<Cursor>) {
        let limit = self.parsed::<u32>("limit", "a whole number from 1 to 100").unwrap_or(20);
        let allowed = (1..=100).contains(&limit);
        if !allowed {
            self.errors.add("limit", format!("must be a whole number from 1 to 100, is {limit}"));
        }
        let cursor = self.parsed("cursor", "a next_cursor of an earlier answer");
        (if allowed { limit } else { 1 }, cursor)
    }

    /// Takes `active`.
    pub(super) fn active(&mut self) -> Option<bool> {
        self.parsed("active", "true or false")
    }

    /// Ends the reading: everything that was given must have been taken and be valid.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let mut unknown: Vec<_> = self.values.into_keys().collect();
        unknown.sort();
        unknown.into_iter().for_each(|name| self.errors.add(name, "is not a parameter of this resource"));
        self.errors.finish().map_err(Problem::invalid)
    }
}

/// A time whose offset's plus sign its client has not escaped: in a query, it is a space.
fn with_plus(text: &str) -> Cow<'_, str> {
    match text.rsplit_once(' ') {
        Some((time, offset)) if time.contains(['T', 't']) && offset.len() == "07:00".len() => {
            format!("{time}+{offset}").into()
        }
        _ => text.into(),
    }
}
