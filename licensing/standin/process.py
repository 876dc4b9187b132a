"""Start the stand-in as a process and speak to it: for the tests, the demo and `make run`.

standin = process.start(state=Path("var/stripe.sqlite3"), webhook_url="http://127.0.0.1:8000/…")
gateway = Gateway(api_key=standin.api_key, webhook_secret=standin.webhook_secret,
                  api_base=standin.url)
standin.press(checkout.url, "pay")
standin.stop()
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

_ROOT = Path(__file__).resolve().parents[2]


class ControlRefused(Exception):
    """The stand-in refused a control; the sentence says why."""


@dataclass
class StandIn:
    """A running stand-in: its address, its keys, and what can be asked of it."""

    process: subprocess.Popen[str]
    url: str
    api_key: str
    webhook_secret: str
    control_key: str

    def control(self, method: str, path: str, /, **fields: Any) -> Any:
        """Call /_control/<path>; the JSON answer. Raises ControlRefused."""
        request = urllib.request.Request(  # noqa: S310 - http on this machine
            f"{self.url}/_control/{path}",
            data=json.dumps(fields).encode() if method != "GET" else None,
            headers={"X-Control-Key": self.control_key, "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ControlRefused(error.read().decode()) from error

    def press(self, checkout_url: str, action: str, *, card: str = "") -> str:
        """Press a button of the hosted page as a browser does; the address it leads to.

        `action` is pay, decline, later, bank_confirms or bank_refuses.
        """
        request = urllib.request.Request(  # noqa: S310
            checkout_url, data=urlencode({"action": action, "card": card}).encode()
        )
        try:
            _opener.open(request, timeout=60)
        except urllib.error.HTTPError as answer:
            if answer.code == 303:
                return str(answer.headers["Location"])
            raise
        raise AssertionError("the hosted page always redirects after a button")

    def kill(self) -> None:
        """End it without a chance to tidy up (SIGKILL)."""
        self.process.kill()
        self._reap()

    def stop(self) -> None:
        self.process.terminate()
        self._reap()

    def _reap(self) -> None:
        self.process.wait(timeout=20)
        if self.process.stdout is not None:
            self.process.stdout.close()


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_StayHere)


def start(
    *,
    state: Path,
    webhook_url: str,
    port: int = 0,
    api_key: str = "sk_test_wellspring",
    webhook_secret: str = "whsec_wellspring",  # noqa: S107 - for the stand-in only
    control_key: str = "control",
    log: Path | None = None,
) -> StandIn:
    """Start it and wait until it listens; raises RuntimeError when it does not start."""
    errors = log.open("a") if log else None
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "licensing.standin", "--port", str(port)),
            *("--state", str(state), "--webhook-url", webhook_url),
        ],
        cwd=_ROOT,
        env={
            **os.environ,
            "STANDIN_API_KEY": api_key,
            "STANDIN_WEBHOOK_SECRET": webhook_secret,
            "STANDIN_CONTROL_KEY": control_key,
        },
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    if errors is not None:
        errors.close()
    assert process.stdout is not None
    said = process.stdout.readline().split()
    if len(said) != 2 or said[0] != "ready":
        process.stdout.close()
        process.wait(timeout=20)
        raise RuntimeError(f"The Stripe stand-in did not start (exit status {process.returncode}).")
    return StandIn(process, said[1], api_key, webhook_secret, control_key)
