"""The server does what its OpenAPI document says, and refuses what the document forbids: schemathesis, all checks, one seed."""

import contextlib
import os
import pathlib
import subprocess
import sys
import threading
import unittest

from server import Server

HERE = pathlib.Path(__file__).resolve().parent
SEED = os.environ.get("BACKSTITCH_TEST_SEED", "1")
EXAMPLES = os.environ.get("BACKSTITCH_TEST_CONTRACT_EXAMPLES", "10")


def drain(log):
    with contextlib.suppress(ValueError, OSError):
        for _ in log:
            pass


class Contract(unittest.TestCase):
    def test_server_and_document_agree(self):
        with Server() as server:
            # Crashes on purpose are logged: a log that nobody reads would stop the server.
            threading.Thread(target=drain, args=(server.process.stderr,), daemon=True).start()
            run = subprocess.run(
                [
                    pathlib.Path(sys.executable).with_name("schemathesis"),
                    "run",
                    f"http://{server.http}/openapi.json",
                    "--checks=all",
                    "--phases=examples,coverage,fuzzing",
                    "--continue-on-failure",
                    "--no-color",
                    "--warnings=off",
                    f"--seed={SEED}",
                    f"--max-examples={EXAMPLES}",
                ],
                cwd=server.directory.name,
                env={**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "contract_hooks.py")},
                capture_output=True,
                text=True,
            )
        self.assertEqual(run.returncode, 0, run.stdout[-20_000:] + run.stderr[-2_000:])


if __name__ == "__main__":
    unittest.main()
