"""An orchestrator that somebody else wrote, with nothing but the protos of the create-order saga: it drives the three
services itself, each on a port of its own, and undoes what was done when a step fails. The three are one process, and then
processes of their own."""

import json
import pathlib
import subprocess
import sys
import unittest
import urllib.request

import grpc

from server import ROOT, Server, Split

sys.path.insert(0, str(pathlib.Path(__file__).parent / "protos"))
orders, order_service = grpc.protos_and_services("order.proto")
payments, payment_service = grpc.protos_and_services("payment.proto")
shipments, shipping_service = grpc.protos_and_services("shipping.proto")

# "simulate = FAULT_REJECT" on the wire, which these protos do not know: field 11 of ProcessPaymentRequest and field 10
# of StartShippingRequest.
DECLINE = bytes([11 << 3, 1])
REFUSE = bytes([10 << 3, 1])


class Orchestrator:
    def __init__(self, server):
        self.channels = [grpc.insecure_channel(server.ports[name]) for name in (
            "order.OrderService", "payment.PaymentService", "shipping.ShippingService")]
        self.orders = order_service.OrderServiceStub(self.channels[0])
        self.payments = payment_service.PaymentServiceStub(self.channels[1])
        self.shipping = shipping_service.ShippingServiceStub(self.channels[2])

    def close(self):
        for channel in self.channels:
            channel.close()

    def create_order_saga(self, user_id, amount, payment=b"", shipping=b""):
        """The order's id and what the user is told; the last two are fields of which the protos know nothing."""
        order_id = self.orders.CreateOrder(orders.CreateOrderRequest(user_id=user_id), timeout=60).order_id
        request = payments.ProcessPaymentRequest(order_id=order_id, amount=amount)
        request.MergeFromString(payment)
        paid = self.payments.ProcessPayment(request, timeout=60)
        if paid.status != "SUCCESS":
            self.orders.CancelOrder(orders.CancelOrderRequest(order_id=order_id), timeout=60)
            return order_id, "Payment failed. Order has been cancelled."
        request = shipments.StartShippingRequest(order_id=order_id)
        request.MergeFromString(shipping)
        shipped = self.shipping.StartShipping(request, timeout=60)
        if shipped.status != "SHIPPED":
            cancelled = shipments.CancelShippingRequest(shipment_id=shipped.shipment_id)
            assert self.shipping.CancelShipping(cancelled, timeout=60).status == "CANCELLED"
            refund = payments.RefundPaymentRequest(payment_id=paid.payment_id)
            assert self.payments.RefundPayment(refund, timeout=60).status == "REFUNDED"
            cancel = orders.CancelOrderRequest(order_id=order_id)
            assert self.orders.CancelOrder(cancel, timeout=60).status == "CANCELLED"
            return order_id, "Shipping failed. Payment refunded and order cancelled."
        return order_id, "All steps completed successfully"


class Steps(unittest.TestCase):
    start = Server

    @classmethod
    def setUpClass(cls):
        cls.server = cls.start()
        cls.orchestrator = Orchestrator(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.orchestrator.close()
        cls.server.__exit__()

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.server.http}{path}", timeout=60) as answer:
            return json.load(answer)["data"]

    def test_all_three_outcomes_of_an_order_that_its_client_drives(self):
        for message, order, payment, faults in [
            ("All steps completed successfully", "completed", "paid", {}),
            ("Payment failed. Order has been cancelled.", "failed", "failed", {"payment": DECLINE}),
            ("Shipping failed. Payment refunded and order cancelled.", "cancelled", "refunded", {"shipping": REFUSE}),
        ]:
            order_id, told = self.orchestrator.create_order_saga(7, 170_000.0, **faults)
            self.assertEqual(told, message)
            shown = self.get(f"/orders/{order_id}")
            self.assertEqual((shown["status"], shown["payment"]["status"]), (order, payment))
            self.assertIsNone(shown["saga_id"])
            self.assertEqual(shown["customer_ref"], "7")
        self.assertTrue(self.get("/admin/audit")["clean"])

    def test_what_cannot_be_done_is_an_error_and_not_an_answer(self):
        order_id = self.orchestrator.orders.CreateOrder(orders.CreateOrderRequest(user_id=7), timeout=60).order_id
        for wish, code in [
            (lambda: self.orchestrator.payments.ProcessPayment(
                payments.ProcessPaymentRequest(order_id=order_id, amount=0.5), timeout=60), "INVALID_ARGUMENT"),
            (lambda: self.orchestrator.shipping.StartShipping(
                shipments.StartShippingRequest(order_id=order_id), timeout=60), "FAILED_PRECONDITION"),
            (lambda: self.orchestrator.payments.RefundPayment(
                payments.RefundPaymentRequest(payment_id=order_id), timeout=60), "NOT_FOUND"),
        ]:
            with self.assertRaises(grpc.RpcError) as refused:
                wish()
            self.assertEqual(refused.exception.code().name, code)

    def test_the_example_of_the_readme_runs(self):
        example = ROOT / "examples" / "python" / "drive_order.py"
        names = ("order.OrderService", "payment.PaymentService", "shipping.ShippingService")
        ports = [self.server.ports[name].rsplit(":")[-1] for name in names]
        for fail, told in [
            ([], "All steps completed successfully"),
            (["--fail", "payment"], "Payment failed. Order has been cancelled."),
            (["--fail", "shipping"], "Shipping failed. Payment refunded and order cancelled."),
        ]:
            command = [sys.executable, example, *fail, *ports]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertTrue(ran.stdout.endswith(f"{told}\n"), ran.stdout)


class StepsOfProcesses(Steps):
    """All of it again, where each service is a process with a database of its own."""

    start = Split


if __name__ == "__main__":
    unittest.main()
