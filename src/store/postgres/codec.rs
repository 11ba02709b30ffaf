//! How domain values are laid out in columns, and what an error of PostgreSQL means.
//!
//! Ids are UUIDs, times are milliseconds, closed lists are their stable names, and what SQL never looks into is
//! JSON. A value that cannot be read is an [`Unreadable`], and nothing else is: the row is not what this release
//! writes, and asking again cannot help.

use crate::{
    domain::{
        call::Trouble,
        catalog::{Description, Priority, Sku},
        field::Text,
        ids::{
            NotificationId, OrderId, PaymentId, ProductId, SagaId, ShipmentId, ShopId, TransferId, VariantId,
            WarehouseId,
        },
        money::{Amount, Currency, Price},
        notifier::{NotificationStatus, TargetName},
        order::{Goods, OrderStatus},
        payment::{self, Payer, PaymentCall, PaymentStatus, Provider},
        reason::Reason,
        reference::Reference,
        saga::Status,
        shipment::{Carrier, ShipmentCall, ShipmentStatus},
        simulation::Script,
        stock::{self, ReservationStatus},
        time::Timestamp,
    },
    store::{MovementSeq, StoreError, json},
};
use bytes::BytesMut;
use serde::{Serialize, de::DeserializeOwned};
use std::error::Error;
use tokio_postgres::{
    Row,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};
use uuid::Uuid;

type Boxed = Box<dyn Error + Send + Sync>;

/// Lays a type out as another one that PostgreSQL knows: `$out` of a value is written, and what is read goes
/// through `$back`.
macro_rules! column {
    (<$($max:ident)?> $type:ty as $inner:ty, |$value:ident| $out:expr, |$read:ident| $back:expr) => {
        impl<$(const $max: usize)?> ToSql for $type {
            fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Boxed> {
                let $value = self;
                <$inner as ToSql>::to_sql(&$out, ty, out)
            }

            fn accepts(ty: &Type) -> bool {
                <$inner as ToSql>::accepts(ty)
            }

            to_sql_checked!();
        }

        impl<'a, $(const $max: usize)?> FromSql<'a> for $type {
            fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Boxed> {
                let $read = <$inner as FromSql>::from_sql(ty, raw)?;
                $back
            }

            fn accepts(ty: &Type) -> bool {
                <$inner as FromSql>::accepts(ty)
            }
        }
    };
}

macro_rules! id_column {
    ($($id:ty),+) => {$(
        column!(<> $id as Uuid, |id| id.uuid(), |id| Ok(Self::from_uuid(id)));
    )+};
}

id_column!(
    NotificationId,
    OrderId,
    PaymentId,
    SagaId,
    ShipmentId,
    ProductId,
    VariantId,
    ShopId,
    WarehouseId,
    TransferId
);

macro_rules! name_column {
    ($($name:ty),+) => {$(
        column!(<> $name as &str, |name| <&'static str>::from(name), |name| Ok(name.parse()?));
    )+};
}

name_column!(
    OrderStatus,
    Goods,
    PaymentStatus,
    PaymentCall,
    NotificationStatus,
    TargetName,
    Provider,
    payment::MovementKind,
    ShipmentStatus,
    Carrier,
    ShipmentCall,
    Status,
    Reason,
    Currency,
    ReservationStatus,
    stock::MovementKind
);

column!(<> Timestamp as i64, |at| at.millis(), |millis| Ok(Self::from_millis(millis)));
column!(<> Amount as i64, |amount| amount.get(), |amount| Ok(Self::parse(amount)?));
column!(<> Price as i64, |price| price.get(), |price| Ok(Self::parse(price)?));
column!(<> Priority as i64, |priority| priority.get(), |priority| Ok(Self::parse(priority)?));
column!(<> MovementSeq as i64, |seq| seq.0, |seq| Ok(Self(seq)));
column!(<> Payer as &str, |payer| payer.as_str(), |text| Ok(text.parse()?));
column!(<> Reference as &str, |reference| reference.as_str(), |text| Ok(Self::stored(text.to_owned())));
column!(<MAX> Text<MAX> as &str, |text| text.as_str(), |text| Ok(Self::stored(text.to_owned())));
column!(<> Sku as &str, |sku| sku.as_str(), |sku| Ok(Self::stored(sku.to_owned())));
column!(<> Description as &str, |text| text.as_str(), |text| Ok(Self::stored(text.to_owned())));

/// A stored row is not what this release writes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(Boxed);

impl Unreadable {
    /// What the row says is impossible.
    pub(super) fn because(why: impl Into<Boxed>) -> Self {
        Self(why.into())
    }
}

impl From<Unreadable> for StoreError {
    fn from(error: Unreadable) -> Self {
        Self::Poisoned(format!("a stored row cannot be read: {error}"))
    }
}

/// A column's value.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T, Unreadable> {
    row.try_get(column).map_err(|error| Unreadable(format!("column {column}: {}", said(&error)).into()))
}

/// A number that is never negative.
pub(super) fn count(row: &Row, column: usize) -> Result<u32, Unreadable> {
    let number: i64 = get(row, column)?;
    u32::try_from(number).map_err(|error| Unreadable(format!("column {column}, {number}: {error}").into()))
}

/// The SHA-256 of a request's body.
pub(super) fn hash(row: &Row, column: usize) -> Result<[u8; 32], Unreadable> {
    let bytes: &[u8] = get(row, column)?;
    bytes.try_into().map_err(|_| Unreadable(format!("column {column} has {} bytes", bytes.len()).into()))
}

/// What [`to_json`] wrote.
pub(super) fn from_json<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T, Unreadable> {
    json::decode(get(row, column)?).map_err(|error| Unreadable(format!("column {column}: {error}").into()))
}

/// What [`script_to_json`] wrote.
pub(super) fn script_from_json(row: &Row, column: usize) -> Result<Script, Unreadable> {
    json::decode_script(get(row, column)?).map_err(|error| Unreadable(format!("column {column}: {error}").into()))
}

/// A value that SQL never looks into.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    json::encode(value).map_err(|error| StoreError::Poisoned(format!("a row cannot be written: {error}")))
}

/// A script, or NULL for nothing special.
pub(super) fn script_to_json(script: Script) -> Result<Option<String>, StoreError> {
    json::encode_script(script).map_err(|error| StoreError::Poisoned(format!("a row cannot be written: {error}")))
}

/// Why a call is not answered yet, or NULL where it has not been made in vain.
pub(super) fn trouble_to_json(trouble: Option<&Trouble>) -> Result<Option<String>, StoreError> {
    trouble.map(to_json).transpose()
}

/// What [`trouble_to_json`] wrote.
pub(super) fn trouble_from_json(row: &Row, column: usize) -> Result<Option<Box<Trouble>>, Unreadable> {
    let is_there = get::<Option<&str>>(row, column)?.is_some();
    is_there.then(|| from_json(row, column)).transpose()
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        store_error(&error)
    }
}

/// What a failed statement means to whoever asked for it.
pub(super) fn store_error(error: &tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        // Its message names the constraint.
        Some(refusal) if is_refusal(refusal.code()) => StoreError::Refused(refusal.message().to_owned()),
        _ => StoreError::Unavailable(said(error)),
    }
}

/// The server's own word where it has said one, else the cause that the driver knows.
pub(super) fn said(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

/// Whether PostgreSQL says that it is the values that it does not take: a constraint, a value that its column
/// cannot hold, or one that is too large for an index.
fn is_refusal(code: &SqlState) -> bool {
    code.code().starts_with("23") || code.code().starts_with("22") || *code == SqlState::PROGRAM_LIMIT_EXCEEDED
}

/// Whether the same transaction may succeed when it is run again: another one was in its way.
pub(super) fn is_passing(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(code) if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED)
}

/// Whether the connection is gone, or about to go: another one may serve.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    let going = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    error.is_closed() || error.code().map_or_else(|| is_io(error), |code| going.contains(code))
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(<dyn Error>::is::<std::io::Error>)
}

#[cfg(test)]
mod tests;
