"""The examples of services, as processes that can be killed and started again on what they have kept."""

import json
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.request

WAITS = 60


def request(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    sent = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(sent, timeout=WAITS * 2) as answer:
        return json.load(answer)


class Example:
    """A service on a free port. `command` makes its command line of the port and of a file of its own."""

    def __init__(self, command):
        self.directory = tempfile.TemporaryDirectory(prefix="backstitch-example-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = pathlib.Path(self.directory.name) / "log"
        self.start(command)

    def start(self, command=None):
        """Starts it, as it was started before unless `command` says otherwise."""
        self.command = command or self.command
        line = self.command(self.port, pathlib.Path(self.directory.name) / "kept")
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([str(word) for word in line], stdout=log, stderr=log)
        deadline = time.monotonic() + WAITS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline and self.process.poll() is None, "the example does not start"
            time.sleep(0.02)

    def config(self, source, port):
        """The configuration that plugs it in, which has `port` in place of the real one."""
        path = pathlib.Path(self.directory.name) / source.name
        path.write_text(source.read_text().replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.port}"))
        return path

    def said(self, text):
        return self.log.read_text().count(text)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        self.directory.cleanup()
