"""Somebody who is told that payments are in: prints each notification once, and believes only what is signed.

    python3 examples/python/receiver.py [--port 5001 5002] [--secret whsec_...]

Without a secret everybody is believed, which is for trying it out.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def is_signed(secret, headers, body):
    """Whether a request is signed by the Standard Webhooks scheme, lately."""
    id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
    if abs(time.time() - int(at)) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(expected, given) for given in headers.get("webhook-signature", "").split())


def handler_of(secret):
    seen = set()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if secret and not is_signed(secret, self.headers, body):
                return self.answer(401)
            id = self.headers.get("webhook-id")
            # A repeat is answered as the first was, and does nothing.
            if id not in seen:
                seen.add(id)
                print(self.path, body.decode(), flush=True)
            self.answer(204)

        do_POST = do_PUT

        def answer(self, status):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, nargs="+", default=[5001, 5002])
    parser.add_argument("--secret")
    options = parser.parse_args()
    handler = handler_of(options.secret)
    servers = [ThreadingHTTPServer(("127.0.0.1", port), handler) for port in options.port]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    main()
