//! How domain values are laid out in columns.
//!
//! Ids are 16-byte blobs, times are milliseconds, closed lists are their stable names, and what SQL
//! never looks into is JSON.

use crate::{
    domain::{
        call::Trouble,
        field::Text,
        ids::{
            NotificationId, OrderId, PaymentId, ProductId, SagaId, ShipmentId, ShopId, TransferId, VariantId,
            WarehouseId,
        },
        money::{Amount, Currency, Price},
        notifier::{NotificationStatus, TargetName},
        order::{Goods, OrderStatus},
        payment::{MovementKind, Payer, PaymentCall, PaymentStatus, Provider},
        reason::Reason,
        reference::Reference,
        saga::Status,
        shipment::{Carrier, ShipmentCall, ShipmentStatus},
        simulation::Script,
        stock::{self, ReservationStatus},
        time::Timestamp,
    },
    store::json,
};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use uuid::Uuid;

macro_rules! id_column {
    ($($id:ty),+) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.bytes())))
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?;
                Uuid::from_slice(bytes).map(Self::from_uuid).map_err(|error| FromSqlError::Other(Box::new(error)))
            }
        }
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
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let name: &'static str = self.into();
                Ok(ToSqlOutput::from(name))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
            }
        }
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
    MovementKind,
    ShipmentStatus,
    Carrier,
    ShipmentCall,
    Status,
    Reason,
    Currency,
    ReservationStatus,
    stock::MovementKind
);

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.millis()))
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

impl ToSql for Amount {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.get()))
    }
}

impl FromSql for Amount {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_i64()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Price {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.get()))
    }
}

impl FromSql for Price {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_i64()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Reference {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for Reference {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        String::column_result(value).map(Self::stored)
    }
}

impl ToSql for Payer {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for Payer {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl<const MAX: usize> ToSql for Text<MAX> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl<const MAX: usize> FromSql for Text<MAX> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().map(|text| Self::stored(text.to_owned()))
    }
}

/// A value that SQL never looks into.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    json::encode(value).map_err(unwritable)
}

/// Reads what [`to_json`] wrote.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    json::decode(text).map_err(|error| unreadable(column, error))
}

/// A script, or NULL for nothing special.
pub(super) fn script_to_json(script: Script) -> rusqlite::Result<Option<String>> {
    json::encode_script(script).map_err(unwritable)
}

/// Reads what [`script_to_json`] wrote.
pub(super) fn script_from_json(column: usize, text: Option<&str>) -> rusqlite::Result<Script> {
    json::decode_script(text).map_err(|error| unreadable(column, error))
}

/// Why a call is not answered yet; NULL where it has not been made in vain.
pub(super) fn trouble_to_json(trouble: Option<&Trouble>) -> rusqlite::Result<Option<String>> {
    trouble.map(to_json).transpose()
}

/// Reads what [`trouble_to_json`] wrote.
pub(super) fn trouble_from_json(column: usize, text: Option<&str>) -> rusqlite::Result<Option<Box<Trouble>>> {
    text.map(|text| from_json(column, text)).transpose()
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

fn unreadable(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

/// Whether an error says that a row is not what this release writes, rather than that SQLite failed.
pub(super) fn is_unreadable(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    )
}
