//! A listener of its own for clients of a payment notifier: payments with integer ids in bare JSON, for orders that live
//! in somebody else's order service.
//!
//! ```text
//!   POST /payments {order_id, user_id, amount} ─▶ 201 {"message": "Pembayaran diproses", "payment_id": 1}
//!   GET  /payments/1                           ─▶ {id, order_id, user_id, amount, status: "paid"}
//!   everything else                            ─▶ {"error": "…"}
//! ```
//!
//! Its texts are in the language that its clients show them in. Nothing here is a part of the REST API.

use super::{Context, Problem, body, idempotency};
use crate::{
    domain::{
        money::Amount,
        notifier::{ExternalPayment, GivenId},
    },
    service::Code,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Serialize;
use serde_json::{Map, Value};

const MISSING: &str = "order_id, user_id, dan amount wajib diisi";
const NOT_FOUND: &str = "Pembayaran tidak ditemukan";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let payments = web::resource("/payments").route(web::post().to(pay)).default_service(web::to(post_alone));
    let payment = web::resource("/payments/{id}").route(web::get().to(read)).default_service(web::to(get_alone));
    config.service(payments).service(payment).default_service(web::to(nothing_here));
}

async fn post_alone() -> HttpResponse {
    not_allowed("POST")
}

async fn get_alone() -> HttpResponse {
    not_allowed("GET")
}

fn not_allowed(allowed: &'static str) -> HttpResponse {
    let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, "Metode tidak didukung");
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
    response
}

async fn nothing_here() -> HttpResponse {
    refused(StatusCode::NOT_FOUND, "Alamat tidak ditemukan")
}

/// Why a request is not served.
#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
}

/// A payment that was taken in.
#[derive(Serialize)]
struct Paid {
    message: &'static str,
    payment_id: i64,
}

/// A payment.
#[derive(Serialize)]
struct PaymentBody {
    id: i64,
    order_id: GivenId,
    user_id: GivenId,
    amount: i64,
    status: &'static str,
}

impl From<ExternalPayment> for PaymentBody {
    fn from(payment: ExternalPayment) -> Self {
        let ExternalPayment { id, order_id, user_id, amount, .. } = payment;
        Self { id, order_id, user_id, amount: amount.get(), status: "paid" }
    }
}

fn refused(status: StatusCode, error: &str) -> HttpResponse {
    HttpResponse::build(status).json(Refused { error })
}

/// A problem of the product in this listener's words.
fn of_problem(problem: &Problem) -> HttpResponse {
    let status = StatusCode::from_u16(problem.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = refused(
        status,
        match problem.code() {
            Code::PaymentNotFound => NOT_FOUND,
            Code::IdempotencyKeyReused => "Idempotency-Key sudah dipakai untuk permintaan lain",
            Code::InvalidRequest => "Idempotency-Key tidak valid",
            Code::UnsupportedMediaType => "Content-Type harus application/json",
            Code::BodyTooLarge => "Isi permintaan terlalu besar",
            Code::RequestTimeout => "Permintaan terlalu lama",
            code if code.status() < 500 => "Permintaan tidak valid",
            code if code.status() == 503 => "Layanan sedang tidak tersedia, coba lagi",
            _ => "Terjadi kesalahan",
        },
    );
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}

/// A field, unless it is missing as a form leaves one out: not there, null or an empty text.
fn field(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    fields.remove(name).filter(|value| !value.is_null() && *value != "")
}

/// An order and who pays how much for it; what is wrong where something is.
fn fields(bytes: &[u8]) -> Result<(GivenId, GivenId, Amount), &'static str> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(bytes) else {
        return Err("Isi permintaan harus berupa objek JSON");
    };
    let [order_id, user_id, amount] = ["order_id", "user_id", "amount"].map(|name| field(&mut fields, name));
    let (Some(order_id), Some(user_id), Some(amount)) = (order_id, user_id, amount) else { return Err(MISSING) };
    let given = |id: Value| match id {
        Value::String(text) => GivenId::text(text).ok(),
        Value::Number(number) => number.as_i64().map(GivenId::Number),
        _ => None,
    };
    let wrong = "order_id dan user_id harus berupa bilangan bulat atau teks 1-64 karakter tanpa spasi";
    let (order_id, user_id) = given(order_id).zip(given(user_id)).ok_or(wrong)?;
    // A whole number that is written as a fraction, 20000.0, is one all the same; nothing is rounded.
    let amount = match &amount {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Amount::parse(whole).ok().filter(|amount| *amount > Amount::ZERO),
            (None, Some(fraction)) => Amount::parse_whole(fraction).ok(),
            (None, None) => None,
        },
        _ => None,
    };
    Ok((order_id, user_id, amount.ok_or("amount harus bilangan bulat positif")?))
}

async fn pay(request: HttpRequest, payload: web::Payload, context: web::Data<Context>) -> HttpResponse {
    let bytes = match body::read(&request, payload.into_inner()).await {
        Ok(bytes) => bytes,
        Err(problem) => return of_problem(&problem),
    };
    let (order_id, user_id, amount) = match fields(&bytes) {
        Ok(fields) => fields,
        Err(why) => return refused(StatusCode::BAD_REQUEST, why),
    };
    let claim = match idempotency::claim_of(&request, "resto", &bytes) {
        Ok(claim) => claim,
        Err(problem) => return of_problem(&problem),
    };
    match context.service.pay_external(order_id, user_id, amount, claim).await {
        Ok(paid) => {
            let mut response = HttpResponse::Created();
            if paid.replayed {
                response.insert_header(("Idempotent-Replayed", "true"));
            }
            response.json(Paid { message: "Pembayaran diproses", payment_id: paid.payment.id })
        }
        Err(error) => of_problem(&error.into()),
    }
}

async fn read(request: HttpRequest, context: web::Data<Context>) -> HttpResponse {
    let text = request.match_info().query("id");
    let Ok(id) = text.parse::<i64>() else { return refused(StatusCode::NOT_FOUND, NOT_FOUND) };
    match context.service.external_payment(id).await {
        Ok(payment) => HttpResponse::Ok().json(PaymentBody::from(payment)),
        Err(error) => of_problem(&error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<(String, String, i64), &'static str> {
        let (order, user, amount) = fields(json.as_bytes())?;
        let json = |id: &GivenId| serde_json::to_string(id).unwrap();
        Ok((json(&order), json(&user), amount.get()))
    }

    #[test]
    fn ids_are_numbers_or_texts_and_stay_what_they_were() {
        let read = |order: &str| read(&format!(r#"{{"order_id":{order},"user_id":7,"amount":20000,"note":"x"}}"#));
        assert_eq!(read("12"), Ok(("12".into(), "7".into(), 20_000)));
        assert_eq!(read(r#""12""#), Ok((r#""12""#.into(), "7".into(), 20_000)));
        for wrong in ["1.5", "true", "[]", "{}", r#""a b""#, r#""..""#, "99999999999999999999"] {
            assert!(read(wrong).is_err_and(|why| why.starts_with("order_id dan user_id")), "{wrong}");
        }
        for missing in ["null", r#""""#] {
            assert_eq!(read(missing), Err(MISSING), "{missing}");
        }
    }

    #[test]
    fn an_amount_is_a_positive_whole_number_and_nothing_is_rounded() {
        let read = |amount: &str| {
            read(&format!(r#"{{"order_id":1,"user_id":7,"amount":{amount}}}"#)).map(|(.., amount)| amount)
        };
        for (good, amount) in
            [("1", 1), ("20000.0", 20_000), ("2e4", 20_000), ("9007199254740991", 9_007_199_254_740_991)]
        {
            assert_eq!(read(good), Ok(amount), "{good}");
        }
        for bad in ["0", "-1", "0.5", "20000.5", r#""20000""#, "true", "1e300", "[1]"] {
            assert_eq!(read(bad), Err("amount harus bilangan bulat positif"), "{bad}");
        }
    }
}
