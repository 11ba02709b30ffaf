//! Reports of what became of a shipment, by people who send goods, or who settle what a carrier does not answer.
//!
//! A manual shipment is dispatched when somebody says so. That goods never left, or are back, can be said of a manual
//! shipment that is requested, and of any shipment whose order waits for a carrier to call them back: one that is gone, or
//! never answers.

use super::{Shipment, ShipmentCall, ShipmentStatus, Shipping};
use crate::domain::{
    ids::{OrderId, ShipmentId},
    reason::Reason,
    reference::{Named, TrackingNumber},
};
use serde::{Deserialize, Serialize};

/// What became of a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShipmentReport {
    /// The goods are on their way.
    Dispatched {
        /// What the customer follows them by.
        tracking_number: Option<TrackingNumber>,
    },
    /// They never left, or are back.
    Cancelled,
}

/// Somebody reports what became of a shipment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportShipment {
    /// The order.
    pub order_id: OrderId,
    /// Which of its shipments.
    pub shipment_id: ShipmentId,
    /// What became of it.
    pub report: ShipmentReport,
}

/// Why a report is refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ShipmentRefusal {
    /// Its carrier says itself what becomes of it.
    #[error("the shipment is carried by {0}, which says itself what becomes of it; only manual shipments are reported")]
    NotManual(String),
    /// The goods have left, or not, as was said before.
    #[error("the shipment is {0}, and cannot be reported as anything else")]
    Decided(&'static str),
    /// It was dispatched under another tracking number.
    #[error("the shipment is on its way under {0:?}")]
    OtherTrackingNumber(String),
    /// Its order is being asked.
    #[error("the shipment's order is being asked; try again shortly")]
    UnderWay,
}

impl Shipment {
    /// Whether the report is news, and may be made.
    ///
    /// # Errors
    /// It may not.
    pub fn check_report(&self, report: &ShipmentReport) -> Result<bool, ShipmentRefusal> {
        use ShipmentStatus::{Cancelled, Requested, Shipped};
        let decided = Err(ShipmentRefusal::Decided(self.status.as_str()));
        match (report, self.status) {
            (ShipmentReport::Dispatched { tracking_number }, Shipped) => match (tracking_number, &self.tracking_number)
            {
                (Some(said), Some(known)) if said.as_str() != known => {
                    Err(ShipmentRefusal::OtherTrackingNumber(known.clone()))
                }
                _ => Ok(false),
            },
            (ShipmentReport::Cancelled, Cancelled) => Ok(self.call.is_some()),
            (_, Requested) if !self.carrier.is_manual() => {
                Err(ShipmentRefusal::NotManual(self.carrier.as_str().to_owned()))
            }
            (_, Requested) if self.call == Some(ShipmentCall::DispatchOrder) => Err(ShipmentRefusal::UnderWay),
            (_, Requested) => Ok(true),
            (ShipmentReport::Dispatched { .. }, Cancelled) | (ShipmentReport::Cancelled, Shipped) => decided,
        }
    }
}

/// Takes a report in. True when a waiting saga should ask again.
pub(super) fn take_in(shipping: &mut Shipping, said: &ReportShipment) -> bool {
    let Some(shipment) = shipping.0.iter_mut().find(|shipment| shipment.id == said.shipment_id) else { return false };
    if shipment.check_report(&said.report) != Ok(true) {
        return false;
    }
    match &said.report {
        ShipmentReport::Dispatched { tracking_number } => {
            shipment.ship(Named { reference: None, tracking_number: tracking_number.clone() });
            shipment.answered(ShipmentCall::CompleteOrder);
        }
        ShipmentReport::Cancelled => {
            shipment.close(Reason::ShippingFailed);
            shipment.answered(ShipmentCall::ReturnOrder);
        }
    }
    true
}
