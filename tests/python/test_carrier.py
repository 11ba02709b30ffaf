"""The example of a carrier in Go, in front of a real server: success, refusal, timeout-but-happened, crash, duplicate."""

import concurrent.futures
import os
import time
import unittest

from example import WAITS, Example, request
from server import ROOT, Server


class Carrier(Example):
    def __init__(self, *flags):
        super().__init__(self.command_with(*flags))

    @staticmethod
    def command_with(*flags):
        return lambda port, kept: [os.environ["CARRIER"], "-port", port, "-log", kept, *flags]

    def of(self, shipment_id):
        return request("GET", f"http://127.0.0.1:{self.port}/shipments/of/{shipment_id}")


class Shipments(unittest.TestCase):
    def run_against(self, *flags):
        carrier = Carrier(*flags)
        self.addCleanup(carrier.close)
        server = Server(config=carrier.config(ROOT / "examples" / "carrier.toml", 9200))
        self.addCleanup(server.__exit__)
        return carrier, server

    def place(self, server):
        body = {"item_name": "Kopi", "quantity": 2, "price": 85_000, "payment": {"provider": "simulated"}}
        return request("POST", f"http://{server.http}/orders?wait={WAITS}", body)["data"]

    def audit(self, server):
        self.assertTrue(request("GET", f"http://{server.http}/admin/audit")["data"]["clean"])

    def assert_sent(self, carrier, order):
        shipment = order["shipments"][0]
        sent = carrier.of(shipment["id"])
        self.assertEqual((order["status"], sent["state"]), ("completed", "sent"))
        self.assertEqual((shipment["tracking_number"], shipment["carrier"]), (sent["awb"], "awb"))

    def test_an_order_is_sent_and_a_duplicate_has_the_answer_of_the_first(self):
        carrier, server = self.run_against()
        order = self.place(server)
        self.assert_sent(carrier, order)
        again = {"shipment_id": order["shipments"][0]["id"], "order_id": order["id"]}
        answer = request("POST", f"http://127.0.0.1:{carrier.port}/shipments", again)
        self.assertEqual(answer, carrier.of(again["shipment_id"]))
        self.audit(server)

    def test_a_refusal_gives_the_money_back(self):
        carrier, server = self.run_against("-closed")
        order = self.place(server)
        self.assertEqual((order["status"], order["payment"]["status"]), ("cancelled", "refunded"))
        self.assertEqual(order["saga"]["message"], "Shipping failed. Payment refunded and order cancelled.")
        self.audit(server)

    def test_goods_that_left_before_a_timeout_are_not_sent_again(self):
        carrier, server = self.run_against("-slow", "2")
        self.assert_sent(carrier, self.place(server))
        # The dispatch that timed out was asked about, and not sent again.
        self.assertEqual(carrier.said("POST /shipments"), 1)
        self.audit(server)

    def test_a_crash_of_the_carrier_costs_no_order_and_sends_nothing_twice(self):
        carrier, server = self.run_against()
        with concurrent.futures.ThreadPoolExecutor(8) as clients:
            placing = [clients.submit(self.place, server) for _ in range(40)]
            for _ in range(3):
                carrier.kill()
                time.sleep(0.1)
                carrier.start()
            orders = [placed.result() for placed in placing]
        for order in orders:
            self.assert_sent(carrier, order)
        numbers = {order["shipments"][0]["tracking_number"] for order in orders}
        self.assertEqual(len(numbers), len(orders))
        self.audit(server)


if __name__ == "__main__":
    unittest.main()
