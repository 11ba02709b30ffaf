//! Request bodies: JSON of a bounded size that arrives in a bounded time.

mod document;
mod faults;

pub(super) use document::meaning_of;
pub(super) use faults::{Ruled, faults_of};

use super::{Code, Context, Problem};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
    web,
};
use document::{Document, meaning};
use futures::{
    StreamExt,
    future::{FutureExt, LocalBoxFuture},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;
use std::{fmt, marker::PhantomData};
use tokio::time::timeout;

/// What some editors and languages put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A parsed body.
pub(super) struct Body<T> {
    /// What it says.
    pub(super) value: T,
}

/// What tells a repeated request from another one.
pub(super) trait Meaning {
    /// SHA-256 of what the body means.
    fn meaning(&self) -> [u8; 32];
}

impl<T: Serialize> Meaning for Body<T> {
    fn meaning(&self) -> [u8; 32] {
        meaning(&self.value)
    }
}

impl<T: Serialize> Meaning for OptionalBody<T> {
    fn meaning(&self) -> [u8; 32] {
        meaning(&self.value)
    }
}

impl<T: DeserializeOwned + Ruled + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        let request = request.clone();
        async move {
            let bytes = read(&request, payload).await?;
            parse(&bytes, context(&request)?).map(|value| Self { value })
        }
        .boxed_local()
    }
}

/// The body of a request that can do without one: none, an empty object, or what there is to say. A body that does not say what
/// it is is JSON.
pub(super) struct OptionalBody<T> {
    /// What it says.
    pub(super) value: T,
}

impl<T: DeserializeOwned + Default + Ruled + 'static> FromRequest for OptionalBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        let request = request.clone();
        async move {
            let bytes = gather(&request, payload).await?;
            if bytes.is_empty() || bytes.trim_ascii() == b"null" {
                return Ok(Self { value: T::default() });
            }
            if request.headers().contains_key(CONTENT_TYPE) {
                check_media_type(&request)?;
            }
            parse(&bytes, context(&request)?).map(|value| Self { value })
        }
        .boxed_local()
    }
}

/// The body of a request whose path says it all: none, or an empty object.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

impl Ruled for NoFields {}

/// What a request that needs no body says.
pub(super) type NoBody = OptionalBody<NoFields>;

fn context(request: &HttpRequest) -> Result<&web::Data<Context>, Problem> {
    request.app_data::<web::Data<Context>>().ok_or_else(|| Code::Internal.into())
}

/// The bytes of a body that says that it is JSON.
pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<web::Bytes, Problem> {
    check_media_type(request)?;
    gather(request, payload).await
}

/// That the body is JSON, as it says, in the one encoding that JSON has: no page of a browser's sends that elsewhere unasked.
fn check_media_type(request: &HttpRequest) -> Result<(), Problem> {
    let refused = |what: String| Err(Problem::new(Code::UnsupportedMediaType, what));
    if !request.content_type().eq_ignore_ascii_case("application/json") {
        return refused(format!("Content-Type must be application/json, is {:?}", request.content_type()));
    }
    let headers = request.headers();
    let parameters =
        headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default().split(';').skip(1);
    for parameter in parameters {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let charset = value.trim().trim_matches('"');
        let is_utf_8 = ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known));
        if name.trim().eq_ignore_ascii_case("charset") && !is_utf_8 {
            return refused(format!("JSON is sent as UTF-8, the charset of this body is {charset}"));
        }
    }
    if let Some(encoding) = headers.get_all(CONTENT_ENCODING).find(|encoding| *encoding != "identity") {
        return refused(format!("a body must be sent as it is, the Content-Encoding of this one is {encoding:?}"));
    }
    Ok(())
}

async fn gather(request: &HttpRequest, mut payload: Payload) -> Result<web::Bytes, Problem> {
    let context = context(request)?;
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

/// Parses JSON; everything that cannot be accepted is said at once, in the words of the client's own fields.
fn parse<T: DeserializeOwned + Ruled>(bytes: &[u8], context: &Context) -> Result<T, Problem> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if let Ok(Object(value)) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    // Only a bad request, or one with a whole number that is written as a fraction, pays for knowing what is wrong.
    let Document { value, repeated } = Document::parse(bytes)
        .map_err(|error| Problem::new(Code::MalformedJson, format!("the body is not valid JSON: {error}")))?;
    let take = |value: &Value| serde_path_to_error::deserialize::<_, Object<T>>(value).map(|Object(value)| value);
    faults::Reader { context, take }.read(value, repeated).map_err(Problem::invalid)
}
