"""A backstitch server of a test's own, found by what it says in its log."""

import json
import os
import pathlib
import subprocess
import tempfile

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
