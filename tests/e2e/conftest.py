"""The whole product as `make demo` runs it, once for all end-to-end tests, with a short training."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from config.embedded.ports import free_port
from tests.support.browser import chromium

PROJECT = Path(__file__).resolve().parents[2]
TRAINING_STEPS = 20


@dataclass(frozen=True)
class DemoSite:
    """`log` is what the demo printed, `report` what it wrote."""

    url: str
    data: Path
    log: str
    report: dict

    def password(self, name: str) -> str:
        return json.loads((self.data / "demo" / "state.json").read_text())[f"{name}.password"]

    def state(self, name: str):
        return json.loads((self.data / "demo" / "state.json").read_text())[name]


def clean_environment() -> dict[str, str]:
    """The demo brings its own database and settings; nothing of the test run may reach it."""
    mine = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "WELLSPRING_", "HF_", "STRIPE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(mine)}


def processes_of(data: Path) -> list[str]:
    """Command lines of everything that runs on a data directory."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if process.environ().get("WELLSPRING_DATA") == str(data):
                found.append(" ".join(process.info["cmdline"] or []))
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="package")
def demo_site(tmp_path_factory):
    data = tmp_path_factory.mktemp("demo")
    data.chmod(0o755)
    for folder in data.parents[:3]:
        folder.chmod(folder.stat().st_mode | 0o055)  # jobs run as another user and must be able to enter
    log = data / "demo.log"
    command = [sys.executable, "-m", "demo", "--port", str(free_port()), "--data", str(data)]
    command += ["--steps", str(TRAINING_STEPS)]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=PROJECT, env=clean_environment(), stdout=output, stderr=output)
    try:
        for _attempt in range(6000):
            text = log.read_text()
            if "Ctrl-C stops everything." in text or process.poll() is not None:
                break
            time.sleep(0.1)
        assert process.poll() is None, log.read_text()[-8000:]
        url = text.split("The site is up at ")[1].split()[0]
        yield DemoSite(url, data, text, json.loads((data / "demo-report.json").read_text()))
    finally:
        process.send_signal(signal.SIGINT)  # Ctrl-C, and once more out of impatience
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        left_running = processes_of(data)
        subprocess.run(
            [sys.executable, "-m", "config.embedded.remove", str(data)],
            cwd=PROJECT,
            env=clean_environment(),
            check=False,
        )
    assert left_running == [], "Ctrl-C must stop every process that the demo started."


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running
