//! Reports of what became of shipments.

use super::{Service, ServiceError, What, send};
use crate::{
    actors::ShipDirect,
    domain::{
        ids::ShipmentId,
        payment::{PaymentRefusal, Reporter},
        shipment::{ReportShipment, Shipment, ShipmentReport, ShippingCommand},
    },
};

impl Service {
    /// Takes in what became of a shipment; the shipment as it is then. Its saga goes on, and a direct order hears of it.
    ///
    /// # Errors
    /// No such shipment, nobody may report it who does, or it is decided otherwise.
    pub async fn report_shipment(
        &self,
        id: ShipmentId,
        report: ShipmentReport,
        by: Reporter,
    ) -> Result<Shipment, ServiceError> {
        let none = || ServiceError::NotFound(What::Shipment, id.to_string());
        let shipment = self.queries.shipments.shipment(id).await?.filter(Shipment::is_shown).ok_or_else(none)?;
        if !matches!(by, Reporter::Trusted | Reporter::Anybody) {
            return Err(PaymentRefusal::NotVouchedFor.into());
        }
        if !shipment.check_report(&report)? {
            return Ok(shipment);
        }
        let said = ReportShipment { order_id: shipment.order_id, shipment_id: id, report: report.clone() };
        let command = ShippingCommand::Report(said);
        let shipping = send(&self.actors.shipping.ship, || Ok(ShipDirect(command.clone()))).await??;
        let shipment = shipping.shipments().iter().find(|shipment| shipment.id == id).cloned().ok_or_else(none)?;
        // Another report may have been quicker.
        shipment.check_report(&report)?;
        Ok(shipment)
    }
}
