"""A small payment service, complete: it takes money and gives it back, once for each idempotency key, whatever happens.

    python3 examples/python/payments.py [--port 9100] [--database FILE] [--slow SECONDS]

POST /process-payment {"payment_id", "order_id", "amount"} -> {"status": "success" | "failed"}
POST /refund-payment  {"payment_id"}                       -> {"status": "refunded"}
GET  /payments/ID                                          -> {"status": "success" | "failed" | "refunded"}, or 404

The payments are kept in FILE, or among the temporary files. It declines amounts above 1,000,000. With --slow the first answer about each payment comes so late, after the money was
taken: what a caller sees as a timeout.
"""

import argparse
import contextlib
import json
import os
import sqlite3
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 1_000_000


class Payments:
    """The payments, in a database: what was answered must be true after a crash."""

    def __init__(self, path):
        self.path = path
        with self.transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS payment (id TEXT PRIMARY KEY, amount INTEGER, status TEXT) STRICT")

    @contextlib.contextmanager
    def transaction(self):
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        finally:
            db.close()

    def process(self, payment_id, amount):
        """Takes the money; whether it is the first time, and the answer, which is always the same one."""
        with self.transaction() as db:
            known = db.execute("SELECT status FROM payment WHERE id = ?", (payment_id,)).fetchone()
            if known:
                return False, known[0]
            status = "success" if amount <= LIMIT else "failed"
            db.execute("INSERT INTO payment VALUES (?, ?, ?)", (payment_id, amount, status))
            return True, status

    def refund(self, payment_id):
        """Gives back what was taken. What was never taken is closed, so that nothing late takes it."""
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO payment VALUES (?, 0, 'refunded')", (payment_id,))
            db.execute("UPDATE payment SET status = 'refunded' WHERE id = ? AND status = 'success'", (payment_id,))
        return "refunded"

    def status(self, payment_id):
        with self.transaction() as db:
            known = db.execute("SELECT status FROM payment WHERE id = ?", (payment_id,)).fetchone()
        return known and known[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        try:
            request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            payment_id = str(request["payment_id"])
            amount = int(request.get("amount", 0))
        except (KeyError, TypeError, ValueError) as error:
            return self.answer(400, {"error": f"not a request for a payment: {error!r}"})
        if self.path == "/process-payment":
            is_first, status = self.server.payments.process(payment_id, amount)
            if is_first:
                time.sleep(self.server.slow)
            return self.answer(200, {"status": status})
        if self.path == "/refund-payment":
            return self.answer(200, {"status": self.server.payments.refund(payment_id)})
        return self.answer(404, {"error": "no such path"})

    def do_GET(self):
        status = self.server.payments.status(self.path.removeprefix("/payments/"))
        return self.answer(200, {"status": status}) if status else self.answer(404, {"error": "no such payment"})

    def answer(self, code, body):
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, text, *values):
        print(f"{self.command} {self.path} {self.headers.get('Idempotency-Key', '')}: {text % values}", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=9100)
    options.add_argument("--database", default=os.path.join(tempfile.gettempdir(), "backstitch-example-payments.db"))
    options.add_argument("--slow", type=float, default=0)
    options = options.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.payments, server.slow = Payments(options.database), options.slow
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
