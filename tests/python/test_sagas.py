"""A client that has nothing but the protos: what gRPC's own library for Python makes of them."""

import subprocess
import sys
import unittest

import grpc

from server import ROOT, Server

sys.path.insert(0, str(ROOT / "proto"))
messages, services = grpc.protos_and_services("backstitch/v1/saga.proto")

OUTCOMES = {
    (): ("ORDER_STATUS_COMPLETED", "All steps completed successfully"),
    ("payment",): ("ORDER_STATUS_FAILED", "Payment failed. Order has been cancelled."),
    ("shipping",): ("ORDER_STATUS_CANCELLED", "Shipping failed. Payment refunded and order cancelled."),
}


def order(**fields):
    return messages.PlaceOrderRequest(
        lines=[messages.LineRequest(item_name="Kopi", quantity=2, price=85_000)],
        payment=messages.PaymentTerms(provider=messages.PAYMENT_PROVIDER_SIMULATED),
        **fields,
    )


class Sagas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.channel = grpc.insecure_channel(cls.server.ports["backstitch.v1.SagaService"])
        cls.stub = services.SagaServiceStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.server.__exit__()

    def test_each_outcome_is_told_in_the_words_of_b4(self):
        for failing, (status, message) in OUTCOMES.items():
            faults = {name: messages.FAULT_REJECT for name in failing}
            placed = self.stub.PlaceOrder(order(simulate=messages.Simulation(**faults), wait_seconds=30), timeout=60)
            self.assertEqual(messages.OrderStatus.Name(placed.order.status), status)
            self.assertEqual(placed.order.saga.message, message)
            updates = list(self.stub.WatchSaga(messages.WatchSagaRequest(saga_id=placed.order.saga_id), timeout=60))
            self.assertEqual(updates[0].event.event, "saga_started")
            self.assertEqual(updates[-1].rest.message, message)

    def test_a_repeat_under_a_key_in_the_metadata_is_the_same_order(self):
        metadata = [("idempotency-key", "python-1")]
        first = self.stub.PlaceOrder(order(), metadata=metadata, timeout=60)
        again = self.stub.PlaceOrder(order(), metadata=metadata, timeout=60)
        self.assertEqual((first.replayed, again.replayed), (False, True))
        self.assertEqual(first.order.id, again.order.id)

    def test_a_bad_request_names_its_fields(self):
        with self.assertRaises(grpc.RpcError) as refused:
            self.stub.PlaceOrder(messages.PlaceOrderRequest(), timeout=60)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("lines", refused.exception.details())

    def test_the_example_of_the_readme_runs(self):
        example = ROOT / "examples" / "python" / "place_order.py"
        ran = subprocess.run([sys.executable, example, self.server.ports["backstitch.v1.SagaService"]], capture_output=True, text=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertTrue(ran.stdout.endswith("All steps completed successfully\n"), ran.stdout)
        away = subprocess.run([sys.executable, example, "127.0.0.1:1"], capture_output=True, text=True, timeout=60)
        self.assertEqual(away.returncode, 1)
        self.assertIn("127.0.0.1:1: DEADLINE_EXCEEDED", away.stderr)


if __name__ == "__main__":
    unittest.main()
