"""`python -m licensing.standin`: run the stand-in until it is stopped."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

from .app import App
from .control import Control
from .faults import Faults
from .server import Server
from .store import Store
from .webhooks import Deliverer, Sender
from .world import World


def main(arguments: list[str] | None = None) -> int:
    if os.environ.get("WELLSPRING_ENV") == "production":
        print(
            "The Stripe stand-in does not run in production: no money would move. Set the Stripe "
            "keys of the real account and leave the stand-in out.",
            file=sys.stderr,
        )
        return 2
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="stripe-standin %(levelname)s %(message)s")
    server = Server(options.port)
    world = World(Store(options.state), base_url=server.url)
    sender = Sender(world, options.webhook_url, options.webhook_secret)
    faults = Faults()
    server.app = App(
        world,
        faults,
        Control(world, faults, sender),
        api_key=options.api_key,
        control_key=options.control_key or None,
    )
    deliverer = Deliverer(world, sender)
    deliverer.try_again_now()
    deliverer.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"ready {server.url}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(poll_interval=0.2)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    """Keys and secrets are better given by environment: command lines can be read by anybody."""
    given = os.environ.get
    parser = argparse.ArgumentParser(
        prog="python -m licensing.standin",
        description="Wellspring's stand-in for Stripe, on 127.0.0.1. No money moves.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (it is printed)")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file, made when missing")
    parser.add_argument("--webhook-url", required=True, help="where events go, on this machine")
    parser.add_argument("--webhook-secret", default=given("STANDIN_WEBHOOK_SECRET"))
    parser.add_argument("--api-key", default=given("STANDIN_API_KEY", "sk_test_wellspring"))
    parser.add_argument("--control-key", default=given("STANDIN_CONTROL_KEY"))
    options = parser.parse_args(arguments)
    if not options.webhook_secret:
        parser.error("give --webhook-secret or STANDIN_WEBHOOK_SECRET: events must be signed")
    if not options.api_key.startswith("sk_test_"):
        parser.error("the API key must begin with sk_test_: never give the stand-in a live key")
    target = urlsplit(options.webhook_url)
    if target.scheme != "http" or target.hostname not in ("127.0.0.1", "localhost"):
        parser.error("the webhook address must be http:// on 127.0.0.1 or localhost")
    return options


if __name__ == "__main__":
    sys.exit(main())
