"""The example of a payment service, in front of a real server: success, decline, timeout-but-happened, crash, duplicate."""

import concurrent.futures
import sys
import time
import unittest

from example import WAITS, Example, request
from server import ROOT, Server


class Till(Example):
    def __init__(self, slow=0):
        example = ROOT / "examples" / "python" / "payments.py"
        super().__init__(
            lambda port, kept: [sys.executable, example, "--port", port, "--database", kept, "--slow", slow])

    def status(self, payment_id):
        return request("GET", f"http://127.0.0.1:{self.port}/payments/{payment_id}")["status"]

    def charges(self):
        return self.said("POST /process-payment")


class Payments(unittest.TestCase):
    def run_against(self, slow=0):
        """A server whose provider `till` is the example, as examples/payments.toml has it."""
        till = Till(slow)
        self.addCleanup(till.close)
        server = Server(config=till.config(ROOT / "examples" / "payments.toml", 9100))
        self.addCleanup(server.__exit__)
        return till, server

    def place(self, server, price=85_000, wait=WAITS, **more):
        body = {"item_name": "Kopi", "quantity": 2, "price": price, "payment": {"provider": "till"}, **more}
        return request("POST", f"http://{server.http}/orders?wait={wait}", body)["data"]

    def audit(self, server):
        self.assertTrue(request("GET", f"http://{server.http}/admin/audit")["data"]["clean"])

    def test_success_decline_and_refund(self):
        till, server = self.run_against()
        paid = self.place(server)
        self.assertEqual((paid["status"], till.status(paid["payment"]["id"])), ("completed", "success"))
        declined = self.place(server, price=600_000)
        self.assertEqual((declined["status"], till.status(declined["payment"]["id"])), ("failed", "failed"))
        unshipped = self.place(server, simulate={"shipping": "fail"})
        self.assertEqual((unshipped["status"], till.status(unshipped["payment"]["id"])), ("cancelled", "refunded"))
        self.audit(server)

    def test_money_that_was_taken_before_a_timeout_is_not_taken_again(self):
        till, server = self.run_against(slow=3)
        order = self.place(server)
        self.assertEqual((order["status"], till.status(order["payment"]["id"])), ("completed", "success"))
        # The charge that timed out was asked about, and not sent again.
        self.assertLessEqual(till.charges(), 1)
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
        self.assertEqual({till.status(order["payment"]["id"]) for order in orders}, {"success"})
        self.audit(server)

    def test_a_duplicate_has_the_answer_of_the_first(self):
        till, server = self.run_against()
        order = self.place(server)
        again = {"payment_id": order["payment"]["id"], "order_id": order["id"], "amount": 170_000}
        answer = request("POST", f"http://127.0.0.1:{till.port}/process-payment", again)
        self.assertEqual(answer, {"status": "success"})


if __name__ == "__main__":
    unittest.main()
