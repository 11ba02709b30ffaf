"""A backstitch server of a test's own: one process, found by what it says in its log, or five."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Server:
    """Starts the binary that BACKSTITCH names on free ports and a database of its own; a context manager."""

    def __init__(self, config=None, **settings):
        self.directory = tempfile.TemporaryDirectory(prefix="backstitch-python-")
        environment = {
            "BACKSTITCH__HTTP__BIND": "127.0.0.1:0",
            **{f"BACKSTITCH__GRPC__{port}_BIND": "127.0.0.1:0" for port in ("ORDER", "PAYMENT", "SHIPPING", "SAGA")},
            "BACKSTITCH__STORE__URL": f"sqlite:{self.directory.name}/test.db",
            "BACKSTITCH__TELEMETRY__FORMAT": "json",
            "BACKSTITCH__TELEMETRY__LOG": "info",
            **settings,
        }
        self.process = subprocess.Popen(
            [os.environ["BACKSTITCH"], *(["--config", str(config)] if config else []), "serve"],
            cwd=self.directory.name,
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.ports = {}
        self.http = None
        seen = []
        while self.http is None:
            line = self.process.stderr.readline()
            if not line:
                raise RuntimeError(f"the server has ended: {''.join(seen)}")
            seen.append(line)
            said = json.loads(line).get("fields", json.loads(line))
            if said.get("message") == "gRPC is served":
                self.ports[said["service"]] = said["address"]
            if said.get("message") == "backstitch is listening":
                self.http = said["address"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        _, rest = self.process.communicate(timeout=30)
        self.directory.cleanup()
        assert self.process.returncode == 0, rest


class Split:
    """The five roles as five processes by config/split, on free ports and databases of their own; a context manager."""

    # What each has a gRPC port for, by the name of that port.
    SERVICES = {
        "order": ("ORDER", "order.OrderService"),
        "stock": ("STOCK", "backstitch.peer.v1.PeerService"),
        "payment": ("PAYMENT", "payment.PaymentService"),
        "shipping": ("SHIPPING", "shipping.ShippingService"),
        "coordinator": ("SAGA", "backstitch.v1.SagaService"),
    }

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="backstitch-python-")
        self.kept = []
        rest = {role: self.keep_address() for role in self.SERVICES}
        grpc = {role: self.keep_address() for role in self.SERVICES}
        peers = {f"BACKSTITCH__PEERS__{role.upper()}": f"http://{address}" for role, address in grpc.items()}
        self.ports = {service: grpc[role] for role, (_, service) in self.SERVICES.items()}
        self.http = rest["coordinator"]
        self.processes = {}
        for role, (port, _) in self.SERVICES.items():
            environment = {
                **peers,
                "BACKSTITCH__HTTP__BIND": rest[role],
                f"BACKSTITCH__GRPC__{port}_BIND": grpc[role],
                "BACKSTITCH__STORE__URL": f"sqlite:{self.directory.name}/{role}.db",
            }
            with open(self.log(role), "w") as log:
                self.processes[role] = subprocess.Popen(
                    [os.environ["BACKSTITCH"], "--config", str(ROOT / "config" / "split" / f"{role}.toml"), "serve"],
                    cwd=self.directory.name,
                    env={**os.environ, **environment},
                    stderr=log,
                )
        for role, address in rest.items():
            self.wait_until_ready(role, address)

    def keep_address(self):
        """An address that nobody gets as long as the socket is there, but who asks for it by name and listens."""
        kept = socket.socket()
        kept.bind(("127.0.0.1", 0))
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.kept.append(kept)
        return "%s:%d" % kept.getsockname()

    def log(self, role):
        return pathlib.Path(self.directory.name) / f"{role}.log"

    def wait_until_ready(self, role, address):
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://{address}/readyz", timeout=60):
                    return
            except (urllib.error.URLError, ConnectionError):
                ended = [role for role, process in self.processes.items() if process.poll() is not None]
                if ended or time.monotonic() > deadline:
                    self.end()
                    raise RuntimeError(f"the {role} is not ready, ended are {ended}: {self.log(role).read_text()}")
                time.sleep(0.02)

    def end(self):
        for process in self.processes.values():
            process.terminate()
        codes = {role: process.wait(timeout=30) for role, process in self.processes.items()}
        for kept in self.kept:
            kept.close()
        return codes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        codes = self.end()
        logs = {role: self.log(role).read_text() for role, code in codes.items() if code != 0}
        self.directory.cleanup()
        assert not logs, logs
