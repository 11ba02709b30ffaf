"""A small payment service over gRPC, complete: any server of payment.PaymentService will do.

    target/python/bin/python examples/python/payments_grpc.py [--port 9300] [--database FILE] [--slow SECONDS]

The payments are kept in FILE, or among the temporary files. It declines amounts above 1,000,000. With --slow the first answer about each payment comes so late, after the money was
taken: what a caller sees as a timeout.
"""

import argparse
import concurrent.futures
import os
import pathlib
import sqlite3
import sys
import tempfile
import threading
import time
import uuid

import grpc

# The messages and the server are compiled from the proto here and now; a build would do it ahead.
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
messages, services = grpc.protos_and_services("payment.proto")

LIMIT = 1_000_000


class Payments(services.PaymentServiceServicer):
    """The payments by idempotency key, in a database: what was answered must be true after a crash."""

    def __init__(self, path, slow):
        self.slow = slow
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS payment"
            " (key TEXT PRIMARY KEY, id TEXT UNIQUE, order_id TEXT, amount REAL, status TEXT) STRICT"
        )

    def ProcessPayment(self, request, context):
        key = request.idempotency_key or request.order_id
        print(f"ProcessPayment {key}, attempt {request.attempt} of saga {request.saga_id or '-'}", flush=True)
        with self.lock:
            known = self.db.execute("SELECT id, status FROM payment WHERE key = ?", (key,)).fetchone()
            if not known:
                status = "SUCCESS" if request.amount <= LIMIT else "FAILED"
                new = (key, str(uuid.uuid4()), request.order_id, request.amount, status)
                self.db.execute("INSERT INTO payment VALUES (?, ?, ?, ?, ?)", new)
        if not known:
            time.sleep(self.slow)
        payment_id, status = known or (new[1], new[4])
        # What was given back since was taken once.
        return messages.ProcessPaymentResponse(
            payment_id=payment_id, status="SUCCESS" if status == "REFUNDED" else status
        )

    def RefundPayment(self, request, context):
        # Where no money came, there is none to give back.
        with self.lock:
            update = "UPDATE payment SET status = 'REFUNDED' WHERE id = ? AND status = 'SUCCESS'"
            self.db.execute(update, (request.payment_id,))
        return messages.RefundPaymentResponse(status="REFUNDED")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=9300)
    options.add_argument("--database", default=os.path.join(tempfile.gettempdir(), "backstitch-example-payments-grpc.db"))
    options.add_argument("--slow", type=float, default=0)
    options = options.parse_args()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(64))
    services.add_PaymentServiceServicer_to_server(Payments(options.database, options.slow), server)
    server.add_insecure_port(f"127.0.0.1:{options.port}")
    server.start()
    print(f"listening on 127.0.0.1:{options.port}", flush=True)
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(grace=1)


if __name__ == "__main__":
    main()
