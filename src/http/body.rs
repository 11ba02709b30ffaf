//! Request bodies: JSON of a bounded size that arrives in a bounded time.

use super::{Code, Context, Problem, UnknownFields};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use futures::{
    StreamExt,
    future::{FutureExt, LocalBoxFuture},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;
use serde_path_to_error::Segment;
use sha2::{Digest, Sha256};
use std::{fmt, marker::PhantomData};
use tokio::time::timeout;

/// A parsed body and the bytes it was parsed from.
pub(super) struct Body<T> {
    /// The parsed body.
    pub(super) value: T,
    bytes: web::Bytes,
}

impl<T> Body<T> {
    /// SHA-256 of the bytes, which tells a repeated request from another one.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        let request = request.clone();
        async move {
            let bytes = read(&request, payload).await?;
            let value = match parse(&bytes) {
                Err(problem) if ignores_unknown_fields(&request) => parse_known(&bytes).ok_or(problem),
                parsed => parsed,
            }?;
            Ok(Self { value, bytes })
        }
        .boxed_local()
    }
}

/// The body of a request whose path says it all: none, or an empty object.
pub(super) struct NoBody(pub(super) Body<()>);

/// An object without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

impl FromRequest for NoBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        let request = request.clone();
        async move {
            let bytes = gather(&request, payload).await?;
            if !bytes.is_empty() {
                check_media_type(&request)?;
                let NoFields {} = parse(&bytes)?;
            }
            Ok(Self(Body { value: (), bytes }))
        }
        .boxed_local()
    }
}

/// The bytes of a body that says that it is JSON.
pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<web::Bytes, Problem> {
    check_media_type(request)?;
    gather(request, payload).await
}

/// That the body is JSON, as it says: no page of a browser's sends that elsewhere unasked.
fn check_media_type(request: &HttpRequest) -> Result<(), Problem> {
    if !request.content_type().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            format!("Content-Type must be application/json, is {:?}", request.content_type()),
        ));
    }
    Ok(())
}

async fn gather(request: &HttpRequest, mut payload: Payload) -> Result<web::Bytes, Problem> {
    let context = request.app_data::<web::Data<Context>>().ok_or(Code::Internal)?;
    let limit = context.max_body_bytes;
    let too_large = || Problem::new(Code::BodyTooLarge, format!("a request body may have at most {limit} bytes"));
    // A body that is announced as too large is refused before it comes.
    let announced =
        request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let gather = async {
        let mut gathered = web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
            if gathered.len() + chunk.len() > limit {
                return Err(too_large());
            }
            // A small request arrives in one piece, which is not copied again.
            if gathered.is_empty() && announced == Some(chunk.len() as u64) {
                return Ok(chunk);
            }
            gathered.extend_from_slice(&chunk);
        }
        Ok(gathered.freeze())
    };
    timeout(context.request_timeout, gather).await.unwrap_or_else(|_| Err(Code::RequestTimeout.into()))
}

/// A JSON object and nothing else: serde would also take a list of the fields' values in their order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// A field that is an object, if it is there.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(from)?.map(|Object(value)| value))
}

/// A field that is a list of objects, if it is there.
pub(super) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    let objects = Option::<Vec<Object<T>>>::deserialize(from)?;
    Ok(objects.map(|objects| objects.into_iter().map(|Object(value)| value).collect()))
}

/// Parses JSON; what cannot be accepted is said in the words of the client's own fields.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if let Ok(Object(value)) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    // Only a bad request pays for knowing whether it is JSON at all, and for the path of its bad field.
    // The first error cannot tell: where a name is expected, serde_json calls a number a syntax error.
    if let Err(error) = serde_json::from_slice::<serde_json::Value>(bytes) {
        return Err(Problem::new(Code::MalformedJson, format!("the body is not valid JSON: {error}")));
    }
    let tracked: Result<Object<T>, _> =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    Err(tracked.err().map_or_else(
        || Code::MalformedJson.into(),
        |tracked| {
            let message = tracked.inner().to_string();
            let message = match message.split(" at line ").next().unwrap_or_default() {
                "expected value" => "has the wrong type".to_owned(),
                // A client knows JSON's types, not ours.
                message => ["i64", "u64", "u32"].iter().fold(message.to_owned(), |message, number| {
                    message.replace(&format!("expected {number}"), "expected a whole number")
                }),
            };
            let path = tracked.path().to_string();
            let field = field_of(&path, &message);
            Problem::field(field, message)
        },
    ))
}

fn ignores_unknown_fields(request: &HttpRequest) -> bool {
    let context = request.app_data::<web::Data<Context>>();
    context.is_some_and(|context| context.unknown_fields == UnknownFields::Ignore)
}

/// Most fields that are passed over in a body: each costs another look at it.
const MOST_UNKNOWN: usize = 100;

/// Parses JSON without the fields that nobody knows; nothing where it cannot be accepted without them either.
fn parse_known<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut body: Value = serde_json::from_slice(bytes).ok()?;
    for _ in 0..=MOST_UNKNOWN {
        let tracked: Result<Object<T>, _> = serde_path_to_error::deserialize(&body);
        match tracked {
            Ok(Object(value)) => return Some(value),
            Err(error) => {
                let message = error.inner().to_string();
                let name = message.strip_prefix("unknown field `")?.split('`').next()?.to_owned();
                forget(&mut body, error.path(), &name)?;
            }
        }
    }
    None
}

/// Takes a field out of the object that it is in. The path leads to the field, or to the object.
fn forget(body: &mut Value, path: &serde_path_to_error::Path, name: &str) -> Option<Value> {
    let mut segments: Vec<_> = path.iter().collect();
    segments.pop_if(|last| matches!(last, Segment::Map { key } if key == name));
    let mut object = body;
    for segment in segments {
        object = match segment {
            Segment::Map { key } => object.get_mut(key)?,
            Segment::Seq { index } => object.get_mut(*index)?,
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    object.as_object_mut()?.remove(name)
}

/// The field an error is about: serde names a missing or unknown one only in its message.
fn field_of(path: &str, message: &str) -> String {
    let named = ["missing field `", "unknown field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start))
        .and_then(|rest| rest.split('`').next());
    match (path, named) {
        (".", Some(name)) => name.to_owned(),
        (".", None) => "body".to_owned(),
        (path, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
        (path, _) => path.to_owned(),
    }
}
