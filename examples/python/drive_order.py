"""Drives an order itself, over gRPC and without a saga: creates it, pays it, ships it, and undoes what was done when a
step fails.

    python3 -m venv target/python
    target/python/bin/pip install -r examples/python/requirements.txt
    target/python/bin/python examples/python/drive_order.py [--fail payment|shipping] [--host HOST] [ORDER PAYMENT SHIPPING]

The last three are the ports of the three services.
"""

import argparse
import pathlib
import sys
import uuid

import grpc

# The messages and the clients are compiled from the protos here and now; a build would do it ahead.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
orders, order_service = grpc.protos_and_services("order.proto")
payments, payment_service = grpc.protos_and_services("payment.proto")
shipments, shipping_service = grpc.protos_and_services("shipping.proto")

# Every step may be sent again when its answer is lost: it is done once for an order.
PATIENCE = {"timeout": 60, "wait_for_ready": True}


class Shop:
    def __init__(self, channels):
        self.orders = order_service.OrderServiceStub(channels[0])
        self.payments = payment_service.PaymentServiceStub(channels[1])
        self.shipping = shipping_service.ShippingServiceStub(channels[2])

    def sell(self, user_id, amount, fail=None):
        """Says step by step what becomes of an order."""
        create = orders.CreateOrderRequest(user_id=user_id, idempotency_key=str(uuid.uuid4()))
        order_id = self.orders.CreateOrder(create, **PATIENCE).order_id
        yield f"order {order_id}"

        pay = payments.ProcessPaymentRequest(order_id=order_id, amount=amount)
        if fail == "payment":
            pay.simulate = payments.FAULT_REJECT
        paid = self.payments.ProcessPayment(pay, **PATIENCE)
        yield f"payment {paid.payment_id}: {paid.status}"
        if paid.status != "SUCCESS":
            self.orders.CancelOrder(orders.CancelOrderRequest(order_id=order_id), **PATIENCE)
            yield "Payment failed. Order has been cancelled."
            return

        ship = shipments.StartShippingRequest(order_id=order_id)
        if fail == "shipping":
            ship.simulate = shipments.FAULT_REJECT
        shipped = self.shipping.StartShipping(ship, **PATIENCE)
        yield f"shipment {shipped.shipment_id}: {shipped.status}"
        if shipped.status != "SHIPPED":
            # Giving the money back closes the order, too.
            self.payments.RefundPayment(payments.RefundPaymentRequest(payment_id=paid.payment_id), **PATIENCE)
            yield "Shipping failed. Payment refunded and order cancelled."
            return
        yield "All steps completed successfully"


def main():
    parser = argparse.ArgumentParser(description="Drives an order over gRPC, without a saga.")
    parser.add_argument("--fail", choices=["payment", "shipping"])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("ports", nargs="*", type=int, default=[50051, 50052, 50053])
    arguments = parser.parse_args()
    if len(arguments.ports) != 3:
        parser.error("give the ports of all three services, or none")
    channels = [grpc.insecure_channel(f"{arguments.host}:{port}") for port in arguments.ports]
    try:
        for said in Shop(channels).sell(user_id=42, amount=170_000, fail=arguments.fail):
            print(said)
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
    finally:
        for channel in channels:
            channel.close()


if __name__ == "__main__":
    main()
