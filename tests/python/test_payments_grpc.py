"""The example of a payment service over gRPC, in front of a real server: success, decline, timeout-but-happened, crash,
duplicate."""

import concurrent.futures
import sqlite3
import sys
import time
import unittest

from example import WAITS, Example, request
from server import ROOT, Server


class Till(Example):
    def __init__(self, slow=0):
        example = ROOT / "examples" / "python" / "payments_grpc.py"
        super().__init__(
            lambda port, kept: [sys.executable, example, "--port", port, "--database", kept, "--slow", slow])

    def payments(self):
        """What was taken and given back, by order."""
        with sqlite3.connect(f"file:{self.directory.name}/kept?mode=ro", uri=True) as db:
            return db.execute("SELECT order_id, amount, status FROM payment").fetchall()


class PaymentsOverGrpc(unittest.TestCase):
    def run_against(self, slow=0):
        till = Till(slow)
        self.addCleanup(till.close)
        server = Server(config=till.config(ROOT / "examples" / "payments_grpc.toml", 9300))
        self.addCleanup(server.__exit__)
        return till, server

    def place(self, server, price=85_000, **more):
        body = {"item_name": "Kopi", "quantity": 2, "price": price, "payment": {"provider": "till"}, **more}
        return request("POST", f"http://{server.http}/orders?wait={WAITS}", body)["data"]

    def audit(self, server):
        self.assertTrue(request("GET", f"http://{server.http}/admin/audit")["data"]["clean"])

    def test_success_decline_and_refund(self):
        till, server = self.run_against()
        orders = [self.place(server), self.place(server, price=600_000), self.place(server, simulate={"shipping": "fail"})]
        self.assertEqual([order["status"] for order in orders], ["completed", "failed", "cancelled"])
        self.assertEqual(
            till.payments(),
            [
                (orders[0]["id"], 170_000.0, "SUCCESS"),
                (orders[1]["id"], 1_200_000.0, "FAILED"),
                (orders[2]["id"], 170_000.0, "REFUNDED"),
            ],
        )
        self.audit(server)

    def test_money_that_was_taken_before_a_timeout_is_not_taken_again(self):
        till, server = self.run_against(slow=2)
        order = self.place(server)
        self.assertEqual((order["status"], till.payments()), ("completed", [(order["id"], 170_000.0, "SUCCESS")]))
        # There is nothing to ask: it was sent again under its key.
        self.assertEqual(till.said("ProcessPayment"), 2)
        self.audit(server)

    def test_a_crash_of_the_service_costs_no_order_and_takes_no_money_twice(self):
        till, server = self.run_against()
        with concurrent.futures.ThreadPoolExecutor(8) as clients:
            placing = [clients.submit(self.place, server) for _ in range(40)]
            for _ in range(3):
                till.kill()
                time.sleep(0.1)
                till.start()
            orders = [placed.result() for placed in placing]
        self.assertEqual({order["status"] for order in orders}, {"completed"})
        paid = [(order_id, status) for order_id, _, status in till.payments()]
        self.assertEqual(sorted(paid), sorted((order["id"], "SUCCESS") for order in orders))
        self.audit(server)


if __name__ == "__main__":
    unittest.main()
