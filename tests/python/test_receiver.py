"""The example of somebody who is told of payments, told by a real server: signed, once, and after it was away."""

import sys
import time
import unittest

from example import WAITS, Example, request
from server import ROOT, Server

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver(unittest.TestCase):
    def run_with(self, secret):
        """A server that tells the example, as examples/notifications.toml has it, and signs with this secret."""
        example = ROOT / "examples" / "python" / "receiver.py"
        receiver = Example(lambda port, _: [sys.executable, example, "--port", port, "--secret", SECRET])
        self.addCleanup(receiver.close)
        config = receiver.config(ROOT / "examples" / "notifications.toml", 5001)
        server = Server(config=config, BACKSTITCH__NOTIFICATIONS__ORDERS__SECRET=secret)
        self.addCleanup(server.__exit__)
        return receiver, server

    def place(self, server):
        body = {"item_name": "Kopi", "quantity": 2, "price": 85_000, "payment": {"provider": "simulated"}}
        return request("POST", f"http://{server.http}/orders?wait={WAITS}", body)["data"]

    def told(self, server, order, is_so):
        deadline = time.monotonic() + WAITS
        while True:
            found = request("GET", f"http://{server.http}/notifications?order_id={order['id']}")["data"]
            if found and is_so(found[0]):
                return found[0]
            self.assertLess(time.monotonic(), deadline, found)
            time.sleep(0.02)

    def test_a_signed_notification_is_taken_once(self):
        receiver, server = self.run_with(SECRET)
        order = self.place(server)
        self.told(server, order, lambda told: told["status"] == "delivered")
        self.assertEqual(receiver.said(f"/orders/{order['id']}/payment {{\"payment_status\":\"paid\"}}"), 1)

    def test_one_that_somebody_else_has_signed_is_not(self):
        receiver, server = self.run_with("whsec_" + "A" * 32)
        told = self.told(server, self.place(server), lambda told: told["attempts"] == 1)
        self.assertEqual((told["status"], told["last_status"]), ("pending", 401))
        self.assertEqual(receiver.said("/orders/"), 0)

    def test_who_was_away_is_told_when_somebody_asks_for_it(self):
        receiver, server = self.run_with(SECRET)
        receiver.kill()
        order = self.place(server)
        told = self.told(server, order, lambda told: told["attempts"] == 1)
        receiver.start()
        request("POST", f"http://{server.http}/notifications/{told['id']}/retry")
        self.told(server, order, lambda told: told["status"] == "delivered")
        self.assertEqual(receiver.said(f"/orders/{order['id']}/payment"), 1)


if __name__ == "__main__":
    unittest.main()
