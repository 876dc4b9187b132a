"""Inside the client's pytest: points the suite at our hub, keeps it on this machine, writes results down.

Copied into the client's environment under another name; it may import nothing of ours.
"""

import importlib
import ipaddress
import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

SETTINGS = json.loads(Path(os.environ["TESTS_COMPAT_SETTINGS"]).read_text())
WANTED = set(SETTINGS["tests"])
_running = {"requests": [], "hosts": []}


def _point_at_our_hub():
    """Before any test module reads them. A client that believes in another address would make a lie of it all."""
    from huggingface_hub import constants

    assert SETTINGS["endpoint"] == constants.ENDPOINT, constants.ENDPOINT
    suite = importlib.import_module("tests.testing_constants")
    for name, value in SETTINGS["constants"].items():
        setattr(suite, name, value)


def _stay_on_this_machine():
    """Every other address is refused at once and noted."""
    look_up, connect, connect_ex = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex

    def refuse(host):
        _running["hosts"].append(str(host))
        raise ConnectionRefusedError(f"the suite may not leave this machine: {host}")

    def checked_look_up(host, *arguments, **more):
        return look_up(host, *arguments, **more) if _is_here(host) else refuse(host)

    def checked_connect(self, address):
        if isinstance(address, tuple) and not _is_here(address[0]):
            refuse(address[0])
        return connect(self, address)

    def checked_connect_ex(self, address):
        if isinstance(address, tuple) and not _is_here(address[0]):
            refuse(address[0])
        return connect_ex(self, address)

    socket.getaddrinfo = checked_look_up
    socket.socket.connect, socket.socket.connect_ex = checked_connect, checked_connect_ex


def _is_here(host):
    name = host.decode("ascii", "ignore") if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _note_requests(library):
    """The last requests of a test say more about a failure than its traceback."""
    transport = importlib.import_module(library).HTTPTransport
    original = transport.handle_request

    def handle(self, request):
        response = original(self, request)
        _running["requests"].append(f"{request.method} {urlsplit(str(request.url)).path} {response.status_code}")
        return response

    transport.handle_request = handle


_stay_on_this_machine()
for _library in ("httpx", "httpx2"):
    try:
        _note_requests(_library)
    except ImportError:
        continue


def pytest_configure(config):
    _point_at_our_hub()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    others = [item for item in items if item.nodeid not in WANTED]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item.nodeid in WANTED]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    _running["requests"], _running["hosts"] = [], []
    Path(SETTINGS["current"]).write_text(item.nodeid)
    _outcomes[item.nodeid] = {"outcome": "passed", "message": "", "seconds": 0.0}
    answer = yield
    _write(item)
    return answer


_outcomes = {}


def pytest_runtest_logreport(report):
    noted = _outcomes[report.nodeid]
    noted["seconds"] += report.duration
    if report.failed and noted["outcome"] == "passed":
        noted["outcome"] = "failed"
        noted["message"] = f"{report.when}: {_first_line(report)}"
    elif report.skipped and noted["outcome"] == "passed":
        noted["outcome"] = "skipped"
        noted["message"] = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)[:300]


def _first_line(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr))[:600]


def _write(item):
    line = {"test": item.nodeid} | _outcomes[item.nodeid]
    line["last_request"] = " | ".join(_running["requests"][-3:])
    line["hosts"] = sorted(set(_running["hosts"]))
    line["needs_xet"] = item.get_closest_marker("xet") is not None
    with Path(SETTINGS["results"]).open("a") as file:
        file.write(json.dumps(line) + "\n")
