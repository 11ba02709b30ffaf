//! Everything that is wrong with a body, at once. Only a bad request pays for that.
//!
//! serde stops at the first field that cannot be accepted. So that field is noted and replaced by something that can be, and
//! the body is read again, until it can be read as a whole; then the rules of the domain say what else is wrong with it.

use crate::{
    domain::{checkout::Policy, field::FieldError},
    http::{Context, UnknownFields},
    service::Problem,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

/// A body whose fields have rules besides their types.
pub(in crate::http) trait Ruled: Sized {
    /// What the rules do not accept, where they are the body's own and need nothing looked up.
    fn faults(self, _policy: &Policy) -> Vec<FieldError> {
        Vec::new()
    }
}

/// What is wrong where a body's fields do not make what they should.
pub(in crate::http) fn faults_of<T>(made: Result<T, Problem>) -> Vec<FieldError> {
    made.err().map(|problem| problem.errors().to_vec()).unwrap_or_default()
}

/// Fields that a refusal names, at most.
const MOST: usize = 32;
/// Fields that are passed over in a body, at most: each costs another look at it.
const MOST_UNKNOWN: usize = 100;

/// Reads bodies of one type.
pub(super) struct Reader<'c, R> {
    pub(super) context: &'c Context,
    /// Reads a body as it is.
    pub(super) take: R,
}

impl<R> Reader<'_, R> {
    /// Reads a body in which names were found to be repeated.
    ///
    /// # Errors
    /// Every field that cannot be accepted.
    pub(super) fn read<T>(&self, mut value: Value, repeated: Vec<FieldError>) -> Result<T, Vec<FieldError>>
    where
        T: DeserializeOwned + Ruled,
        R: Fn(&Value) -> Result<T, serde_path_to_error::Error<serde_json::Error>>,
    {
        let mut faults = repeated;
        let mut replaced: Vec<String> = Vec::new();
        let may_pass = self.context.unknown_fields == UnknownFields::Ignore;
        let mut passed = 0;
        loop {
            let error = match (self.take)(&value) {
                Ok(read) if faults.is_empty() => return Ok(read),
                Ok(read) => {
                    let ruled = read.faults(self.context.service.policy()).into_iter();
                    faults.extend(ruled.filter(|fault| !replaced.iter().any(|field| is_in(&fault.field, field))));
                    return Err(faults);
                }
                Err(error) => error,
            };
            if faults.len() >= MOST {
                return Err(faults);
            }
            let fault = Fault::of(&error);
            if fault.is_unknown && may_pass && passed < MOST_UNKNOWN {
                passed += 1;
            } else {
                faults.push(FieldError { field: fault.field(), message: fault.message.clone() });
                replaced.push(fault.field());
            }
            if !fault.replace(&mut value, &self.take) {
                return Err(faults);
            }
        }
    }
}

/// Whether a field is another one or a part of it.
fn is_in(field: &str, whole: &str) -> bool {
    field.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

/// A field that serde does not accept.
struct Fault {
    /// Where it is, and what leads there; `None` where that cannot be told.
    steps: Option<Vec<Step>>,
    message: String,
    is_unknown: bool,
}

impl Fault {
    fn of(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let message = said(&error.inner().to_string());
        let named = |start: &str| message.strip_prefix(start).and_then(|rest| rest.split('`').next());
        let (missing, unknown) = (named("missing field `"), named("unknown field `"));
        let mut steps = steps(error.path());
        if let (Some(steps), Some(name)) = (&mut steps, missing.or(unknown)) {
            // serde may or may not have come to the name itself.
            let name = Step::Name(name.to_owned());
            if steps.last() != Some(&name) {
                steps.push(name);
            }
        }
        let is_unknown = unknown.is_some();
        Self { steps, message, is_unknown }
    }

    /// The field's path, as a client reads it.
    fn field(&self) -> String {
        let mut path = String::new();
        for step in self.steps.iter().flatten() {
            match step {
                Step::Name(name) if path.is_empty() => path.push_str(name),
                Step::Name(name) => path = format!("{path}.{name}"),
                Step::Index(index) => path = format!("{path}[{index}]"),
            }
        }
        if path.is_empty() && self.steps.as_ref().is_none_or(Vec::is_empty) { "body".to_owned() } else { path }
    }

    /// Makes the body one that this field does not keep from being read; whether that could be.
    fn replace<T, R>(&self, value: &mut Value, take: &R) -> bool
    where
        R: Fn(&Value) -> Result<T, serde_path_to_error::Error<serde_json::Error>>,
    {
        let Some(steps) = self.steps.as_deref().filter(|steps| !steps.is_empty()) else { return false };
        if self.is_unknown {
            return remove(value, steps);
        }
        let mut candidates = vec![
            Value::Null,
            json!([]),
            json!({}),
            json!(true),
            json!(1),
            json!("00000000-0000-7000-8000-000000000000"),
        ];
        while let Some(candidate) = candidates.pop() {
            if !put(value, steps, candidate) {
                return false;
            }
            let Err(error) = take(value) else { return true };
            let still = Self::of(&error);
            if !still.steps.as_deref().is_some_and(|other| other.starts_with(steps)) {
                return true;
            }
            // A word that is one of a few says which there are.
            let expected = still.message.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("expected"));
            if let Some(word) = expected.and_then(|(_, words)| words.split('`').nth(1)) {
                candidates.push(word.into());
            }
        }
        false
    }
}

fn steps(path: &Path) -> Option<Vec<Step>> {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Name(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// The value at the end of a path.
fn at<'v>(value: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Name(name) => value.get_mut(name),
        Step::Index(index) => value.get_mut(index),
    })
}

fn put(value: &mut Value, steps: &[Step], candidate: Value) -> bool {
    let Some((last, before)) = steps.split_last() else { return false };
    match (at(value, before), last) {
        (Some(Value::Object(fields)), Step::Name(name)) => drop(fields.insert(name.clone(), candidate)),
        (Some(Value::Array(items)), Step::Index(index)) if *index < items.len() => items[*index] = candidate,
        _ => return false,
    }
    true
}

fn remove(value: &mut Value, steps: &[Step]) -> bool {
    match steps.split_last() {
        Some((Step::Name(name), before)) => {
            at(value, before).and_then(Value::as_object_mut).is_some_and(|fields| fields.remove(name).is_some())
        }
        _ => false,
    }
}

/// What is wrong with a field in the words of the client, who knows JSON's types and not ours.
fn said(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    ["i64", "u64", "u32"].iter().fold(message.to_owned(), |message, number| {
        message.replace(&format!("expected {number}"), "expected a whole number")
    })
}
